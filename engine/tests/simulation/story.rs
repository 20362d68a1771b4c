//! A seed's execution, from its start to its end: once without a crash, and once through several lives.

use std::sync::Arc;
use std::time::Duration;

use engine::{Engine, Error, NewExecution, RunEnd, Stop};
use ports::{Clock, ExecutionArn, ExecutionRow};

use super::chance::Chance;
use super::checks;
use super::life::{End, Fate, Life, Reach};
use super::script::Script;
use super::world::World;

/// Virtual time after which an execution hangs: a hundred days.
const HANGS_AFTER: Duration = Duration::from_hours(24 * 100);

/// What has happened in some stories.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) seeds: u64,
    pub(crate) crashes: u64,
    pub(crate) stops: u64,
    pub(crate) faults: u64,
    pub(crate) invocations: u64,
    pub(crate) redrives: u64,
    pub(crate) map_run_redrives: u64,
    pub(crate) children: u64,
    /// Executions that did not succeed.
    pub(crate) failed: u64,
}

/// How one life went.
enum Went {
    Ended(Box<ExecutionRow>),
    Died,
    Stopped,
    /// A port failed, or a task asked for a person.
    Broke,
}

/// Says which seed it was when a test panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: run it alone through `one_seed`", self.0);
        }
    }
}

/// On one thread, with time that jumps.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

/// Every call of a port, and when, in the story with crashes.
pub(crate) fn trace(seed: u64) -> Vec<(&'static str, i64)> {
    block_on(async {
        let expected = uneventful(seed).await;
        let found = eventful(seed, &expected, &mut Tally::default()).await;
        let story = found.world.story.lock().unwrap();
        story.trace.clone()
    })
}

/// Both stories of a seed, compared.
pub(crate) fn tell(seed: u64, tally: &mut Tally) {
    let named = Named(seed);
    block_on(async {
        let expected = uneventful(seed).await;
        let found = eventful(seed, &expected, tally).await;
        checks::same(&expected, &found);
        if found.row.redrivable {
            redriven(seed, found, tally).await;
        }
        tally.seeds += 1;
        tally.children += checks::children(&expected);
        tally.failed += u64::from(expected.row.output.is_none());
    });
    drop(named);
}

/// The seed's execution with one crash: before each of its journal appends and ledger commits, and after each.
pub(crate) fn tell_each_write(seed: u64, tally: &mut Tally) {
    let named = Named(seed);
    block_on(async {
        let expected = uneventful(seed).await;
        let writes = expected.world.story.lock().unwrap().writes;
        for write in 0..writes {
            for fate in [Fate::DiesBefore, Fate::DiesAfter] {
                let world = Arc::new(World::new(Script::of(seed)));
                let end = |life| {
                    if life == 0 {
                        End::At(Reach::Write(write), fate)
                    } else {
                        End::None
                    }
                };
                let found = live(&world, Story::default(), end, tally).await;
                checks::same(&expected, &found);
            }
        }
        tally.seeds += 1;
    });
    drop(named);
}

/// An execution that is over.
pub(crate) struct Told {
    pub(crate) world: Arc<World>,
    pub(crate) row: ExecutionRow,
}

/// Without crashes, faults or delays.
pub(crate) async fn uneventful(seed: u64) -> Told {
    let world = Arc::new(World::new(Script::of(seed)));
    live(&world, Story::default(), |_| End::None, &mut Tally::default()).await
}

/// Through crashes, faults, stops and delays, all drawn from the seed.
pub(crate) async fn eventful(seed: u64, expected: &Told, tally: &mut Tally) -> Told {
    let (calls, writes) = {
        let story = expected.world.story.lock().unwrap();
        (story.calls, story.writes)
    };
    let world = Arc::new(World::new(Script::of(seed)));
    let mut chance = Chance::new(seed, "story");
    if chance.percent(50) {
        let mut story = world.story.lock().unwrap();
        for _ in 0..chance.between(1, 3) {
            let fate = chance.one_of(&[Fate::FailsBefore, Fate::FailsAfter]);
            story.faults.insert(chance.up_to(calls), fate);
        }
    }
    let crashes = chance.between(1, 8);
    let mut ends: Vec<End> = (0..crashes).map(|_| end(&mut chance, calls, writes)).collect();
    let delays = chance.percent(70).then(|| Chance::new(seed, "delays"));
    let story = Story { failed: None, delays };
    let told = live(&world, story, |_| ends.pop().unwrap_or(End::None), tally).await;
    tally.faults += told.world.story.lock().unwrap().faults_injected;
    tally.invocations += told.world.work.lock().unwrap().invoked;
    told
}

/// What has failed is mended and redriven, through crashes again: everything succeeds then.
async fn redriven(seed: u64, failed: Told, tally: &mut Tally) {
    let (calls, writes) = {
        let story = failed.world.story.lock().unwrap();
        (story.calls, story.writes)
    };
    failed.world.work.lock().unwrap().mended = true;
    let mut chance = Chance::new(seed, "redrive");
    let crashes = chance.between(0, 4);
    let mut ends: Vec<End> = (0..crashes).map(|_| end(&mut chance, calls, writes)).collect();
    let story = Story {
        failed: Some(failed.row),
        delays: None,
    };
    let told = live(&failed.world, story, |_| ends.pop().unwrap_or(End::None), tally).await;
    tally.map_run_redrives += checks::all_succeeded(&told);
    tally.redrives += 1;
}

fn end(chance: &mut Chance, calls: u64, writes: u64) -> End {
    let fate = chance.one_of(&[Fate::DiesBefore, Fate::DiesAfter]);
    // What a life finds done it does not do again: later lives are shorter.
    let part = chance.between(1, 5);
    let (calls, writes) = (calls / part, writes / part);
    match chance.up_to(9) {
        0..5 => End::At(Reach::Write(chance.up_to(writes)), fate),
        5..8 => End::At(Reach::Call(chance.up_to(calls)), fate),
        8 => End::After(Duration::from_millis(chance.up_to(60_000))),
        _ => End::Stopped(Duration::from_millis(chance.up_to(60_000))),
    }
}

/// What is to be told: of an execution from its start, or of one that has failed from its redrive.
#[derive(Default)]
struct Story {
    failed: Option<ExecutionRow>,
    delays: Option<Chance>,
}

/// Life after life until the execution is over.
async fn live(world: &Arc<World>, story: Story, mut next_end: impl FnMut(u32) -> End, tally: &mut Tally) -> Told {
    let Story { mut failed, delays } = story;
    let arn = match &failed {
        Some(row) => row.arn.clone(),
        None => start(world).await,
    };
    for number in 0..1_000 {
        let life = Life::new(
            Arc::clone(&world.clock),
            Arc::clone(&world.story),
            next_end(number),
            delays.clone(),
        );
        let life = Arc::new(life);
        match one_life(world, &life, &arn, &mut failed).await {
            Went::Ended(row) => {
                let told = Told {
                    world: Arc::clone(world),
                    row: *row,
                };
                checks::over(&told).await;
                return told;
            }
            Went::Died => tally.crashes += 1,
            Went::Stopped => tally.stops += 1,
            Went::Broke => {}
        }
        let down = Duration::from_secs(u64::from(number) % 3 * 40);
        world.clock.sleep_until(world.clock.now().plus(down)).await;
    }
    panic!("a thousand lives were not enough");
}

async fn start(world: &Arc<World>) -> ExecutionArn {
    let life = Life::new(Arc::clone(&world.clock), Arc::default(), End::None, None);
    let new = NewExecution {
        state_machine: "machine".to_owned(),
        definition: world.script.definition.to_string(),
        name: "run".to_owned(),
        input: world.script.input.to_string(),
        identity: None,
        rerun_of: None,
        item_subset: None,
        composition: None,
    };
    let started = world.engine(&Arc::new(life)).start(new).await;
    started.unwrap_or_else(|error| panic!("{error}: {}", world.script.definition))
}

async fn one_life(world: &Arc<World>, life: &Arc<Life>, arn: &ExecutionArn, failed: &mut Option<ExecutionRow>) -> Went {
    let engine = world.engine(life);
    let stop = Stop::default();
    let hangs = tokio::time::timeout(HANGS_AFTER, run(&engine, arn, &stop, failed));
    let interrupted = interrupt(world, life, &stop);
    tokio::select! {
        biased;
        () = life.died() => Went::Died,
        went = hangs => went.unwrap_or_else(|_| panic!("it hangs: {}", world.script.definition)),
        () = interrupted => Went::Died,
    }
}

async fn interrupt(world: &World, life: &Life, stop: &Stop) {
    let (after, dies) = match life.end() {
        End::None | End::At(..) => return futures::future::pending().await,
        End::After(after) => (after, true),
        End::Stopped(after) => (after, false),
    };
    world.clock.sleep_until(world.clock.now().plus(after)).await;
    if dies {
        life.die();
    } else {
        stop.request();
        futures::future::pending::<()>().await;
    }
}

/// Redrives it first, if it has failed. That it does so once more after a crash is no harm.
async fn run(engine: &Engine, arn: &ExecutionArn, stop: &Stop, failed: &mut Option<ExecutionRow>) -> Went {
    if failed.is_some() {
        match engine.redrive(arn).await {
            // The answer of the first time was lost.
            Ok(()) | Err(Error::NotRedrivable { .. }) => *failed = None,
            Err(Error::Port { .. }) => return Went::Broke,
            Err(other) => panic!("{other}"),
        }
    }
    match engine.run(arn, stop).await {
        Ok(RunEnd::Ended(row)) => Went::Ended(row),
        Ok(RunEnd::Stopped) => Went::Stopped,
        Err(Error::Port { .. } | Error::Halted { .. }) => Went::Broke,
        Err(other) => panic!("{other}"),
    }
}
