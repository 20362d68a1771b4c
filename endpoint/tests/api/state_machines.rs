//! State machines, versions, aliases and tags. Texts of refusals are recordings of the service, 2023-06 to 2025-03.

use serde_json::{Value, json};

use crate::support::{Served, pass, validation};

const ROLE: &str = "arn:aws:iam::111111111111:role/r";

fn arn(name: &str) -> String {
    format!("arn:aws:states:us-east-1:111111111111:stateMachine:{name}")
}

fn machine(name: &str) -> Value {
    json!({"name": name, "definition": pass(), "roleArn": ROLE})
}

fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn refusal(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

#[tokio::test]
async fn a_state_machine_is_created_described_listed_and_deleted() {
    let served = Served::start().await;
    let created = served.ok("CreateStateMachine", &machine("m")).await;
    assert_eq!(created, json!({"stateMachineArn": arn("m"), "creationDate": 0.0}));
    assert_eq!(served.ok("CreateStateMachine", &machine("m")).await, created);
    let described = served
        .ok("DescribeStateMachine", &json!({"stateMachineArn": arn("m")}))
        .await;
    let expected = json!({
        "stateMachineArn": arn("m"), "name": "m", "status": "ACTIVE", "type": "STANDARD", "creationDate": 0.0,
        "definition": pass(), "roleArn": ROLE,
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": false},
        "tracingConfiguration": {"enabled": false},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    });
    assert_eq!(described, expected);
    let listed = served.ok("ListStateMachines", &json!({})).await;
    assert_eq!(listed["stateMachines"][0]["name"], "m");
    for _again in 0..2 {
        served
            .ok("DeleteStateMachine", &json!({"stateMachineArn": arn("m")}))
            .await;
    }
    assert_eq!(
        served.ok("ListStateMachines", &json!({})).await,
        json!({"stateMachines": []})
    );
    served.stop().await;
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_in_awss_words() {
    let served = Served::start().await;
    served.ok("CreateStateMachine", &machine("m")).await;
    let other = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}).to_string();
    let exists = format!("State Machine Already Exists: '{}'", arn("m"));
    let one_destination = "Invalid Logging Configuration: Must specify exactly one Log Destination.";
    let cases = [
        (
            with(machine("m"), &json!({"definition": other})),
            "StateMachineAlreadyExists",
            exists.as_str(),
        ),
        (machine("a b"), "InvalidName", "Invalid Name: 'a b'"),
        (
            with(machine("n"), &json!({"definition": "{\"StartAt\": \"A\"}"})),
            "InvalidDefinition",
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'",
        ),
        (
            with(machine("n"), &json!({"versionDescription": "d"})),
            "ValidationException",
            "Version description can only be set when publish is true",
        ),
        (
            with(machine("n"), &json!({"loggingConfiguration": {"level": "ALL"}})),
            "InvalidLoggingConfiguration",
            one_destination,
        ),
        (
            with(machine("n"), &json!({"roleArn": "not_a_valid_arn"})),
            "InvalidArn",
            "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'",
        ),
    ];
    for (body, code, message) in cases {
        assert_eq!(
            served.refused("CreateStateMachine", &body).await,
            refusal(code, message)
        );
    }
    let many: Vec<Value> = (0..51).map(|n| json!({"key": n.to_string(), "value": ""})).collect();
    let told = served
        .refused("CreateStateMachine", &with(machine("n"), &json!({"tags": many})))
        .await;
    assert_eq!(told.0, "TooManyTags");
    served.stop().await;
}

#[tokio::test]
async fn updates_make_revisions_only_when_something_changes() {
    let served = Served::start().await;
    served.ok("CreateStateMachine", &machine("m")).await;
    let update = |more: Value| with(json!({"stateMachineArn": arn("m")}), &more);
    let nothing =
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified";
    let told = served.refused("UpdateStateMachine", &update(json!({}))).await;
    assert_eq!(told, refusal("MissingRequiredParameter", nothing));
    let same = served
        .ok(
            "UpdateStateMachine",
            &update(json!({"definition": pass(), "publish": true})),
        )
        .await;
    assert_eq!(same, json!({"updateDate": 0.0, "stateMachineVersionArn": arn("m:1")}));
    let changed = served
        .ok("UpdateStateMachine", &update(json!({"roleArn": format!("{ROLE}2")})))
        .await;
    assert_eq!(changed["revisionId"].as_str().map(str::len), Some(36));
    let again = served
        .ok("UpdateStateMachine", &update(json!({"roleArn": format!("{ROLE}2")})))
        .await;
    assert_eq!(again, changed);
    let described = served
        .ok("DescribeStateMachine", &json!({"stateMachineArn": arn("m")}))
        .await;
    assert_eq!(
        (&described["revisionId"], &described["roleArn"]),
        (&changed["revisionId"], &json!(format!("{ROLE}2")))
    );
    let version = served
        .ok("DescribeStateMachine", &json!({"stateMachineArn": arn("m:1")}))
        .await;
    assert_eq!(
        (&version["stateMachineArn"], &version["roleArn"]),
        (&json!(arn("m:1")), &json!(ROLE))
    );
    let of_version = json!({"stateMachineArn": arn("m:1"), "definition": pass()});
    let missing = format!("State Machine Does Not Exist: '{}'", arn("m:1"));
    let told = served.refused("UpdateStateMachine", &of_version).await;
    assert_eq!(told, refusal("StateMachineDoesNotExist", &missing));
    served.stop().await;
}

#[tokio::test]
async fn versions_are_published_listed_and_deleted() {
    let served = Served::start().await;
    let created = with(machine("m"), &json!({"publish": true, "versionDescription": "first"}));
    let created = served.ok("CreateStateMachine", &created).await;
    assert_eq!(created["stateMachineVersionArn"], arn("m:1"));
    let publish = json!({"stateMachineArn": arn("m"), "description": "first"});
    let published = served.ok("PublishStateMachineVersion", &publish).await;
    assert_eq!(published["stateMachineVersionArn"], arn("m:1"));
    let role = json!({"stateMachineArn": arn("m"), "roleArn": format!("{ROLE}2")});
    let updated = served.ok("UpdateStateMachine", &role).await;
    let wrong = json!({"stateMachineArn": arn("m"), "revisionId": "INITIAL"});
    let current = updated["revisionId"].as_str().unwrap();
    let message = format!(
        "Failed to publish the State Machine version for revision INITIAL. The current State Machine revision is {current}."
    );
    assert_eq!(
        served.refused("PublishStateMachineVersion", &wrong).await,
        refusal("ConflictException", &message)
    );
    served
        .ok("PublishStateMachineVersion", &json!({"stateMachineArn": arn("m")}))
        .await;
    let page = json!({"stateMachineArn": arn("m"), "maxResults": 1});
    let first = served.ok("ListStateMachineVersions", &page).await;
    assert_eq!(first["stateMachineVersions"][0]["stateMachineVersionArn"], arn("m:2"));
    let second = served
        .ok(
            "ListStateMachineVersions",
            &with(page, &json!({"nextToken": first["nextToken"]})),
        )
        .await;
    assert_eq!(second["stateMachineVersions"][0]["stateMachineVersionArn"], arn("m:1"));
    assert_eq!(second.get("nextToken"), None);
    for _again in 0..2 {
        served
            .ok(
                "DeleteStateMachineVersion",
                &json!({"stateMachineVersionArn": arn("m:1")}),
            )
            .await;
    }
    served.stop().await;
}

/// A state machine with two versions.
async fn two_versions(served: &Served) {
    served
        .ok("CreateStateMachine", &with(machine("m"), &json!({"publish": true})))
        .await;
    let changed = json!({"stateMachineArn": arn("m"), "roleArn": format!("{ROLE}2"), "publish": true});
    served.ok("UpdateStateMachine", &changed).await;
}

fn alias(name: &str, routes: &[(&str, u32)]) -> Value {
    let route = |(version, weight): &(&str, u32)| json!({"stateMachineVersionArn": arn(version), "weight": weight});
    json!({"name": name, "routingConfiguration": routes.iter().map(route).collect::<Vec<_>>()})
}

#[tokio::test]
async fn aliases_are_created_updated_listed_and_deleted() {
    let served = Served::start().await;
    two_versions(&served).await;
    let live = alias("live", &[("m:1", 100)]);
    let created = served.ok("CreateStateMachineAlias", &live).await;
    assert_eq!(created["stateMachineAliasArn"], arn("m:live"));
    assert_eq!(served.ok("CreateStateMachineAlias", &live).await, created);
    served
        .ok("CreateStateMachineAlias", &alias("next", &[("m:2", 100)]))
        .await;
    let update = json!({"stateMachineAliasArn": arn("m:live"), "description": "d",
        "routingConfiguration": alias("", &[("m:1", 40), ("m:2", 60)])["routingConfiguration"]});
    served.ok("UpdateStateMachineAlias", &update).await;
    let described = served
        .ok(
            "DescribeStateMachineAlias",
            &json!({"stateMachineAliasArn": arn("m:live")}),
        )
        .await;
    assert_eq!(described["routingConfiguration"], update["routingConfiguration"]);
    assert_eq!(
        (&described["name"], &described["description"]),
        (&json!("live"), &json!("d"))
    );
    let page = json!({"stateMachineArn": arn("m"), "maxResults": 1});
    let listed = served.ok("ListStateMachineAliases", &page).await;
    assert_eq!(listed["stateMachineAliases"][0]["stateMachineAliasArn"], arn("m:live"));
    let listed = served
        .ok(
            "ListStateMachineAliases",
            &with(page, &json!({"nextToken": listed["nextToken"]})),
        )
        .await;
    assert_eq!(listed["stateMachineAliases"][0]["stateMachineAliasArn"], arn("m:next"));
    let told = served
        .refused(
            "DeleteStateMachineVersion",
            &json!({"stateMachineVersionArn": arn("m:2")}),
        )
        .await;
    let message = "Version to be deleted must not be referenced by an alias. \
                   Current list of aliases referencing this version: [live, next]";
    assert_eq!(told, refusal("ConflictException", message));
    for _again in 0..2 {
        served
            .ok(
                "DeleteStateMachineAlias",
                &json!({"stateMachineAliasArn": arn("m:live")}),
            )
            .await;
    }
    let told = served.refused("UpdateStateMachineAlias", &update).await;
    assert_eq!(
        told,
        refusal("ResourceNotFound", "Request references a resource that does not exist.")
    );
    served.stop().await;
}

#[tokio::test]
async fn routes_that_do_not_add_up_are_refused() {
    let served = Served::start().await;
    two_versions(&served).await;
    served
        .ok("CreateStateMachineAlias", &alias("live", &[("m:1", 100)]))
        .await;
    let (one, two) = (arn("m:1"), arn("m:2"));
    let cases = [
        (
            alias("a", &[("m", 50), ("m:2", 50)]),
            format!(
                "Routing configuration must contain state machine version ARNs. Received: [{}, {two}]",
                arn("m")
            ),
        ),
        (
            alias("a", &[("m:1", 50), ("m:1", 50)]),
            format!("Routing configuration must contain distinct state machine version ARNs. Received: [{one}, {one}]"),
        ),
        (
            alias("a", &[("m:1", 70), ("m:2", 29)]),
            "Sum of routing configuration weights must equal 100. Received: [70, 29]".to_owned(),
        ),
    ];
    for (body, message) in cases {
        assert_eq!(
            served.refused("CreateStateMachineAlias", &body).await,
            validation(&message)
        );
    }
    let taken = "Failed to create alias because an alias with the same name and a different routing configuration already exists.";
    let told = served
        .refused("CreateStateMachineAlias", &alias("live", &[("m:2", 100)]))
        .await;
    assert_eq!(told, refusal("ConflictException", taken));
    let told = served
        .refused("CreateStateMachineAlias", &alias("a", &[("m:9", 100)]))
        .await;
    assert_eq!(told.0, "ResourceNotFound");
    served.stop().await;
}

#[tokio::test]
async fn tags_are_added_replaced_and_removed() {
    let served = Served::start().await;
    let tagged = with(
        machine("m"),
        &json!({"tags": [{"key": "a", "value": "1"}], "publish": true}),
    );
    served.ok("CreateStateMachine", &tagged).await;
    let tags = json!([{"key": "a", "value": "2"}, {"key": "b", "value": ""}]);
    served
        .ok("TagResource", &json!({"resourceArn": arn("m"), "tags": tags}))
        .await;
    let listed = served
        .ok("ListTagsForResource", &json!({"resourceArn": arn("m")}))
        .await;
    assert_eq!(listed["tags"], tags);
    served
        .ok(
            "UntagResource",
            &json!({"resourceArn": arn("m"), "tagKeys": ["a", "c"]}),
        )
        .await;
    let listed = served
        .ok("ListTagsForResource", &json!({"resourceArn": arn("m")}))
        .await;
    assert_eq!(listed["tags"], json!([{"key": "b", "value": ""}]));
    let told = served
        .refused("TagResource", &json!({"resourceArn": arn("m:1"), "tags": tags}))
        .await;
    assert_eq!(
        told,
        refusal("ResourceNotFound", &format!("Resource not found: '{}'", arn("m:1")))
    );
    served.stop().await;
}

#[tokio::test]
async fn activities_are_created_once_and_found() {
    let served = Served::start().await;
    let arn = "arn:aws:states:us-east-1:111111111111:activity:a";
    let created = served
        .ok(
            "CreateActivity",
            &json!({"name": "a", "tags": [{"key": "k", "value": "v"}]}),
        )
        .await;
    assert_eq!(created, json!({"activityArn": arn, "creationDate": 0.0}));
    assert_eq!(served.ok("CreateActivity", &json!({"name": "a"})).await, created);
    let named = json!({"activityArn": arn});
    let described = served.ok("DescribeActivity", &named).await;
    assert_eq!(described, json!({"activityArn": arn, "name": "a", "creationDate": 0.0}));
    assert_eq!(
        served.ok("ListActivities", &json!({})).await,
        json!({"activities": [described]})
    );
    let listed = served.ok("ListTagsForResource", &json!({"resourceArn": arn})).await;
    assert_eq!(listed["tags"], json!([{"key": "k", "value": "v"}]));
    for _again in 0..2 {
        served.ok("DeleteActivity", &named).await;
    }
    let missing = format!("Activity Does Not Exist: '{arn}'");
    assert_eq!(
        served.refused("DescribeActivity", &named).await,
        refusal("ActivityDoesNotExist", &missing)
    );
    let told = served
        .refused("CreateActivity", &json!({"name": "TestActivity InvalidName$"}))
        .await;
    assert_eq!(
        told,
        refusal("InvalidName", "Invalid Name: 'TestActivity InvalidName$'")
    );
    served.stop().await;
}
