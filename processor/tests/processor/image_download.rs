//! The tasks of the machine `image-download`, and what they answer.

use demo::{Behaviour, Origin, origin::Options};
use fixtures::image_download;
use processor::TaskResult;
use serde_json::{Value, json};

use crate::support::{HURRY, World};

fn world() -> World {
    let more = [("IMAGES_BUCKET_NAME", "images"), ("NAME_TEMPLATE", "{host}/{basename}")];
    World::real(&[HURRY.as_slice(), &more].concat())
}

async fn origin() -> Origin {
    let options = Options {
        more: image_download::flags(),
        ..Options::default()
    };
    Origin::start(options).await.unwrap()
}

fn task(body: &Value, paths: &[Value], number: u64) -> Value {
    json!({
        "execution": "run", "number": number, "resourcePaths": paths,
        "batchInput": {"baseUrl": body["baseUrl"], "lambdaConcur": body["lambdaConcur"]},
    })
}

#[tokio::test]
async fn the_failing_body_gets_four_files_and_one_message() {
    let origin = origin().await;
    let world = world();
    let body = image_download::failure(&origin.url(""));
    let results = world
        .task(task(&body, body["resourcePaths"].as_array().unwrap(), 0))
        .await;
    let host = origin.url("").replace("http://", "").replace(':', "+");
    let found = serde_json::to_value(&results).unwrap();
    let url = |code: &str| origin.url(&format!("/data/flags/{code}/{code}.gif"));
    let success = |code: &str| json!({"url": url(code), "statusCode": 200, "filename": format!("{host}/{code}.gif")});
    let missing = json!({"url": url("zz"), "statusCode": 404, "message": format!("Could not find: {}", url("zz"))});
    assert_eq!(
        found,
        json!([success("cn"), success("in"), success("us"), success("mx"), missing])
    );
    assert_eq!(world.store.keys("images").len(), 4);
    let outcomes = world.outcomes("runs/run/0/outcomes/000000/000000000.jsonl");
    assert_eq!(outcomes.len(), 5);
}

#[tokio::test]
async fn the_succeeding_body_gets_101_files_in_21_tasks() {
    let origin = origin().await;
    let world = world();
    let body = image_download::success(&origin.url(""));
    let mut results: Vec<TaskResult> = Vec::new();
    let mut tasks = 0;
    for paths in body["resourcePaths"].as_array().unwrap().chunks(5) {
        results.extend(world.task(task(&body, paths, tasks)).await);
        tasks += 1;
    }
    assert_eq!((tasks, results.len(), world.store.keys("images").len()), (21, 102, 101));
    assert!(
        results
            .iter()
            .all(|result| result.status_code == 200 && result.message.is_none())
    );
    let outcomes = world.outcomes("runs/run/0/outcomes/000000/000000020.jsonl");
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.index).collect::<Vec<_>>(),
        [100, 101]
    );
}

#[tokio::test]
async fn other_failures_have_a_status_that_is_not_200() {
    let origin = origin().await;
    let world = world();
    let path = |behaviour: Behaviour| json!(behaviour.path("t").trim_start_matches('/'));
    let paths = [
        path(Behaviour::ErrorAlways),
        path(Behaviour::Hangup),
        path(Behaviour::ShortBody),
        json!("../x"),
    ];
    let event = json!({"resourcePaths": paths, "batchInput": {"baseUrl": origin.url(""), "lambdaConcur": 0}});
    let results = world.task(event).await;
    let statuses: Vec<_> = results.iter().map(|result| result.status_code).collect();
    assert_eq!(statuses, [500, 400, 400, 400]);
    assert_eq!(
        results[0].message.as_deref(),
        Some("HTTP error 500 - Internal Server Error")
    );
    assert!(
        results
            .iter()
            .all(|result| result.message.is_some() && result.filename.is_none())
    );
    assert!(
        world.store.keys("state").is_empty(),
        "there is no execution to write outcomes for"
    );
}

#[tokio::test]
async fn without_a_bucket_every_path_says_so() {
    let world = World::real(&HURRY);
    let event = json!({"resourcePaths": ["a"], "batchInput": {"baseUrl": "http://127.0.0.1:1", "lambdaConcur": 5}});
    let results = serde_json::to_value(world.task(event).await).unwrap();
    let expected = json!([{"url": "http://127.0.0.1:1/a", "statusCode": 500, "message": "No IMAGES_BUCKET_NAME set"}]);
    assert_eq!(results, expected);
}
