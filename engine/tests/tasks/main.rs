//! Tasks of every kind through the in-memory ports: functions, services, tokens, activities, nested executions, redrive.
#![cfg(test)]

mod world;

use engine::{Engine, Error, InvalidRequest, RunEnd, Stop};
use ports::{ExecutionRow, ExecutionStatus};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

use world::{World, task};

const TOKEN: &str = "arn:aws:states:::sqs:sendMessage.waitForTaskToken";

fn ask() -> Value {
    task(
        TOKEN,
        &json!({"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}}),
    )
}

fn one(state: &Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state}})
}

fn output(row: &ExecutionRow) -> Value {
    assert_eq!(row.status, ExecutionStatus::Succeeded, "{row:?}");
    serde_json::from_str(row.output.as_deref().unwrap()).unwrap()
}

fn failure(row: &ExecutionRow) -> (&str, &str) {
    assert_eq!(row.status, ExecutionStatus::Failed, "{row:?}");
    (
        row.error.as_deref().unwrap_or_default(),
        row.cause.as_deref().unwrap_or_default(),
    )
}

#[tokio::test(start_paused = true)]
async fn lambda_invoke_wraps_what_the_function_answers() {
    for name in [
        "double",
        "arn:aws:lambda:us-east-1:000000000000:function:double",
        "000000000000:function:double",
    ] {
        let world = World::default();
        let parameters = json!({"FunctionName": name, "Payload": {"n": 4}});
        let row = world
            .run(&one(&task("arn:aws:states:::lambda:invoke", &parameters)))
            .await;
        let envelope = output(&row);
        assert_eq!(envelope["Payload"], json!({"doubled": 8}), "{name}");
        assert_eq!(
            (&envelope["StatusCode"], &envelope["ExecutedVersion"]),
            (&json!(200), &json!("$LATEST"))
        );
        assert_eq!(envelope["SdkHttpMetadata"]["HttpStatusCode"], 200);
    }
    let parameters = json!({"FunctionName": "fail", "Payload": {}});
    let row = World::default()
        .run(&one(&task("arn:aws:states:::lambda:invoke", &parameters)))
        .await;
    assert_eq!(failure(&row), ("CustomError", "on purpose"));
}

#[tokio::test(start_paused = true)]
async fn errors_have_the_name_that_the_integration_gives_them() {
    for (resource, expected) in [
        (
            "arn:aws:states:::dynamodb:putItem",
            "DynamoDB.ConditionalCheckFailedException",
        ),
        (
            "arn:aws:states:::aws-sdk:dynamodb:putItem",
            "DynamoDb.ConditionalCheckFailedException",
        ),
    ] {
        let row = World::default()
            .run(&one(&task(resource, &json!({"TableName": "t", "Item": {}}))))
            .await;
        assert_eq!(failure(&row).0, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_here_can_do_is_a_runtime_error_with_a_reason() {
    let row = World::default()
        .run(&one(&task(
            "arn:aws:states:::glue:startJobRun.sync",
            &json!({"JobName": "j"}),
        )))
        .await;
    let (error, cause) = failure(&row);
    assert_eq!(error, "States.Runtime");
    assert!(cause.contains("glue:startJobRun.sync"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_token_is_answered_from_outside() {
    let world = World::default();
    let engine = world.engine();
    let arn = world.start(&engine, &one(&ask())).await;
    let row = world::while_it_runs(&engine, &arn, async {
        let token = world.token(0).await;
        assert!(!token.contains("run"), "it does not show whose it is: {token}");
        let answered = engine.send_task_success(&token, "no json".to_owned()).await;
        assert!(matches!(answered, Err(Error::Request(InvalidRequest::Output))));
        let answered = engine.send_task_heartbeat("another").await;
        assert!(matches!(answered, Err(Error::Request(InvalidRequest::Token))));
        engine.send_task_heartbeat(&token).await.unwrap();
        engine
            .send_task_success(&token, "{\"approved\":true}".to_owned())
            .await
            .unwrap();
    })
    .await;
    assert_eq!(output(&row), json!({"approved": true}));
    let kinds = world.kinds(&engine, &arn).await;
    let expected = [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ];
    assert_eq!(kinds[1..7], expected);
}

#[tokio::test(start_paused = true)]
async fn a_token_can_be_answered_with_a_failure() {
    let world = World::default();
    let engine = world.engine();
    let arn = world.start(&engine, &one(&ask())).await;
    let row = world::while_it_runs(&engine, &arn, async {
        let token = world.token(0).await;
        engine
            .send_task_failure(&token, Some("No".into()), Some("refused".into()))
            .await
            .unwrap();
        let again = engine.send_task_failure(&token, None, None).await;
        assert!(matches!(again, Err(Error::Request(_))), "only one answer counts");
    })
    .await;
    assert_eq!(failure(&row), ("No", "refused"));
}

#[tokio::test(start_paused = true)]
async fn without_a_heartbeat_the_token_is_void() {
    let world = World::default();
    let engine = world.engine();
    let mut state = ask();
    state["HeartbeatSeconds"] = 10.into();
    let row = world.run_on(&engine, &one(&state)).await;
    assert_eq!(failure(&row).0, "States.Timeout");
    let late = engine.send_task_success(&world.token(0).await, "1".to_owned()).await;
    assert!(matches!(late, Err(Error::Request(InvalidRequest::Token))));
}

#[tokio::test(start_paused = true)]
async fn callbacks_survive_a_crash() {
    let world = World::default();
    let mut machine = json!({"StartAt": "A", "States": {"A": ask(), "B": ask()}});
    machine["States"]["A"]["Next"] = "B".into();
    machine["States"]["A"].as_object_mut().unwrap().remove("End");
    // The first process dies while it waits for the first answer.
    let first = world.engine();
    let arn = world.start(&first, &machine).await;
    let stop = Stop::default();
    let token = tokio::select! {
        ended = first.run(&arn, &stop) => panic!("{ended:?}"),
        token = async {
            world.submitted(&first, &arn).await;
            world.token(0).await
        } => token,
    };
    drop(first);
    // The second one dies once the answer was taken.
    let second = world.engine();
    tokio::select! {
        ended = second.run(&arn, &stop) => panic!("{ended:?}"),
        () = async {
            world::until_known(&second, &token).await;
            second.send_task_success(&token, "1".to_owned()).await.unwrap();
        } => {}
    }
    drop(second);
    // The third one knows it, and asks only for what is left.
    let third = world.engine();
    let row = world::while_it_runs(&third, &arn, async {
        let next = world.token(1).await;
        assert_ne!(next, token);
        world::until_known(&third, &next).await;
        third.send_task_success(&next, "2".to_owned()).await.unwrap();
    })
    .await;
    assert_eq!(output(&row), json!(2));
    let first_calls = world.tokens().iter().filter(|asked| **asked == token).count();
    assert_eq!(first_calls, 1, "a submitted task is not submitted again");
}

#[tokio::test(start_paused = true)]
async fn an_activity_is_done_by_its_worker() {
    let world = World::default();
    let engine = world.engine();
    let activity = engine.create_activity("review");
    let arn = world
        .start(
            &engine,
            &one(&json!({"Type": "Task", "Resource": activity, "End": true})),
        )
        .await;
    let row = world::while_it_runs(&engine, &arn, async {
        let work = engine
            .activity_task(&activity, Some("worker-1"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(work.input, "{}");
        engine
            .send_task_success(&work.token, "\"fine\"".to_owned())
            .await
            .unwrap();
    })
    .await;
    assert_eq!(output(&row), json!("fine"));
    let kinds = world.kinds(&engine, &arn).await;
    assert_eq!(
        kinds[2..5],
        ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    );
    assert_eq!(
        engine.activity_task(&activity, None).await.unwrap(),
        None,
        "after a minute without work"
    );
    let unknown = engine
        .activity_task("arn:aws:states:us-east-1:000000000000:activity:none", None)
        .await;
    assert!(matches!(unknown, Err(Error::Request(InvalidRequest::Activity))));
}

#[tokio::test(start_paused = true)]
async fn work_that_a_worker_did_not_wait_for_is_given_to_the_next() {
    let mut left = 0;
    for steps in 0..20 {
        let world = World::default();
        let engine = world.slow_engine();
        let activity = engine.create_activity("review");
        let machine = one(&json!({"Type": "Task", "Resource": activity, "End": true}));
        let arn = world.start(&engine, &machine).await;
        let row = world::while_it_runs(&engine, &arn, async {
            let first = tokio::select! {
                biased;
                work = engine.activity_task(&activity, Some("hasty")) => work.unwrap(),
                () = world::steps(steps) => None,
            };
            left += u32::from(first.is_none());
            let work = match first {
                Some(work) => Some(work),
                None => engine.activity_task(&activity, Some("patient")).await.unwrap(),
            };
            let work = work.unwrap_or_else(|| panic!("it is lost after {steps} steps"));
            engine.send_task_success(&work.token, "1".to_owned()).await.unwrap();
        })
        .await;
        assert_eq!(output(&row), json!(1));
    }
    assert!((2..20).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn an_activity_that_does_not_exist_is_never_scheduled() {
    let world = World::default();
    let engine = world.engine();
    let activity = "arn:aws:states:us-east-1:000000000000:activity:none";
    let arn = world
        .start(
            &engine,
            &one(&json!({"Type": "Task", "Resource": activity, "End": true})),
        )
        .await;
    let row = world::ended(engine.run(&arn, &Stop::default()).await.unwrap());
    let (error, cause) = failure(&row);
    assert_eq!(error, "States.Runtime");
    assert!(
        cause.ends_with(&format!("The activity {activity} does not exist.")),
        "{cause}"
    );
    assert_eq!(
        world.kinds(&engine, &arn).await,
        ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    );
}

const CHILD: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:child";

fn child(world_task: &str) -> Value {
    one(&task(
        "arn:aws:lambda:us-east-1:000000000000:function:",
        &json!({"n.$": "$.n"}),
    ))
    .to_string()
    .replace("function:", &format!("function:{world_task}"))
    .parse()
    .unwrap()
}

fn start_child(pattern: &str) -> Value {
    let resource = format!("arn:aws:states:::states:startExecution{pattern}");
    one(&task(&resource, &json!({"StateMachineArn": CHILD, "Input": {"n": 21}})))
}

#[tokio::test(start_paused = true)]
async fn nested_executions_answer_as_their_pattern_says() {
    for (pattern, payload) in [
        (".sync", json!("{\"doubled\":42}")),
        (".sync:2", json!({"doubled": 42})),
    ] {
        let world = World::default();
        let engine = world.engine();
        engine.register("child", &child("double").to_string()).unwrap();
        let result = output(&world.run_on(&engine, &start_child(pattern)).await);
        assert_eq!(result["Output"], payload);
        assert_eq!(
            (&result["Status"], &result["StateMachineArn"]),
            (&json!("SUCCEEDED"), &json!(CHILD))
        );
        assert_eq!(result["OutputDetails"], json!({"Included": true}));
    }
    let world = World::default();
    let engine = world.engine();
    engine.register("child", &child("double").to_string()).unwrap();
    let result = output(&world.run_on(&engine, &start_child("")).await);
    let nested = ports::ExecutionArn(result["ExecutionArn"].as_str().unwrap().to_owned());
    let row = world::ended(engine.run(&nested, &Stop::default()).await.unwrap());
    assert_eq!(
        output(&row),
        json!({"doubled": 42}),
        "it has ended when its parent's run returns"
    );
}

#[tokio::test(start_paused = true)]
async fn a_nested_failure_is_told_with_its_description() {
    let world = World::default();
    let engine = world.engine();
    engine.register("child", &child("fail").to_string()).unwrap();
    let row = world.run_on(&engine, &start_child(".sync:2")).await;
    let (error, cause) = failure(&row);
    assert_eq!(error, "States.TaskFailed");
    let cause: Value = serde_json::from_str(cause).unwrap();
    assert_eq!(
        (&cause["Error"], &cause["Status"]),
        (&json!("CustomError"), &json!("FAILED"))
    );
    let row = World::default().run(&start_child(".sync")).await;
    assert_eq!(failure(&row).0, "StepFunctions.StateMachineDoesNotExistException");
}

/// Knows a machine `child` that takes long.
fn register_slow(engine: &Engine) {
    let slow = json!({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1000, "End": true}}});
    engine.register("child", &slow.to_string()).unwrap();
}

/// Waits for it, and not long enough.
fn impatient() -> Value {
    let mut parent = start_child(".sync");
    parent["States"]["A"]["TimeoutSeconds"] = 5.into();
    parent
}

#[tokio::test(start_paused = true)]
async fn a_nested_execution_that_is_not_waited_for_any_more_is_stopped() {
    let world = World::default();
    let engine = world.engine();
    register_slow(&engine);
    let parent = impatient();
    let row = world.run_on(&engine, &parent).await;
    assert_eq!(failure(&row).0, "States.Timeout");
    let nested = world
        .rows()
        .await
        .into_iter()
        .find(|row| row.state_machine == "child")
        .unwrap();
    assert_eq!(nested.status, ExecutionStatus::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_nested_execution_is_stopped_with_its_parent_at_any_moment() {
    let mut stopped = 0;
    for steps in 0..100 {
        let world = World::default();
        let engine = world.slow_engine();
        register_slow(&engine);
        let arn = world.start(&engine, &start_child(".sync")).await;
        let row = world::while_it_runs(&engine, &arn, async {
            world::steps(steps).await;
            while engine.stop_execution(&arn, None, None).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(row.status, ExecutionStatus::Aborted, "after {steps} steps");
        let nested = world.rows().await.into_iter().find(|row| row.state_machine == "child");
        if let Some(nested) = nested {
            assert_eq!(nested.status, ExecutionStatus::Aborted, "after {steps} steps");
            stopped += 1;
        }
    }
    assert!((1..100).contains(&stopped), "{stopped}");
}

#[tokio::test(start_paused = true)]
async fn a_nested_execution_whose_parent_ran_out_of_time_while_it_was_down_is_stopped() {
    let world = World::default();
    let engine = world.engine();
    register_slow(&engine);
    let parent = impatient();
    let arn = world.start(&engine, &parent).await;
    let stop = Stop::default();
    tokio::select! {
        biased;
        _ = engine.run(&arn, &stop) => panic!("it waits"),
        () = world.submitted(&engine, &arn) => {}
    }
    let engine = world.later_engine(10);
    register_slow(&engine);
    let row = world::ended(engine.run(&arn, &Stop::default()).await.unwrap());
    assert_eq!(failure(&row).0, "States.Timeout");
    let rows = world.rows().await;
    let nested = rows.iter().find(|row| row.state_machine == "child").unwrap();
    assert_eq!(nested.status, ExecutionStatus::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_nested_execution_is_started_once_whatever_crashes() {
    for lives in 4..30 {
        let world = World::default();
        let engine = world.mortal(u64::MAX);
        let arn = world.start(&engine, &start_child(".sync:2")).await;
        let mut crashes = 0;
        let row = loop {
            let engine = world.mortal(lives);
            engine.register("child", &child("double").to_string()).unwrap();
            match engine.run(&arn, &Stop::default()).await {
                Ok(outcome) => break world::ended(outcome),
                Err(Error::Port { .. }) => crashes += 1,
                Err(other) => panic!("{other}"),
            }
            assert!(crashes < 1_000, "no progress with {lives} journal calls a life");
            if crashes > 40 {
                // Too short a life to get anywhere: the point is made by the longer ones.
                break world::ended(world.with_child().run(&arn, &Stop::default()).await.unwrap());
            }
        };
        assert_eq!(output(&row)["Output"], json!({"doubled": 42}), "{lives}");
        let nested = world
            .rows()
            .await
            .into_iter()
            .filter(|row| row.state_machine == "child")
            .count();
        assert_eq!(nested, 1, "{lives} journal calls a life");
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_stopped_from_outside() {
    let world = World::default();
    let engine = world.engine();
    let arn = world.start(&engine, &one(&ask())).await;
    let row = world::while_it_runs(&engine, &arn, async {
        world.token(0).await;
        engine.stop_execution(&arn, Some("Enough".into()), None).await.unwrap();
    })
    .await;
    assert_eq!(
        (row.status, row.error.as_deref()),
        (ExecutionStatus::Aborted, Some("Enough"))
    );
    let again = engine.stop_execution(&arn, None, None).await;
    assert!(matches!(again, Err(Error::Request(InvalidRequest::Execution))));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_leaves_its_tokens_valid_for_the_next() {
    let world = World::default();
    let engine = world.engine();
    let arn = world.start(&engine, &one(&ask())).await;
    let stop = Stop::default();
    let (outcome, token) = tokio::join!(engine.run(&arn, &stop), async {
        let token = world.token(0).await;
        stop.request();
        token
    });
    assert_eq!(outcome.unwrap(), RunEnd::Stopped);
    let row = world::while_it_runs(&engine, &arn, async {
        world::until_known(&engine, &token).await;
        engine.send_task_success(&token, "3".to_owned()).await.unwrap();
    })
    .await;
    assert_eq!(output(&row), json!(3));
}

#[tokio::test(start_paused = true)]
async fn a_failed_execution_is_redriven_from_its_journal() {
    let world = World::default();
    let engine = world.engine();
    let machine = json!({"StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:double", "Parameters": {"n": 1}, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:mended", "End": true}}});
    let arn = world.start(&engine, &machine).await;
    let row = world::ended(engine.run(&arn, &Stop::default()).await.unwrap());
    assert_eq!(failure(&row).0, "CustomError");
    world.mended.store(true, Ordering::SeqCst);
    engine.redrive(&arn).await.unwrap();
    let refused = engine.redrive(&arn).await;
    assert!(matches!(refused, Err(Error::NotRedrivable { .. })), "it is running");
    // Another process runs it on.
    let other = world.engine();
    let row = world::ended(other.run(&arn, &Stop::default()).await.unwrap());
    assert_eq!(output(&row), json!("mended"));
    let kinds = world.kinds(&other, &arn).await;
    let at = kinds.iter().position(|kind| kind == "ExecutionRedriven").unwrap();
    assert_eq!(kinds[at - 1], "ExecutionFailed");
    assert_eq!(kinds[at + 1], "LambdaFunctionScheduled");
    assert_eq!(
        kinds.iter().filter(|kind| *kind == "TaskStateEntered").count(),
        2,
        "A does not run again"
    );
    assert!(
        matches!(other.redrive(&arn).await, Err(Error::NotRedrivable { .. })),
        "it has succeeded"
    );
}

#[tokio::test(start_paused = true)]
async fn an_execution_answers_the_token_of_another() {
    let world = World::default();
    let engine = world.engine();
    let asking = world.start(&engine, &one(&ask())).await;
    let row = world::while_it_runs(&engine, &asking, async {
        let token = world.token(0).await;
        let send = "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess";
        let parameters = json!({"TaskToken": token, "Output": "{\"yes\":1}"});
        let row = world.run_as(&engine, "other", &one(&task(send, &parameters))).await;
        assert_eq!(output(&row), json!({}));
        let parameters = json!({"TaskToken": "none", "Output": "{}"});
        let row = world.run_as(&engine, "third", &one(&task(send, &parameters))).await;
        assert_eq!(failure(&row).0, "Sfn.InvalidTokenException");
    })
    .await;
    assert_eq!(output(&row), json!({"yes": 1}));
}

#[tokio::test(start_paused = true)]
async fn a_redrive_is_recorded_once_whatever_crashes() {
    for lives in 0..8 {
        let world = World::default();
        let engine = world.engine();
        let function = "arn:aws:lambda:us-east-1:000000000000:function:mended";
        let arn = world.start(&engine, &one(&task(function, &json!({})))).await;
        let row = world::ended(engine.run(&arn, &Stop::default()).await.unwrap());
        assert_eq!(row.status, ExecutionStatus::Failed);
        world.mended.store(true, Ordering::SeqCst);
        if let Err(error) = world.mortal(lives).redrive(&arn).await {
            assert!(matches!(error, Error::Port { .. }), "{error}");
            engine.redrive(&arn).await.unwrap();
        }
        let row = world::ended(engine.run(&arn, &Stop::default()).await.unwrap());
        assert_eq!(output(&row), json!("mended"), "{lives}");
        let kinds = world.kinds(&engine, &arn).await;
        assert_eq!(
            kinds.iter().filter(|kind| *kind == "ExecutionRedriven").count(),
            1,
            "{lives} calls"
        );
    }
}
