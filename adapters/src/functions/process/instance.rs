//! One child process of a function, from its start to its end.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::OptionFuture;
use ports::{TaskFailure, Timestamp};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::logs::{Log, LogStream, Report};
use super::runtime_api::{Delivery, Reply, RuntimeApi};
use super::{Shared, environment, failure};
use crate::local::clock::nanos_since_1970;

/// Until a process asks for its first event. **Source**: `lambda-runtime-environment.html`, "Init phase".
const INIT_DURATION_MAX: Duration = Duration::from_secs(10);
/// What a process wrote before it ended is waited for no longer than this: a process that it started may hold its
/// pipes.
const DRAIN_DURATION_MAX: Duration = Duration::from_secs(1);

/// How an invocation ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The process answered, and can be used again.
    Answered(Result<String, TaskFailure>),
    /// The process is gone, or must not be used again.
    Lost(TaskFailure),
    /// The process had ended between two events: this one is for another process.
    NotTaken,
}

/// One child process. Dropping it kills the process and all that it started.
#[derive(Debug)]
pub(super) struct Instance {
    child: Child,
    group: Option<Pid>,
    api: RuntimeApi,
    log: Log,
    /// They copy stdout and stderr.
    copying: JoinSet<()>,
    /// When it was started; nothing once it has had an event.
    started: Option<Timestamp>,
}

/// Why waiting for the process has ended.
enum Event {
    Taken,
    Reply(Reply),
    Exited(ExitStatus),
    TimedOut,
}

impl Instance {
    pub(super) async fn start(shared: &Shared) -> Result<Self, TaskFailure> {
        let settings = &shared.settings;
        let not_started = |error| failure::not_started(&settings.program, &error);
        let api = RuntimeApi::listen(settings.arn.clone(), settings.timeout, Arc::clone(&shared.clock));
        let api = api.await.map_err(not_started)?;
        let now = shared.clock.now();
        let stream = LogStream::new(&settings.arn, now, unique_id());
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .current_dir(&settings.task_root)
            .env_clear()
            .envs(environment::variables(settings, &stream, &api.address.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(not_started)?;
        let log = Log {
            sink: Arc::clone(&shared.sink),
            clock: Arc::clone(&shared.clock),
            stream: Arc::new(stream),
        };
        let mut copying = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            copying.spawn(log.clone().copy(stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            copying.spawn(log.clone().copy(stderr));
        }
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self {
            child,
            group,
            api,
            log,
            copying,
            started: Some(now),
        })
    }

    /// Has the process work on one event.
    pub(super) async fn invoke(&mut self, shared: &Shared, event: Bytes, deadline: Timestamp) -> Ended {
        let request_id = unique_id().to_string();
        let (taken, mut is_taken) = oneshot::channel();
        let delivery = Delivery {
            request_id: request_id.clone(),
            event,
            deadline,
            taken,
        };
        let sent = self.api.deliveries.try_send(delivery);
        let mut begun = shared.clock.now();
        let init_until = begun.plus(INIT_DURATION_MAX);
        let mut ended = match sent {
            Ok(()) => self.wait(shared, Some(&mut is_taken), init_until).await,
            Err(_full_or_closed) => Event::TimedOut,
        };
        if matches!(ended, Event::Exited(_)) && self.started.is_none() {
            self.kill(shared).await;
            return Ended::NotTaken;
        }
        self.log
            .write(format!("START RequestId: {request_id} Version: $LATEST"));
        let init = self.started.take().map(|started| shared.clock.now().since(started));
        let mut allowed = INIT_DURATION_MAX;
        if matches!(ended, Event::Taken) {
            begun = shared.clock.now();
            allowed = shared.settings.timeout;
            ended = self.wait(shared, None, begun.plus(allowed)).await;
        }
        let ended = self.ended(shared, ended, &request_id, allowed).await;
        self.log.end(&Report {
            request_id: &request_id,
            duration: shared.clock.now().since(begun),
            init,
            memory_mib: shared.settings.memory_mib,
            failure: match &ended {
                Ended::Answered(answer) => answer.as_ref().err(),
                Ended::Lost(failure) => Some(failure),
                Ended::NotTaken => None,
            },
        });
        ended
    }

    /// Waits for what the process does next. An answer counts although the process has ended since.
    async fn wait(&mut self, shared: &Shared, taken: Option<&mut oneshot::Receiver<()>>, until: Timestamp) -> Event {
        tokio::select! {
            biased;
            Some(Ok(())) = OptionFuture::from(taken) => Event::Taken,
            Some(answer) = self.api.answers.recv() => Event::Reply(answer),
            status = self.child.wait() => match (self.api.answers.try_recv(), status) {
                (Ok(answer), _) => Event::Reply(answer),
                (Err(_none), Ok(status)) => Event::Exited(status),
                (Err(_none), Err(_unknown)) => Event::TimedOut,
            },
            () = shared.clock.sleep_until(until) => Event::TimedOut,
        }
    }

    async fn ended(&mut self, shared: &Shared, event: Event, request_id: &str, allowed: Duration) -> Ended {
        match event {
            Event::Reply(Reply::Invocation(answer)) => Ended::Answered(answer),
            Event::Reply(Reply::InitError(failure)) => {
                self.kill(shared).await;
                Ended::Lost(failure)
            }
            Event::Exited(status) => {
                self.kill(shared).await;
                let text = failure::exited_text(status);
                self.log.write(format!("RequestId: {request_id} Error: {text}"));
                Ended::Lost(failure::exited(request_id, status))
            }
            Event::TimedOut | Event::Taken => {
                self.kill(shared).await;
                let text = failure::timed_out_text(allowed);
                self.log.write(format!("{} {request_id} {text}", shared.clock.now()));
                Ended::Lost(failure::timed_out(request_id, allowed))
            }
        }
    }

    /// Kills the process and waits for what it had written.
    async fn kill(&mut self, shared: &Shared) {
        self.kill_group();
        let drained = async { while self.copying.join_next().await.is_some() {} };
        tokio::select! {
            () = drained => {}
            () = shared.clock.sleep_until(shared.clock.now().plus(DRAIN_DURATION_MAX)) => {}
        }
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take() {
            let _gone_already = kill_process_group(group, Signal::KILL).is_err();
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// An id that no other process and no other invocation has.
fn unique_id() -> Uuid {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{}-{number}", std::process::id(), nanos_since_1970());
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}
