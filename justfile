# One command for each chore; `just` lists them, `just CHORE` runs one. CONTRIBUTING.md says when.

# Lists the chores.
default:
    @just --list --unsorted

# Formats, and lints as CI does.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Runs every test, or those of some packages: `just test -p gantry-asl`.
test *ARGS='--workspace':
    cargo test --locked {{ ARGS }}

# Runs all of CI.
ci:
    .ci/run

# Replays the executions that AWS recorded, from a folder of yours.
golden DIR:
    GANTRY_GOLDEN={{ absolute_path(DIR) }} cargo test --release --locked -p gantry-engine --test golden -- --nocapture

# Reviews the snapshots that the last tests did not find as they were; needs cargo-insta.
snapshots:
    cargo insta review --workspace

# Accepts every changed snapshot, for a review of the diff in git.
accept-snapshots *ARGS='--workspace':
    INSTA_UPDATE=always cargo test --locked {{ ARGS }}
    git diff --stat -- '*.snap'

# Fuzzes one of `definition`, `path`, `template`, `jsonata`, `steps`; needs cargo-fuzz.
[working-directory: 'asl/fuzz']
fuzz TARGET SECONDS='1800':
    cargo run --release --example seeds -- .. ../../fixtures
    ulimit -s 2048; RUSTC_BOOTSTRAP=1 cargo fuzz run -s none {{ TARGET }} -- \
        -dict=asl.dict -max_total_time={{ SECONDS }} -timeout=10 -rss_limit_mb=2048 -max_len=8192

# Measures gantry beside its peers: `download`, `latency`, `memory`, `batch`, `sweep` or `map-run`.
bench WORK *ARGS:
    cargo run --release --locked -p gantry-benches -- {{ WORK }} {{ ARGS }}

# Measures the stages and the language by themselves.
microbench *ARGS='--workspace':
    cargo bench --locked {{ ARGS }}

# Lists the import circles between the files of a crate, or of all crates.
circles *ARGS:
    python3 .ci/circles.py {{ ARGS }}

# Builds the documentation as CI does.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Packs every package that is published.
package:
    cargo package --workspace --exclude gantry-benches --exclude gantry-fixtures --exclude gantry-testing --allow-dirty --no-verify --locked

# Checks licences, sources and banned crates; needs cargo-deny.
deny:
    cargo deny check bans licenses sources

# Runs the whole pipeline on loopback, against an origin with every misbehaviour.
demo *ARGS:
    cargo run --release --locked -- demo {{ ARGS }}
