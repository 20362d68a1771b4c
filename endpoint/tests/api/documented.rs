//! `docs/endpoint.md` lists what the code declares.

use endpoint::Coverage;

#[test]
fn the_table_of_operations_is_the_codes() {
    let page = include_str!("../../../docs/endpoint.md");
    let row = |row: endpoint::OperationCoverage| match row.coverage {
        Coverage::Done => format!("| {} | done | |\n", row.operation),
        Coverage::Partly(what) => format!("| {} | partly | {what} |\n", row.operation),
        Coverage::Not => format!("| {} | not | |\n", row.operation),
    };
    let table: String = endpoint::coverage().map(row).collect();
    assert!(
        page.contains(&table),
        "the table of operations in docs/endpoint.md should be:\n{table}"
    );
}
