//! The pipeline over batch size × cap × children.

use crate::gantry::{self, Shape};
use crate::measure::{Options, median, run};
use crate::nginx::Nginx;
use crate::table::Table;

const BATCH_ITEMS: [u64; 3] = [20, 100, 1_000];
const CAPS: [u64; 3] = [4, 16, 64];
const CHILDREN: [u64; 3] = [1, 4, 16];

/// Every combination, each the median of the rounds.
pub(crate) fn run_all(options: &Options, files: u64) -> anyhow::Result<Table> {
    let work = tempfile::tempdir_in(&options.dir)?;
    let nginx = Nginx::start(work.path(), 2_048)?;
    let manifest = work.path().join("urls.txt");
    let urls: Vec<String> = (0..files).map(|n| format!("{}/f/{n}.gif", nginx.url)).collect();
    std::fs::write(&manifest, urls.join("\n"))?;
    let binary = gantry::binary()?.display().to_string();
    let mut rows = Vec::new();
    for batch_items in BATCH_ITEMS {
        for concurrency in CAPS {
            for max_concurrency in CHILDREN {
                let shape = Shape {
                    batch_items,
                    concurrency,
                    max_concurrency,
                };
                let arguments = gantry::arguments(&manifest, work.path(), shape);
                let mut costs = Vec::new();
                for _ in 0..options.rounds {
                    costs.push(run(&binary, &arguments)?);
                    std::fs::remove_dir_all(work.path().join("gantry"))?;
                    std::fs::remove_dir_all(work.path().join("state"))?;
                }
                eprintln!("{shape:?}");
                #[expect(clippy::cast_precision_loss, reason = "counts of files and KiB")]
                rows.push(vec![
                    batch_items.to_string(),
                    concurrency.to_string(),
                    max_concurrency.to_string(),
                    files.div_ceil(batch_items).to_string(),
                    format!(
                        "{:.0}",
                        files as f64 / median(costs.iter().map(|cost| cost.wall).collect())
                    ),
                    format!(
                        "{:.1}",
                        median(costs.iter().map(|cost| cost.cpu).collect()) * 1e6 / files as f64
                    ),
                    format!(
                        "{:.1}",
                        median(costs.iter().map(|cost| cost.peak as f64).collect()) / 1_024.0
                    ),
                ]);
            }
        }
    }
    Ok(Table {
        work: format!("{files} files of 2 KiB from nginx, by batch size, cap and children"),
        header: vec![
            "batch items",
            "cap",
            "children at once",
            "children",
            "files/s",
            "CPU µs/file",
            "peak MiB",
        ],
        rows,
        notes: vec![format!("median of {} rounds", options.rounds)],
    })
}
