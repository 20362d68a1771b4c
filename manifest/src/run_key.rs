//! Where a run keeps its objects in the state bucket: one place, so that who writes and who reads agree.
//!
//! Every key is a function of execution, round and batch alone. A child that runs twice writes the same keys.

/// The batch list of a round.
pub fn batch_list(execution: &str, round: u32) -> String {
    format!("runs/{execution}/{round}/batches.jsonl")
}

/// A manifest without byte addresses (compressed, or from a pipe), spooled as plain bytes.
pub fn spool(execution: &str) -> String {
    format!("runs/{execution}/manifest")
}

/// The outcomes of one batch, in folders of a thousand.
pub fn outcomes(execution: &str, round: u32, batch: u64) -> String {
    format!(
        "{}{:06}/{:09}.jsonl",
        outcomes_prefix(execution, round),
        batch / 1_000,
        batch
    )
}

/// What all outcome objects of a round begin with.
pub fn outcomes_prefix(execution: &str, round: u32) -> String {
    format!("runs/{execution}/{round}/outcomes/")
}

/// The items that a round has left, for the next one.
pub fn remaining(execution: &str, round: u32, part: u32) -> String {
    format!("runs/{execution}/{round}/remaining/{part:05}.jsonl")
}

/// What the consolidator has counted when it left off, by round and call.
pub fn tally(execution: &str, round: u32, part: u32) -> String {
    format!("runs/{execution}/{round}/tally/{part:05}.json")
}

/// The settled outcomes of a round in batch order, a part for each call of the consolidator.
pub fn results(execution: &str, round: u32, part: u32) -> String {
    format!("runs/{execution}/{round}/results/{part:05}.jsonl")
}

/// The claim of an item on its file's name, by the name's hash.
pub fn name_claim(execution: &str, hash: &str) -> String {
    format!("runs/{execution}/names/{hash}")
}

/// What is known of the names of a run's copies before the first of them is made.
pub fn name_rule(execution: &str) -> String {
    format!("runs/{execution}/names.json")
}

/// What the records of an object's versions begin with that go to one name, by the name's hash.
pub fn version_records(execution: &str, hash: &str) -> String {
    format!("runs/{execution}/versions/{hash}/")
}

/// What a map run's result files begin with: the `Prefix` of the machine's `ResultWriter`.
pub fn map_results(execution: &str, round: u32) -> String {
    format!("runs/{execution}/{round}/map")
}

/// The completion report of a run: `job-<execution>/manifest.json` and what it refers to.
pub fn report(execution: &str, file: &str) -> String {
    format!("job-{execution}/{file}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn outcome_keys_list_in_batch_order() {
        let keys: Vec<_> = [0, 999, 1_000, 1_000_000].map(|n| super::outcomes("r", 0, n)).into();
        assert!(keys.is_sorted());
        assert!(keys.iter().all(|key| key.starts_with("runs/r/0/outcomes/")));
    }
}
