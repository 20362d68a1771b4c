use super::*;
use bytes::Bytes;
use futures::TryStreamExt;
use ports::conformance::object_store as checks;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;
use tree::Resolution;

fn mounted(access: Access) -> (TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    let store = Directory::default();
    store.mount("out", folder.path(), access).unwrap();
    (folder, store)
}

async fn put(store: &Directory, key: &str, body: &'static str) -> Result<PutResult> {
    let body = Bytes::from_static(body.as_bytes()).into();
    store
        .put(&ObjectKey::new("out", key), body, PutOptions::default())
        .await
}

async fn read(store: &Directory, key: &str) -> Result<String> {
    let (_, body) = store.get(&ObjectKey::new("out", key), GetOptions::default()).await?;
    let pieces: Vec<Bytes> = body.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

async fn keys(store: &Directory) -> Vec<String> {
    let page = store.list("out", "", None).await.unwrap();
    page.objects.into_iter().map(|object| object.key).collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_bucket_below_the_root_passes_every_check() {
    let root = tempfile::tempdir().unwrap();
    let store = Directory::below(root.path().join("objects"));
    checks::all(&store, "bucket").await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_was_never_written_to_cannot_be_listed() {
    let root = tempfile::tempdir().unwrap();
    let store = Directory::below(root.path().to_owned());
    let refused = store.list("misspelt", "", None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.to_string().contains("`misspelt`"), "{refused}");
}

#[tokio::test]
async fn a_bucket_resolved_segment_by_segment_passes_every_check() {
    let root = tempfile::tempdir().unwrap();
    let store = Directory::default();
    let tree = Tree::open(root.path(), Naming::Escaped, Access::ReadWrite).unwrap();
    let tree = tree.resolving(Resolution::SegmentBySegment);
    store.trees().insert("bucket".to_owned(), Arc::new(tree));
    checks::all(&store, "bucket").await.unwrap();
}

#[tokio::test]
async fn a_mount_passes_the_checks_that_any_folder_can() {
    let (_folder, store) = mounted(Access::ReadWrite);
    checks::what_was_put_is_what_is_got(&store, "out").await.unwrap();
    checks::what_is_not_there_is_not_found(&store, "out").await.unwrap();
    checks::ranges_give_what_there_is(&store, "out").await.unwrap();
    checks::a_read_can_insist_on_an_etag(&store, "out").await.unwrap();
    checks::a_write_can_insist_on_being_the_first(&store, "out")
        .await
        .unwrap();
    checks::only_one_of_many_is_the_first(&store, "out").await.unwrap();
    checks::a_stream_is_written_whole(&store, "out").await.unwrap();
    checks::a_broken_stream_leaves_nothing(&store, "out").await.unwrap();
    checks::impossible_keys_are_malformed(&store, "out").await.unwrap();
    checks::listings_come_in_pages(&store, "out").await.unwrap();
    checks::a_copy_has_the_same_content(&store, "out").await.unwrap();
    checks::a_deleted_object_is_gone(&store, "out").await.unwrap();
}

#[tokio::test]
async fn a_mount_holds_plain_files_and_nothing_else() {
    let (folder, store) = mounted(Access::ReadWrite);
    put(&store, "example.com/a b/ü.gif", "image").await.unwrap();
    let path = folder.path().join("example.com/a b/ü.gif");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "image");
    assert_eq!(files(folder.path()), ["example.com"]);
    assert_eq!(files(&folder.path().join("example.com/a b")), ["ü.gif"]);
}

#[tokio::test]
async fn keys_that_are_no_paths_are_malformed_in_a_mount() {
    let (folder, store) = mounted(Access::ReadWrite);
    for key in ["../x", "/etc/x", "a/../x", "a//x", "a/", "a\\x", "a\0x"] {
        let error = put(&store, key, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{key:?}");
        assert!(error.to_string().contains("has no file: it "), "{error}");
    }
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn nothing_is_reached_through_a_symbolic_link() {
    for resolution in [Resolution::Kernel, Resolution::SegmentBySegment] {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let folder = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("link")).unwrap();
        symlink(outside.path().join("secret"), folder.path().join("file")).unwrap();
        symlink("..", folder.path().join("up")).unwrap();
        let store = Directory::default();
        let tree = Tree::open(folder.path(), Naming::Plain, Access::ReadWrite).unwrap();
        store
            .trees()
            .insert("out".to_owned(), Arc::new(tree.resolving(resolution)));
        for key in ["link/new", "link/secret", "link/deep/er", "up/new"] {
            let error = put(&store, key, "x").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{key}: {error}");
        }
        for key in ["link/secret", "file"] {
            assert!(read(&store, key).await.is_err(), "{key}");
            assert!(store.head(&ObjectKey::new("out", key)).await.is_err(), "{key}");
        }
        assert!(keys(&store).await.is_empty(), "links are not listed");
        put(&store, "file", "mine").await.unwrap();
        assert_eq!(
            read(&store, "file").await.unwrap(),
            "mine",
            "the link itself is replaced"
        );
        assert_eq!(files(outside.path()), ["secret"]);
        assert_eq!(
            std::fs::read_to_string(outside.path().join("secret")).unwrap(),
            "secret"
        );
    }
}

#[tokio::test]
async fn a_file_and_a_folder_cannot_have_one_name_in_a_mount() {
    let (_folder, store) = mounted(Access::ReadWrite);
    put(&store, "a", "file").await.unwrap();
    let error = put(&store, "a/b", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(
        error.to_string().contains("a file or a link where a folder is needed"),
        "{error}"
    );
    put(&store, "c/d", "x").await.unwrap();
    let error = put(&store, "c", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert_eq!(read(&store, "a/b").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(read(&store, "c").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(keys(&store).await, ["a", "c/d"]);
}

#[tokio::test]
async fn a_mount_can_be_read_only() {
    let (folder, store) = mounted(Access::ReadOnly);
    std::fs::write(folder.path().join("urls.csv"), "url").unwrap();
    assert_eq!(read(&store, "urls.csv").await.unwrap(), "url");
    let error = put(&store, "new", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(
        store
            .delete(&ObjectKey::new("out", "urls.csv"))
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Denied
    );
    assert_eq!(files(folder.path()), ["urls.csv"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_made_or_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Directory::default();
    let deep = folder.path().join("not/yet/there");
    let error = store.mount("out", &deep, Access::ReadOnly).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("not/yet/there"), "{error}");
    store.mount("out", &deep, Access::ReadWrite).unwrap();
    assert!(deep.is_dir());
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = store
        .mount("out", &folder.path().join("file/x"), Access::ReadWrite)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}

#[tokio::test]
async fn a_folder_removed_meanwhile_is_made_again() {
    let (folder, store) = mounted(Access::ReadWrite);
    put(&store, "a/b/one", "1").await.unwrap();
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    put(&store, "a/b/two", "2").await.unwrap();
    assert_eq!(keys(&store).await, ["a/b/two"]);
}

#[tokio::test]
async fn what_dead_processes_left_is_swept_and_never_listed() {
    let (folder, store) = mounted(Access::ReadWrite);
    put(&store, "a/object", "x").await.unwrap();
    let of_the_dead = format!(".gantry-{}-1-0.part", i32::MAX);
    std::fs::write(folder.path().join("a").join(&of_the_dead), "half").unwrap();
    std::fs::write(folder.path().join("a/.gantry-1-1-0.part"), "alive").unwrap();
    std::fs::write(folder.path().join("a/own.part"), "not ours").unwrap();
    assert_eq!(keys(&store).await, ["a/object", "a/own.part"]);
    assert_eq!(store.sweep("out").await.unwrap(), 1);
    assert_eq!(
        files(&folder.path().join("a")),
        [".gantry-1-1-0.part", "object", "own.part"]
    );
}

#[tokio::test]
async fn a_folder_that_was_removed_and_made_again_is_listed() {
    let (folder, store) = mounted(Access::ReadWrite);
    for key in ["a/one", "a/b/two"] {
        put(&store, key, "x").await.unwrap();
    }
    assert_eq!(keys(&store).await, ["a/b/two", "a/one"]);
    std::fs::remove_dir_all(folder.path().join("a")).unwrap();
    assert!(keys(&store).await.is_empty());
    std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
    std::fs::write(folder.path().join("a/b/three"), "x").unwrap();
    assert_eq!(keys(&store).await, ["a/b/three"]);
    // Another folder under its name, and the one that had it under another.
    std::fs::rename(folder.path().join("a"), folder.path().join("old")).unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/four"), "x").unwrap();
    assert_eq!(keys(&store).await, ["a/four", "old/b/three"]);
}

#[tokio::test]
async fn a_mount_whose_folder_is_gone_is_not_empty_but_an_error() {
    let (folder, store) = mounted(Access::ReadWrite);
    put(&store, "one", "x").await.unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    std::fs::create_dir(folder.path()).unwrap();
    std::fs::write(folder.path().join("two"), "x").unwrap();
    let error = store.list("out", "", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_cancelled_write_leaves_nothing() {
    let (folder, store) = mounted(Access::ReadWrite);
    let megabytes = Bytes::from(vec![0; 3 << 20]);
    let body = futures::stream::iter([Ok(megabytes)]).chain(futures::stream::pending());
    let at = ObjectKey::new("out", "never");
    let mut writing = store.put(&at, ObjectBody::Stream(body.boxed()), PutOptions::default());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(50), &mut writing).await;
    assert!(waited.is_err(), "the body has no end");
    assert_eq!(files(folder.path()).len(), 1, "an unfinished file");
    drop(writing);
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn more_folders_than_handles_are_kept() {
    let (_folder, store) = mounted(Access::ReadWrite);
    for number in 0..600 {
        put(&store, &format!("host-{}/file-{number}", number % 300), "x")
            .await
            .unwrap();
    }
    assert_eq!(keys(&store).await.len(), 600);
}

#[tokio::test]
async fn errors_name_the_path_and_what_can_be_done() {
    let (folder, store) = mounted(Access::ReadWrite);
    put(&store, "locked/one", "x").await.unwrap();
    let locked = folder.path().join("locked");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if rustix::process::geteuid().is_root() {
        return; // For root no folder is locked.
    }
    let error = put(&store, "locked/two", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.to_string().contains("locked/two"), "{error}");
}

use futures::StreamExt;
