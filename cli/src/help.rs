//! The examples below the help of each command.

pub(crate) const GANTRY: &str = "\
Examples:
  gantry demo                               # a whole run, without a network
  gantry download urls.txt --to images      # the same command resumes the run after an interruption
  gantry failures                           # the items that failed, and why
  gantry redrive                            # run the failed items again

Exit codes:
  0 success, 1 some items failed, 2 usage or manifest error, 3 internal error, 130 interrupted";

pub(crate) const DOWNLOAD: &str = "\
Examples:
  gantry download urls.txt --to images
  gantry download photos.csv.gz --column link --to s3://my-bucket/photos --tolerate 1%
  zcat urls.gz | gantry download - --to images --name '{hash}.{ext}' --checksum sha256
  gantry download urls.txt --to images --concurrency 2 --max-concurrency 1   # 2 requests at once";

pub(crate) const COPY: &str = "\
Examples:
  gantry copy objects.csv --to backup --bucket photos=./photos
  gantry copy inventory.csv.gz --header bucket,key --url-encoded-keys --to s3://archive/2026
  gantry copy objects.csv --to first --to second --bucket photos=./photos";

pub(crate) const RUNS: &str = "\
Examples:
  gantry runs
  gantry runs --json | jq -r 'select(.status == \"INTERRUPTED\").run'";

pub(crate) const SHOW: &str = "\
Examples:
  gantry show
  gantry show download-20261128 --json | jq .summary";

pub(crate) const FAILURES: &str = "\
Examples:
  gantry failures
  gantry failures --json | jq -r .error.name | sort | uniq -c";

pub(crate) const RESUME: &str = "\
Examples:
  gantry resume
  gantry resume download-20261128 --concurrency 4 --max-concurrency 1   # more gently than it began";

pub(crate) const REDRIVE: &str = "\
Examples:
  gantry redrive
  gantry redrive --only error=AddressRefused --allow-private
  gantry redrive --only error=TooLarge --max-object-bytes 20GiB
  gantry redrive --only host=slow.example.com --head-timeout 60s --concurrency 2";

pub(crate) const PRUNE: &str = "\
Examples:
  gantry prune --older-than 30d --dry-run
  gantry prune --keep 10
  gantry prune --max-size 2GiB --force";

pub(crate) const EXPLAIN: &str = "\
Examples:
  gantry explain latest https://example.com/a.gif
  gantry explain download-20261128 17";

pub(crate) const DEMO: &str = "\
Examples:
  gantry demo
  gantry demo --dir demo";

pub(crate) const VALIDATE: &str = "\
Examples:
  gantry validate machine.asl.json
  gantry validate --type EXPRESS *.asl.json --json";
