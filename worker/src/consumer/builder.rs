//! What a consumer needs to know before it starts.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;

use super::{Consumer, Receiver};
use crate::execution::{Ending, Shared};
use crate::handler::{Handler, Handlers, Registered};
use crate::places::Places;
use crate::policy::Policy;
use crate::queue::{Error, Queues};
use crate::work::{SharedTokens, Tokens, WorkService};

/// What a consumer needs to know; see [`Consumer::builder`].
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Task};
/// use postern_worker::{ClientCredentials, Consumer, Error, Policy, sqs_client};
/// use std::time::Duration;
///
/// # struct Greet;
/// # impl Handler for Greet {
/// #     const JOB_TYPE: &'static str = "example.greet";
/// #     type Payload = serde_json::Value;
/// #     type Output = ();
/// #     async fn handle(&self, _: Task<Self::Payload>, _: &Context) -> Result<(), Failure> { Ok(()) }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # // Nothing listens there, which is told at once.
/// # let config = sqs_client(Some("http://127.0.0.1:1")).await.config().to_builder();
/// # let client = postern_worker::Client::from_conf(config.retry_config(aws_config::retry::RetryConfig::disabled()).build());
/// let tokens = ClientCredentials::new("https://auth.example.com/oauth2/token", "worker", "worker-secret");
/// let built = Consumer::builder(client)
///     .jobs_queue("https://sqs.eu-central-1.amazonaws.com/123456789012/postern-jobs")
///     .results_queue("postern-results")
///     .handler_with(Greet, Policy::new().concurrency(4).retry_here(2, Duration::from_secs(10)))
///     .concurrency(16)
///     .drain_grace(Duration::from_secs(25))
///     .progress_interval(Duration::from_secs(5))
///     .work_service("https://api.example.com", tokens)
///     .heartbeat_interval(Duration::from_secs(60))
///     .build()
///     .await;
/// // Where the queue is not there, its consumer does not start.
/// assert!(matches!(built, Err(Error::Queue { .. })));
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    client: Client,
    jobs_queue: String,
    results_queue: String,
    handlers: Handlers,
    concurrency: usize,
    drain_grace: Duration,
    progress_interval: Duration,
    work: Option<(String, SharedTokens)>,
    heartbeat_interval: Duration,
}

impl Builder {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            jobs_queue: "postern-jobs".to_owned(),
            results_queue: "postern-results".to_owned(),
            handlers: Handlers::default(),
            concurrency: 4,
            drain_grace: Duration::from_secs(10),
            progress_interval: Duration::from_secs(1),
            work: None,
            heartbeat_interval: Duration::from_secs(30),
        }
    }

    /// Where tasks come from: a queue's name or URL. `postern-jobs` by default.
    pub fn jobs_queue(mut self, name_or_url: impl Into<String>) -> Self {
        self.jobs_queue = name_or_url.into();
        self
    }

    /// Where outcomes go: a queue's name or URL. `postern-results` by default.
    pub fn results_queue(mut self, name_or_url: impl Into<String>) -> Self {
        self.results_queue = name_or_url.into();
        self
    }

    /// Executes the tasks of its job type; one given before for the same job type gives way.
    pub fn handler<H: Handler>(self, handler: H) -> Self {
        self.handler_with(handler, Policy::new())
    }

    /// The same, with a limit of its own or with tries of its own: see [`Policy`].
    pub fn handler_with<H: Handler>(mut self, handler: H, policy: Policy) -> Self {
        self.handlers.insert(Registered::new(handler, policy));
        self
    }

    /// Tasks executed at a time, over all handlers: 4 by default, at least 1.
    pub const fn concurrency(mut self, tasks: usize) -> Self {
        self.concurrency = if tasks == 0 { 1 } else { tasks };
        self
    }

    /// What tasks under way have left to end once the consumer is to stop, before they are asked to stop as well: 10 s by default. It takes
    /// some seconds more ([`Consumer::run`]), which whoever kills what does not stop should know.
    pub const fn drain_grace(mut self, grace: Duration) -> Self {
        self.drain_grace = grace;
        self
    }

    /// The least time between two reports of progress on a task: 1 s by default. Each is a message on the results queue.
    pub const fn progress_interval(mut self, interval: Duration) -> Self {
        self.progress_interval = interval;
        self
    }

    /// Uses the server's work service: the URL of an edge, such as `https://api.example.com`, and where access tokens come from. None by default.
    ///
    /// A task is then begun only if it is still wanted, and its handler is told of a cancellation
    /// ([`Context::cancellation`](crate::Context::cancellation)). The start is told to the server instead of the results queue.
    pub fn work_service(mut self, edge_url: impl Into<String>, tokens: impl Tokens) -> Self {
        self.work = Some((edge_url.into(), SharedTokens::new(tokens)));
        self
    }

    /// The most time between two heartbeats of an execution: 30 s by default. It is also how long a cancellation takes to reach its handler.
    /// More often where the execution timeout asks for it.
    pub const fn heartbeat_interval(mut self, interval: Duration) -> Self {
        self.heartbeat_interval = interval;
        self
    }

    /// Finds the queues and reads the visibility timeout of the one and the message size of the other.
    ///
    /// # Errors
    /// When a queue does not exist, cannot be read, or is a FIFO queue; when a [`Policy`] wants more tries than the queue has receives; when the work
    /// service's URL is none. That it answers is not needed.
    pub async fn build(self) -> Result<Consumer, Error> {
        let work = self.work.map(|(url, tokens)| {
            WorkService::new(&url, tokens).map_err(|_invalid| Error::WorkServiceUrl { url })
        });
        let work = work.transpose()?.map(Arc::new);
        let queues = Queues::open(self.client, &self.jobs_queue, &self.results_queue).await?;
        for Registered { job_type, policy, .. } in self.handlers.iter() {
            queues.check_receives(job_type, policy.receives_max())?;
        }
        let limits = self
            .handlers
            .iter()
            .map(|it| (it.job_type, it.policy.concurrency.unwrap_or(usize::MAX)));
        let places = Places::new(self.concurrency, limits);
        let (requests, gathering) = queues.requests();
        let shared = Shared {
            queues,
            requests,
            handlers: self.handlers,
            places,
            progress_interval: self.progress_interval,
            work,
            heartbeat_interval: self.heartbeat_interval,
            ending: Ending::default(),
        };
        let receiver = Receiver {
            shared: Arc::new(shared),
            concurrency: self.concurrency,
            drain_grace: self.drain_grace,
        };
        Ok(Consumer { receiver, gathering })
    }
}
