//! Tasks that behave as the script says, and watch who asks them for what.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ports::{Clock, Invocation, TaskFailure, TaskInvoker};
use serde_json::{Value, json};

use super::HALT;
use super::chance::Chance;
use super::life::Life;
use super::script::{Fate, Journalled, MapPlan, TaskPlan};
use super::world::{World, answers_in, is_done};

/// What tasks have done in all lives.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// From now on every task answers in time.
    pub(crate) mended: bool,
    pub(crate) invoked: u64,
    tries: BTreeMap<(String, u64), u32>,
}

/// Children that run, by their Map, with the tasks of each.
type InFlight = BTreeMap<String, BTreeMap<String, u32>>;

/// The tasks of one life.
#[derive(Debug)]
pub(crate) struct Invoker {
    world: Arc<World>,
    life: Arc<Life>,
    in_flight: Arc<std::sync::Mutex<InFlight>>,
}

/// Who asks for what.
struct Asked {
    task: String,
    item: u64,
    child: String,
}

impl Asked {
    /// What the answer is known by.
    fn answer(&self, plan: &TaskPlan) -> String {
        match plan.journalled {
            Journalled::InChild => format!("{}-{} by {}", self.task, self.item, self.child.trim_matches('"')),
            Journalled::Once | Journalled::Repeatedly | Journalled::Never => format!("{}-{}", self.task, self.item),
        }
    }
}

impl Invoker {
    pub(crate) fn new(world: &Arc<World>, life: &Arc<Life>) -> Self {
        Self {
            world: Arc::clone(world),
            life: Arc::clone(life),
            in_flight: Arc::default(),
        }
    }

    /// What is promised of a task that is asked for.
    fn check(&self, asked: &Asked, input: &str) {
        let plan = &self.world.script.tasks[&asked.task];
        let seen = self.world.seen.lock().unwrap();
        for answer in answers_in(input) {
            assert!(
                seen.journalled.contains(&answer),
                "`{answer}` is acted on before it is journalled"
            );
        }
        let answer = asked.answer(plan);
        assert!(
            !matches!(plan.journalled, Journalled::Once | Journalled::InChild) || !seen.journalled.contains(&answer),
            "`{answer}` is asked for again though it is journalled"
        );
        let Some((name, map)) = self.distributed(plan) else {
            return;
        };
        let run = &seen.map_runs[name];
        assert!(
            seen.journalled.contains(&run.0),
            "a child of `{run}` runs before it is journalled"
        );
        let position = map.position(asked.item);
        let again = seen.commits.get(run).is_some_and(|state| is_done(state, position));
        assert!(!again, "child {position} of `{run}` runs again though it is done");
    }

    fn distributed<'a>(&'a self, plan: &'a TaskPlan) -> Option<(&'a str, &'a MapPlan)> {
        let name = plan.map.as_deref()?;
        let map = &self.world.script.maps[name];
        map.distributed.then_some((name, map))
    }

    /// Counts a child as running as long as the guard lives.
    fn begin(&self, asked: &Asked) -> Option<Running> {
        let map = self.world.script.tasks[&asked.task].map.clone()?;
        let cap = self.world.script.maps[&map].max_concurrency;
        let mut in_flight = self.in_flight.lock().unwrap();
        let children = in_flight.entry(map.clone()).or_default();
        *children.entry(asked.child.clone()).or_default() += 1;
        let count = children.len() as u64;
        assert!(
            cap == 0 || count <= cap,
            "{count} children of `{map}` run, MaxConcurrency is {cap}"
        );
        Some(Running {
            in_flight: Arc::clone(&self.in_flight),
            map,
            child: asked.child.clone(),
        })
    }

    fn tries(&self, asked: &Asked) -> u32 {
        let mut work = self.world.work.lock().unwrap();
        work.invoked += 1;
        let tries = work.tries.entry((asked.task.clone(), asked.item)).or_default();
        *tries += 1;
        *tries
    }

    async fn sleep(&self, millis: u64) {
        let clock = &self.world.clock;
        clock.sleep_until(clock.now().plus(Duration::from_millis(millis))).await;
    }

    async fn answer(&self, asked: &Asked, tries: u32) -> Result<String, TaskFailure> {
        let script = &self.world.script;
        let mended = self.world.work.lock().unwrap().mended;
        let fate = if mended {
            Fate::Answers
        } else {
            script.fate(&asked.task, asked.item)
        };
        let mut chance = Chance::new(u64::from(tries), &format!("{}{}", asked.task, asked.item));
        let millis = if fate == Fate::TooLate {
            300_000_000
        } else {
            chance.one_of(&[0, 0, 3, 1_000, 15_000])
        };
        self.sleep(millis).await;
        let failure = |error: &str| {
            Err(TaskFailure {
                error: error.to_owned(),
                cause: "as the script says".to_owned(),
            })
        };
        match fate {
            Fate::FailsAtFirst(times) if tries <= times => failure("Test.Transient"),
            Fate::HaltsOnce if tries == 1 => failure(HALT),
            Fate::Fails => failure("Test.Permanent"),
            Fate::Answers | Fate::FailsAtFirst(_) | Fate::TooLate | Fate::HaltsOnce => {
                let plan = &script.tasks[&asked.task];
                let mark = match plan.journalled {
                    Journalled::Once | Journalled::Repeatedly | Journalled::InChild => "answer-of-",
                    Journalled::Never => "child-answer ",
                };
                Ok(json!({"answer": format!("{mark}{};", asked.answer(plan))}).to_string())
            }
        }
    }
}

/// A task of a child that runs.
struct Running {
    in_flight: Arc<std::sync::Mutex<InFlight>>,
    map: String,
    child: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(children) = in_flight.get_mut(&self.map) else {
            return;
        };
        if let Some(tasks) = children.get_mut(&self.child) {
            *tasks -= 1;
            if *tasks == 0 {
                children.remove(&self.child);
            }
        }
    }
}

#[async_trait]
impl TaskInvoker for Invoker {
    async fn invoke(&self, invocation: Invocation) -> Result<String, TaskFailure> {
        let fate = self.life.fate("invoke").await;
        let asked = asked(&invocation.input);
        self.check(&asked, &invocation.input);
        let running = self.begin(&asked);
        let tries = self.tries(&asked);
        let answer = self.answer(&asked, tries).await;
        self.life.afterwards(fate).await;
        drop(running);
        answer
    }
}

fn asked(input: &str) -> Asked {
    let input: Value = serde_json::from_str(input).unwrap();
    let n = &input["n"];
    Asked {
        task: input["task"].as_str().unwrap().to_owned(),
        item: n.as_u64().or_else(|| n.as_str()?.parse().ok()).unwrap(),
        child: input["child"].to_string(),
    }
}
