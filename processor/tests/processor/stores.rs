//! Files in folders: what a store that refuses means for an item, and for the batch.

use std::sync::Arc;

use adapters::local::{Access, Directory};
use manifest::Status;
use ports::memory::{Origin, Reply};

use crate::support::{World, downloads, verdict};

/// A world that writes `out` to a folder, and everything else below another one.
fn world(script: Origin) -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = Directory::below(folder.path().join("objects"));
    store
        .mount("out", &folder.path().join("out"), Access::ReadWrite)
        .unwrap();
    let (mut world, _) = World::scripted(&[], script);
    world.ports.store = Arc::new(store);
    (world, folder)
}

fn serving(urls: &[&str]) -> Origin {
    urls.iter().fold(Origin::default(), |script, url| {
        script.with(*url, [Reply::ok("GIF89a")])
    })
}

async fn outcomes(world: &World, urls: &[&str]) -> Vec<manifest::Outcome> {
    use futures::TryStreamExt;
    let processor::Response::Summary(summary) = world.call(downloads(urls)).await.unwrap() else {
        panic!("a batch is answered with a summary")
    };
    let at = summary.outcomes.unwrap();
    let at = ports::ObjectKey::new(&at.bucket, &at.key);
    let (_, body) = world.ports.store.get(&at, ports::GetOptions::default()).await.unwrap();
    let pieces: Vec<bytes::Bytes> = body.try_collect().await.unwrap();
    let text = String::from_utf8(pieces.concat()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_through_a_symbolic_link() {
    let urls = ["https://linked.example/a.gif", "https://plain.example/a.gif"];
    let (world, folder) = world(serving(&urls));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("out/linked.example")).unwrap();
    let outcomes = outcomes(&world, &urls).await;
    assert_eq!(verdict(&outcomes[0]), (Status::Failed, Some("WriteFailed"), None));
    assert_eq!(verdict(&outcomes[1]), (Status::Succeeded, None, Some(200)));
    assert_eq!(std::fs::read_dir(elsewhere).unwrap().count(), 0);
    assert_eq!(
        std::fs::read(folder.path().join("out/plain.example/a.gif")).unwrap(),
        b"GIF89a"
    );
}

/// The suffixes are the beginnings of `printf %s URL | sha256sum`.
#[tokio::test(start_paused = true)]
async fn a_name_that_is_a_folder_too_gives_way_whoever_comes_first() {
    let (file, below) = ("https://h.example/x/a.d", "https://h.example/x/a.d/b/c.gif");
    let (world, folder) = world(serving(&[file, below]));
    let mut names = Vec::new();
    for urls in [[file, below], [below, file]] {
        for url in urls {
            let outcome = outcomes(&world, &[url]).await.remove(0);
            assert_eq!(verdict(&outcome), (Status::Succeeded, None, Some(200)), "{outcome:?}");
            let name = outcome.filename.unwrap();
            let written = std::fs::read(folder.path().join("out").join(&name)).unwrap();
            assert_eq!(written, b"GIF89a");
            names.push(name);
        }
        std::fs::remove_dir_all(folder.path().join("out/h.example")).unwrap();
    }
    assert_eq!(
        names,
        [
            "h.example/x/a.d",
            "h.example/x/c~15e1a492ba27488f.gif",
            "h.example/x/a.d/b/c.gif",
            "h.example/x/a~4292bed0c5eb71e6.d",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_does_not_exist_ends_the_batch() {
    let (mut world, _folder) = world(serving(&["https://h.example/a"]));
    world.ports.store = Arc::new(Directory::default());
    let error = world.call(downloads(&["https://h.example/a"])).await.unwrap_err();
    assert_eq!(error.name(), "Gantry.StorageNotFound");
}
