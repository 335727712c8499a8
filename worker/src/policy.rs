//! How the tasks of one job type are executed: how many at a time, and what is tried again here.

use std::time::Duration;

/// SQS keeps a message invisible no longer than 12 hours from its receipt.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(11 * 60 * 60);

/// How the tasks of one job type are executed, given with their handler ([`Builder::handler_with`](crate::Builder::handler_with)).
///
/// By default as many run at a time as the consumer allows in all, and no failure is tried again here.
///
/// # Who tries again
///
/// | what happens | who repeats | what counts it | the partner sees |
/// |---|---|---|---|
/// | the consumer dies, or gives the task back | SQS | [`Task::attempt`](crate::Task) | maybe a new start |
/// | a retryable failure, and [`Policy::retry_here`] allows another try | this SDK, through SQS | [`Task::attempt`](crate::Task) | maybe a new start |
/// | a retryable failure otherwise | the server, after the job type's backoff | [`Task::dispatch`](crate::Task), up to its `dispatches` | QUEUED again |
/// | any other failure | nobody | | FAILED |
/// | more receives than the queue's `maxReceiveCount` | nobody: the dead-letter queue | | FAILED, `TASK_DEAD_LETTERED` |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a policy does nothing until a handler is given with it"]
pub struct Policy {
    pub(crate) concurrency: Option<usize>,
    retries: u32,
    retry_delay: Duration,
    pub(crate) panics_are_retryable: bool,
}

impl Policy {
    /// The default: no limit but the consumer's own, and nothing tried again here.
    ///
    /// ```
    /// use postern_worker::Policy;
    ///
    /// assert_eq!(Policy::new(), Policy::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many tasks of this job type at a time, at least 1; never more than [`Builder::concurrency`](crate::Builder::concurrency) in all.
    ///
    /// A task that comes when there are as many waits here and is kept invisible meanwhile, for giving it back would bring it closer to the
    /// dead-letter queue. It takes no place from other job types, until as many wait as the consumer may execute: then no more are received. A
    /// job type that floods the queue for long belongs into a queue of its own.
    ///
    /// ```
    /// # use postern_worker::{Consumer, Context, Failure, Handler, Policy, Task, sqs_client};
    /// # struct Export;
    /// # impl Handler for Export {
    /// #     const JOB_TYPE: &'static str = "example.export";
    /// #     type Payload = serde_json::Value;
    /// #     type Output = ();
    /// #     async fn handle(&self, _: Task<Self::Payload>, _: &Context) -> Result<(), Failure> { Ok(()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let client = sqs_client(Some("http://127.0.0.1:9324")).await;
    /// // The database behind it bears no more than two at a time.
    /// let consumer = Consumer::builder(client).concurrency(16).handler_with(Export, Policy::new().concurrency(2));
    /// # drop(consumer);
    /// # }
    /// ```
    pub const fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = Some(if tasks == 0 { 1 } else { tasks });
        self
    }

    /// Tries a task again after a retryable failure, up to so many times, before the failure is told to the server.
    ///
    /// The task waits in SQS meanwhile, invisible, and takes no place: whichever consumer receives it after this delay executes it. A failure that
    /// has a delay of its own ([`Failure::retry_after`](crate::Failure::retry_after)) waits for that one, and for 11 hours at most. SQS counts receives, so a
    /// consumer that died counts as a try; with this, the queue's `maxReceiveCount` must be larger than `times`, or the consumer does not start.
    ///
    /// To its server the job runs on, so the delay must be well below the job type's execution timeout.
    ///
    /// ```
    /// # use postern_worker::{Code, Context, Failure, Handler, Policy, Task, testing::{End, Trial}};
    /// # use std::time::Duration;
    /// struct Fetch;
    ///
    /// impl Handler for Fetch {
    ///     const JOB_TYPE: &'static str = "example.fetch";
    ///     type Payload = serde_json::Value;
    ///     type Output = ();
    ///
    ///     async fn handle(&self, _task: Task<Self::Payload>, _context: &Context) -> Result<(), Failure> {
    ///         Err(Failure::new(Code::Unavailable, "SOURCE_AWAY", "the source does not answer").retryable())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let policy = Policy::new().retry_here(2, Duration::from_secs(5));
    /// let attempt = |number| Trial::new(Fetch).policy(policy.clone()).attempt(number).run();
    /// assert_eq!(attempt(1).await.end(), &End::RetriedHere { after: Duration::from_secs(5) });
    /// assert_eq!(attempt(2).await.end(), &End::RetriedHere { after: Duration::from_secs(5) });
    /// assert_eq!(attempt(3).await.end(), &End::Failed);
    /// # }
    /// ```
    pub const fn retry_here(mut self, times: u32, delay: Duration) -> Self {
        self.retries = times;
        self.retry_delay = delay;
        self
    }

    /// Makes a panic a retryable failure. By default it is a final one: most panics are defects, and come again with the same task.
    ///
    /// ```
    /// # use postern_worker::{Context, Failure, Handler, Policy, Task, testing::Trial};
    /// struct Moody;
    ///
    /// impl Handler for Moody {
    ///     const JOB_TYPE: &'static str = "example.moody";
    ///     type Payload = serde_json::Value;
    ///     type Output = ();
    ///
    ///     async fn handle(&self, _task: Task<Self::Payload>, _context: &Context) -> Result<(), Failure> {
    ///         panic!("a library gave up");
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let outcome = Trial::new(Moody).policy(Policy::new().retry_panics()).run().await;
    /// assert_eq!((outcome.reason(), outcome.is_retryable()), (Some("TASK_PANICKED"), true));
    /// assert!(!Trial::new(Moody).run().await.is_retryable());
    /// # }
    /// ```
    pub const fn retry_panics(mut self) -> Self {
        self.panics_are_retryable = true;
        self
    }

    /// How long the task waits before it is tried again here; none when it is not.
    pub(crate) fn retry_delay(&self, attempt: u32, wanted: Option<Duration>) -> Option<Duration> {
        let delay = wanted.unwrap_or(self.retry_delay).min(RETRY_DELAY_MAX);
        (attempt <= self.retries).then_some(delay)
    }

    /// The receives that a task may have come to when it is tried for the last time.
    pub(crate) const fn receives_max(&self) -> u32 {
        self.retries.saturating_add(1)
    }
}
