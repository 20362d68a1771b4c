//! `TestState` cases.

use crate::case::Case;
use crate::compare::{Compared, Rules};
use crate::normal::normal;
use crate::paths::Step;
use crate::replay::identity;
use asl::test_state::{TestStateProgress, TestStateRefused, TestStateRequest, test_state};
use asl::{Identity, Moment, Value};
use serde_json::json;

pub(crate) fn compare(case: &Case) -> Compared {
    let rules = Rules::of(case);
    match run(case) {
        Err(refused) => {
            let actual = json!({"code": refused.code, "message": refused.message});
            rules.compare(
                case.expect().get("error").unwrap_or(&Value::Null),
                &actual,
                &mut vec![Step::Name("error".into())],
            )
        }
        Ok(TestStateProgress::Invoke(..)) => Err("a real call is wanted".to_owned()),
        Ok(TestStateProgress::Done(response)) => {
            let actual = normal(&serde_json::to_value(&*response).unwrap());
            let expected = case.expect().get("response").unwrap_or(&Value::Null);
            rules.compare(expected, &actual, &mut vec![Step::Name("response".into())])
        }
    }
}

fn run(case: &Case) -> Result<TestStateProgress, TestStateRefused> {
    let mut request = case.json["request"].clone();
    request["definition"] = case.json["definition"].clone();
    if let Some(input) = case.json.get("input") {
        request["input"] = input.clone();
    }
    let request: TestStateRequest = serde_json::from_value(request).unwrap();
    let identity = Identity {
        execution_arn: "arn:aws:states:us-east-1:111111111111:express:machine-1:execution-1".into(),
        ..identity(case)
    };
    let moment = Moment {
        now: identity.start_time,
        jitter: 0.5,
    };
    test_state(&request, identity, moment)
}
