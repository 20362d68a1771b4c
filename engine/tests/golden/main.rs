//! Replays what AWS recorded: definitions, inputs and task results in, histories and outcomes compared.
//!
//! `GANTRY_GOLDEN=DIR cargo test --release -p gantry-engine --test golden -- --nocapture`. Drives only `asl`, on a virtual
//! clock; nothing is special-cased per case. Unset, it says so and passes.
#![cfg(test)]

mod case;
mod compare;
mod map_run;
mod normal;
mod paths;
mod recorded;
mod replay;
mod score;
mod static_kinds;
mod test_state;
mod verdict;

use case::Case;
use score::{Floor, Score};
use std::path::Path;

/// What the score must not fall below, in permille.
const FLOOR: Floor = Floor {
    outcome: 1_000,
    types: 1_000,
    events: 997,
    strict: 984,
};

#[test]
fn recorded_cases_are_answered_as_aws_did() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one way to tell the harness where the cases lie"
    )]
    let folder = std::env::var("GANTRY_GOLDEN");
    let Ok(folder) = folder else {
        println!("GANTRY_GOLDEN is not set: no recorded cases to replay");
        return;
    };
    let mut score = Score::default();
    for case in Case::all(Path::new(&folder)) {
        let verdict = verdict::of(&case);
        score.add(&case, &verdict);
    }
    score.print();
    score.hold(&FLOOR);
}
