//! The Task state: asks for a call, keeps its time, and takes the answer.

use super::command::{Command, TaskRequest};
use super::event::{TaskId, TaskPhase, TimerId};
use super::execution::{Execution, Purpose};
use super::fault::Fault;
use super::flow::{Outcome, Progress, Scene, limited};
use super::task_history::{Failed, output_details, started, submitted, succeeded};
use super::track::{ActiveState, Doing, Heartbeat, TaskRun, TrackId};
use crate::data::Document;
use crate::definition::io::{Io, PathIo};
use crate::definition::state::{Kind, State};
use crate::definition::task::{Credentials, Task};
use crate::{Resource, Text, Timestamp, error_name};

/// Everything that a call needs, before it is asked for.
struct Prepared {
    input: Document,
    timeout: Option<i64>,
    heartbeat: Option<i64>,
    role: Option<String>,
}

impl Execution {
    pub(super) fn run_task(&mut self, active: ActiveState<'_>, task: &Task) -> Result<Progress, Fault> {
        let task_id = TaskId(self.next.task);
        let token: Text = format!("{}{}", self.identity.token_prefix, task_id.0).into();
        let token_shown = takes_token(&task.resource).then(|| token.clone());
        let Some(scene) = self.scene(active, token_shown) else {
            return Ok(Progress::Waiting);
        };
        let prepared = self.prepare(&scene, active.state, task)?;
        let retry_count = self
            .tracks
            .get(&active.track)
            .map_or(0, super::track::Track::retry_count);
        self.next.task += 1;
        let request = TaskRequest {
            task: task_id,
            state: active.state.name.clone(),
            resource: task.resource.clone(),
            input_text: prepared.input.text().clone(),
            input: prepared.input.value().clone(),
            timeout_seconds: prepared.timeout,
            heartbeat_seconds: prepared.heartbeat,
            task_token: token.to_string(),
            credentials_role_arn: prepared.role,
            retry_count,
            region: self.region(),
        };
        self.schedule(active.track, request);
        Ok(Progress::Waiting)
    }

    fn prepare(&self, scene: &Scene<'_>, state: &State, task: &Task) -> Result<Prepared, Fault> {
        let (setting_input, input) = match &state.io {
            Io::Paths(io) => self.path_input(scene, io)?,
            Io::Query(io) => {
                let input = match &io.arguments {
                    None => scene.raw.clone(),
                    Some(template) => Document::from(scene.query(template, "Arguments", Outcome::default())?),
                };
                self.inspect(|inspection| inspection.after_arguments = Some(input.clone()));
                (scene.raw.clone(), input)
            }
        };
        let seconds = |setting: &Option<_>, field: &str| {
            setting
                .as_ref()
                .map(|setting| scene.integer(setting, field, &setting_input))
                .transpose()
        };
        let timeout = seconds(&task.timeout, "TimeoutSeconds")?;
        let heartbeat = seconds(&task.heartbeat, "HeartbeatSeconds")?;
        let role = task
            .credentials
            .as_ref()
            .map(|credentials| role_of(scene, credentials, &setting_input))
            .transpose()?;
        Ok(Prepared {
            input: scene.limited(input)?,
            timeout,
            heartbeat,
            role: role.flatten(),
        })
    }

    /// The input after `InputPath`, and after `Parameters`.
    pub(super) fn path_input(&self, scene: &Scene<'_>, io: &PathIo) -> Result<(Document, Document), Fault> {
        let filtered = scene.filter(&io.input, &scene.raw)?;
        self.inspect(|inspection| inspection.after_input_path = Some(filtered.clone()));
        let input = match &io.parameters {
            None => filtered.clone(),
            Some(template) => scene.fill(template, &filtered)?,
        };
        self.inspect(|inspection| inspection.after_parameters = Some(input.clone()));
        Ok((filtered, input))
    }

    fn schedule(&mut self, id: TrackId, request: TaskRequest) {
        let (kind, details) = super::task_history::scheduled(&request);
        self.record(id, kind, || Some(details()));
        self.tasks.insert(request.task, id);
        let timeout = request
            .timeout_seconds
            .map(|seconds| self.start_timer(Purpose::TimeOut(id), seconds.saturating_mul(1_000)));
        let heartbeat = request.heartbeat_seconds.map(|seconds| {
            let timer = self.start_timer(Purpose::TimeOut(id), seconds.saturating_mul(1_000));
            Heartbeat { timer, seconds }
        });
        self.set_doing(
            id,
            Doing::Task(Box::new(TaskRun {
                id: request.task,
                started: false,
                timeout,
                heartbeat,
            })),
        );
        self.command(Command::InvokeTask(Box::new(request)));
    }

    pub(super) fn task_started(&mut self, task: TaskId, worker: Option<&str>) {
        let Some(id) = self.tasks.get(&task).copied() else {
            return;
        };
        let Some(current) = self.current(id) else { return };
        let Some(Kind::Task(definition)) = current.active().map(|active| &active.state.kind) else {
            return;
        };
        self.mark_started(id, &definition.resource, worker);
    }

    /// Records the start, once.
    fn mark_started(&mut self, id: TrackId, resource: &Resource, worker: Option<&str>) {
        let Some(Doing::Task(run)) = self.track_mut(id).map(|track| &mut track.doing) else {
            return;
        };
        if std::mem::replace(&mut run.started, true) {
            return;
        }
        let (kind, details) = started(resource, worker);
        self.record(id, kind, || details);
    }

    /// The restart of the heartbeat's time.
    pub(super) fn task_heartbeat(&mut self, task: TaskId) {
        let Some(id) = self.tasks.get(&task).copied() else {
            return;
        };
        let Some(Doing::Task(run)) = self.track_mut(id).map(|track| &mut track.doing) else {
            return;
        };
        let Some(Heartbeat { timer, seconds }) = run.heartbeat else {
            return;
        };
        self.cancel_timer(timer);
        let timer = self.start_timer(Purpose::TimeOut(id), seconds.saturating_mul(1_000));
        if let Some(Doing::Task(run)) = self.track_mut(id).map(|track| &mut track.doing) {
            run.heartbeat = Some(Heartbeat { timer, seconds });
        }
    }

    pub(super) fn task_submitted(&mut self, task: TaskId, output: &str) {
        self.answered(task, |execution, active, resource| {
            execution.mark_started(active.track, resource, None);
            let output: Text = output.into();
            execution.record(active.track, crate::history::EventKind::TaskSubmitted, || {
                submitted(resource, &output)
            });
        });
    }

    /// Finds the state that waits for a task.
    fn answered(&mut self, task: TaskId, then: impl FnOnce(&mut Self, ActiveState<'_>, &Resource)) {
        let Some(id) = self.tasks.get(&task).copied() else {
            return;
        };
        let Some(current) = self.current(id) else { return };
        let Some(active) = current.active() else { return };
        if let Kind::Task(definition) = &active.state.kind {
            then(self, active, &definition.resource);
        }
    }

    pub(super) fn task_succeeded(&mut self, task: TaskId, output: &str) {
        self.answered(task, |execution, active, resource| {
            execution.mark_started(active.track, resource, None);
            let document = Document::from_text(output).ok();
            let too_large = output.len() > crate::limits::PAYLOAD_BYTES_MAX;
            if too_large {
                return execution.task_broke(active, resource, Fault::too_large(name_of(resource)));
            }
            let Some(document) = document else {
                let fault = Fault::plain(
                    Some(error_name::RUNTIME.into()),
                    Some("The task's result is not valid JSON".into()),
                );
                return execution.task_broke(active, resource, fault);
            };
            let (kind, details) = succeeded(resource);
            execution.record(active.track, kind, || Some(details(output_details(document.text()))));
            execution.release_task(active.track);
            let progress = execution.finish_with_result(active, &document);
            execution.proceed(active, progress);
        });
    }

    pub(super) fn task_failed(&mut self, task: TaskId, phase: TaskPhase, fault: Fault) {
        self.answered(task, |execution, active, resource| {
            if matches!(phase, TaskPhase::Run | TaskPhase::Submit | TaskPhase::TimedOut)
                && !matches!(resource, Resource::Activity(_))
            {
                execution.mark_started(active.track, resource, None);
            }
            execution.task_fell(active, resource, Failed { phase, fault });
        });
    }

    fn task_broke(&mut self, active: ActiveState<'_>, resource: &Resource, fault: Fault) {
        self.task_fell(
            active,
            resource,
            Failed {
                phase: TaskPhase::Run,
                fault,
            },
        );
    }

    /// The scheduled event is taken back if nobody has seen it.
    fn retract_scheduled(&mut self, id: TrackId) -> bool {
        let Some(scheduled) = self.tracks.get(&id).map(|track| track.previous) else {
            return false;
        };
        let Some(previous) = self.recorder.retract(scheduled) else {
            return false;
        };
        if let Some(track) = self.track_mut(id) {
            track.previous = previous;
        }
        true
    }

    fn task_fell(&mut self, active: ActiveState<'_>, resource: &Resource, failed: Failed) {
        let refused = failed.phase == TaskPhase::Refused;
        if !(refused && self.retract_scheduled(active.track)) {
            let (kind, details) = failed.event(resource);
            self.record(active.track, kind, || Some(details));
        }
        self.release_task(active.track);
        let failed = Failed {
            fault: Fault {
                told_with_state: refused,
                ..failed.fault
            },
            ..failed
        };
        self.fail_state(
            active,
            Fault {
                of_task: true,
                ..failed.fault
            },
        );
    }

    /// Forgets the task and its timers.
    fn release_task(&mut self, id: TrackId) {
        let Some(Doing::Task(run)) = self
            .track_mut(id)
            .map(|track| std::mem::replace(&mut track.doing, Doing::Retrying))
        else {
            return;
        };
        self.tasks.remove(&run.id);
        let timers = run
            .timeout
            .into_iter()
            .chain(run.heartbeat.map(|heartbeat| heartbeat.timer));
        timers.for_each(|timer| self.cancel_timer(timer));
    }

    /// A task's time is up. Others whose time is up at the same instant time out with it, before anybody acts on it.
    pub(super) fn time_out_with(&mut self, id: TrackId, timer: TimerId, at: Timestamp) {
        let mut due = vec![(timer, id)];
        due.extend(
            self.timers
                .iter()
                .filter(|(_, other)| other.at <= at)
                .filter_map(|(timer, other)| match other.purpose {
                    Purpose::TimeOut(track) => Some((*timer, track)),
                    Purpose::Resume(_) | Purpose::Deadline => None,
                }),
        );
        let mut fallen = Vec::new();
        for (_, track) in due {
            if !fallen.contains(&track) && self.record_time_out(track) {
                fallen.push(track);
            }
        }
        for track in fallen {
            let Some(current) = self.current(track) else { continue };
            let Some(active) = current.active() else { continue };
            let fault = Fault {
                of_task: true,
                ..Fault::plain(Some(error_name::TIMEOUT.into()), None)
            };
            self.fail_state(active, fault);
        }
    }

    fn record_time_out(&mut self, id: TrackId) -> bool {
        let Some(current) = self.current(id) else { return false };
        let Some(Kind::Task(task)) = current.active().map(|active| &active.state.kind) else {
            return false;
        };
        let Some(Doing::Task(run)) = self.tracks.get(&id).map(|track| &track.doing) else {
            return false;
        };
        let task_id = run.id;
        if !matches!(task.resource, Resource::Activity(_)) {
            self.mark_started(id, &task.resource, None);
        }
        let fault = Fault::plain(Some(error_name::TIMEOUT.into()), None);
        let (kind, details) = Failed {
            phase: TaskPhase::TimedOut,
            fault,
        }
        .event(&task.resource);
        self.record(id, kind, || Some(details));
        self.release_task(id);
        self.command(Command::CancelTask(task_id));
        true
    }

    /// From the result of a Task, Parallel or Map to its output.
    pub(super) fn finish_with_result(&mut self, active: ActiveState<'_>, result: &Document) -> Result<Progress, Fault> {
        let Some(scene) = self.scene(active, None) else {
            return Ok(Progress::Waiting);
        };
        self.inspect(|inspection| inspection.result = Some(result.clone()));
        let (output, assigned) = match &active.state.io {
            Io::Paths(io) => {
                let selected = match &io.selector {
                    None => result.clone(),
                    Some(template) => scene.fill(template, result)?,
                };
                self.inspect(|inspection| inspection.after_result_selector = Some(selected.clone()));
                let assigned = scene.assign(io.assign.as_ref(), result)?;
                let combined = scene.combine(&io.result, selected)?;
                self.inspect(|inspection| inspection.after_result_path = Some(combined.clone()));
                (
                    limited(scene.filter(&io.output, &combined)?, &active.state.name)?,
                    assigned,
                )
            }
            Io::Query(io) => scene.finish_query(io, result)?,
        };
        Ok(Progress::Done {
            output,
            assigned,
            next: None,
        })
    }
}

/// Whether `$$.Task.Token` is there.
fn takes_token(resource: &Resource) -> bool {
    match resource {
        Resource::Integration(integration) => integration.pattern != crate::Pattern::RequestResponse,
        Resource::Activity(_) => true,
        Resource::LambdaFunction(_) => false,
    }
}

/// What `States.DataLimitExceeded` calls the task.
fn name_of(resource: &Resource) -> &str {
    match resource {
        Resource::LambdaFunction(arn) | Resource::Activity(arn) => arn,
        Resource::Integration(integration) => &integration.service,
    }
}

fn role_of(scene: &Scene<'_>, credentials: &Credentials, input: &Document) -> Result<Option<String>, Fault> {
    let value = match credentials {
        Credentials::Paths(template) => scene.fill(template, input)?.value().as_ref().clone(),
        Credentials::Query(template) => scene.query(template, "Credentials", Outcome::default())?,
    };
    Ok(value.get("RoleArn").and_then(|role| role.as_str()).map(str::to_owned))
}
