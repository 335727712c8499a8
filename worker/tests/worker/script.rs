//! A handler that does what its task says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postern_worker::{Code, Context, Failure, Handler, Task};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::timeout;

use crate::stack::PATIENCE;

pub(crate) const JOB_TYPE: &str = "test.script";

/// What a task may say, tagged by `do`.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Step {
    Succeed,
    Fail,
    /// With an error that is no [`Failure`].
    Err,
    Panic,
    /// Tells of so many steps, then waits at the gate.
    Progress {
        steps: u32,
    },
    /// Waits at the gate.
    Wait,
    /// Waits at the gate, and stops when it is asked to.
    Heed,
    /// Waits at the gate without giving its thread back.
    Block,
    /// Returns so many bytes.
    Size {
        bytes: usize,
    },
    /// Returns text.
    Text,
}

/// The handler. It lets the test know when it begins, and has a gate that the test opens.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    begun: mpsc::UnboundedSender<u32>,
    gate: Arc<Semaphore>,
    inside: Arc<Inside>,
}

/// The test's side of it.
#[derive(Debug)]
pub(crate) struct Director {
    begun: mpsc::UnboundedReceiver<u32>,
    gate: Arc<Semaphore>,
    inside: Arc<Inside>,
}

pub(crate) fn script() -> (Script, Director) {
    let (sender, begun) = mpsc::unbounded_channel();
    let (gate, inside) = (Arc::new(Semaphore::new(0)), Arc::default());
    (
        Script {
            begun: sender,
            gate: Arc::clone(&gate),
            inside: Arc::clone(&inside),
        },
        Director { begun, gate, inside },
    )
}

impl Director {
    /// Waits until a handler has begun: the attempt.
    pub(crate) async fn begun(&mut self) -> u32 {
        timeout(PATIENCE, self.begun.recv())
            .await
            .expect("a handler begins in time")
            .unwrap()
    }

    /// Whether no handler has begun since that was last asked.
    pub(crate) fn none_begun(&mut self) -> bool {
        self.begun.try_recv().is_err()
    }

    /// Lets so many handlers through the gate.
    pub(crate) fn open(&self, handlers: usize) {
        self.gate.add_permits(handlers);
    }

    /// Handlers that have begun and neither ended nor been dropped.
    pub(crate) fn inside(&self) -> usize {
        self.inside.now.load(Ordering::SeqCst)
    }

    /// The most of them that there have been at a time.
    pub(crate) fn inside_max(&self) -> usize {
        self.inside.max.load(Ordering::SeqCst)
    }
}

impl Handler for Script {
    const JOB_TYPE: &'static str = JOB_TYPE;
    type Payload = Step;
    type Output = Value;

    async fn handle(&self, task: Task<Step>, context: &Context) -> Result<Value, Failure> {
        let _presence = self.inside.enter();
        // A test that no longer looks has seen enough.
        let _ = self.begun.send(task.attempt);
        match task.payload {
            Step::Succeed => {}
            Step::Fail => {
                let failure = Failure::new(Code::FailedPrecondition, "NOT_TODAY", "come back tomorrow");
                return Err(failure
                    .violation("/do", "not today")
                    .retry_after(Duration::from_secs(60)));
            }
            Step::Err => drop(std::fs::read("/nonexistent/secret-path")?),
            Step::Panic => panic!("as the task says"),
            Step::Progress { steps } => {
                for step in 1..=steps {
                    context.progress(step, steps, format!("step {step}"));
                }
                self.wait().await;
            }
            Step::Wait => self.wait().await,
            Step::Heed => tokio::select! {
                () = self.wait() => {}
                () = context.cancellation().cancelled() => return Err(Failure::cancelled()),
            },
            Step::Block => {
                // Not for ever: a runtime does not end before its threads are given back.
                let deadline = Instant::now() + PATIENCE;
                while self.gate.try_acquire().map(SemaphorePermit::forget).is_err()
                    && Instant::now() < deadline
                {
                    std::thread::yield_now();
                }
            }
            Step::Size { bytes } => return Ok(json!({"text": "x".repeat(bytes)})),
            Step::Text => return Ok(json!("text")),
        }
        Ok(json!({"done": true, "attempt": task.attempt}))
    }
}

impl Script {
    async fn wait(&self) {
        self.gate.acquire().await.unwrap().forget();
    }
}

/// The same for another job type.
#[derive(Debug, Clone)]
pub(crate) struct Other(pub(crate) Script);

impl Handler for Other {
    const JOB_TYPE: &'static str = "test.other-script";
    type Payload = Step;
    type Output = Value;

    async fn handle(&self, task: Task<Step>, context: &Context) -> Result<Value, Failure> {
        self.0.handle(task, context).await
    }
}

/// Handlers whose futures live.
#[derive(Debug, Default)]
struct Inside {
    now: AtomicUsize,
    max: AtomicUsize,
}

impl Inside {
    fn enter(&self) -> Presence<'_> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.max.fetch_max(now, Ordering::SeqCst);
        Presence(self)
    }
}

struct Presence<'a>(&'a Inside);

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
