//! Consumer SDK: executes tasks from SQS and reports their outcomes.
//!
//! A consumer needs nothing but an SQS client: it takes tasks from the jobs queue and sends outcomes to the results
//! queue (`proto/messages/` has both as JSON Schemas). Write a [`Handler`] per job type, give them to a [`Consumer`],
//! and run it:
//!
//! ```
//! use postern_worker::{CancellationToken, Code, Consumer, Context, Failure, Handler, Task, sqs_client};
//!
//! #[derive(serde::Deserialize)]
//! struct Greeting {
//!     name: String,
//! }
//!
//! struct Greet;
//!
//! impl Handler for Greet {
//!     const JOB_TYPE: &'static str = "example.greet";
//!     type Payload = Greeting;
//!     type Output = serde_json::Value;
//!
//!     async fn handle(&self, task: Task<Greeting>, context: &Context) -> Result<Self::Output, Failure> {
//!         context.progress(0, 1, "thinking of something nice");
//!         if task.payload.name.is_empty() {
//!             return Err(Failure::new(Code::NotFound, "NOBODY_THERE", "there is nobody to greet"));
//!         }
//!         Ok(serde_json::json!({ "greeting": format!("Hello, {}!", task.payload.name) }))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # // An endpoint as `postern dev` has one, with a task in it. Whoever sees the outcome ends the consumer.
//! # let folder = tempfile::tempdir()?;
//! # let endpoint = postern_localsqs::Endpoint::open(postern_localsqs::Config::new(folder.path())).await?;
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("http://{}", listener.local_addr()?);
//! # let serving = tokio::spawn(endpoint.serve(listener, CancellationToken::new()));
//! # let client = sqs_client(Some(&url)).await;
//! # let jobs = client.create_queue().queue_name("postern-jobs").send().await?.queue_url.unwrap_or_default();
//! # let results = client.create_queue().queue_name("postern-results").send().await?.queue_url.unwrap_or_default();
//! # let task = serde_json::json!({
//! #     "jobId": "job_01h455vb4pex5vsknk084sn02q", "jobType": "example.greet", "jobTypeVersion": "1", "partnerId": "acme",
//! #     "dispatch": 1, "deadline": "2100-01-01T00:00:00Z", "payload": {"name": "Ada"}, "payloadRef": null, "attachments": [],
//! #     "labels": {}, "outcomeToken": "token", "trace": {"traceparent": "", "tracestate": ""}
//! # });
//! # client.send_message().queue_url(jobs).message_body(task.to_string()).send().await?;
//! let shutdown = CancellationToken::new();
//! # let stop = shutdown.clone();
//! # let seen = tokio::spawn(async move {
//! #     loop {
//! #         let answer = client.receive_message().queue_url(&results).wait_time_seconds(1).send().await.unwrap();
//! #         let bodies: Vec<_> = answer.messages.unwrap_or_default().into_iter().filter_map(|it| it.body).collect();
//! #         if bodies.iter().any(|body| body.contains("Hello, Ada!")) {
//! #             stop.cancel();
//! #             break;
//! #         }
//! #     }
//! # });
//! # let development = url;
//! let client = sqs_client(Some(&development)).await;
//! let consumer = Consumer::builder(client).handler(Greet).concurrency(8).build().await?;
//! consumer.run(shutdown).await;
//! # seen.await?;
//! # drop(serving);
//! # Ok(())
//! # }
//! ```
//!
//! [`testing`] tries a handler without any of this.
//!
//! # With the server's help
//!
//! A consumer that can reach the server may use its work service ([`Builder::work_service`]): before a handler runs, the server is asked whether the task
//! is still wanted; while it runs, heartbeats restart its execution timeout, and a cancellation that the partner asks for reaches the handler
//! ([`Context::cancellation`]). Nothing depends on it: when the service does not answer, all goes on as without it.
//!
//! # What is promised
//!
//! - **At least once.** A task is deleted only after SQS has accepted its outcome. A consumer that dies in between gets
//!   it again, so a handler must be idempotent: [`Task::job_id`] names the job, however often it comes.
//! - **Not twice at a time, as long as the consumer lives.** While a handler runs, its message is kept invisible, for the
//!   12 hours at most that SQS allows. When that does not succeed in time, the handler is asked to stop ([`Stop::Lost`]), or does not begin.
//! - **No more than asked for.** Tasks are received only for handlers that are free. One that comes for a job type at its limit
//!   ([`Policy::concurrency`]) waits, and is kept invisible from the start.
//! - **A handler's end is always reported**: its result, its [`Failure`], a panic (`INTERNAL`, `TASK_PANICKED`), a
//!   payload that does not fit its type (`INVALID_ARGUMENT`, `PAYLOAD_UNREADABLE`), a result that cannot be sent
//!   (`INTERNAL`, `RESULT_UNUSABLE`), a deadline that had passed before it began (`DEADLINE_EXCEEDED`,
//!   `DEADLINE_PASSED`). Exceptions are a try that is not the last one ([`Policy::retry_here`]) and a handler that stopped for a reason that is not
//!   the partner's ([`Stop`]).
//! - **What is not understood is not destroyed.** A task of another job type, or a message that is no task, stays in the
//!   queue: another consumer may know it, and if not, the queue's redrive policy puts it where people look.
//! - **A stop is orderly.** What has not begun is given back at once, what is under way has its grace, and is asked to stop before it is dropped
//!   ([`Consumer::run`]).

#![deny(missing_docs)]

mod attempt;
mod backoff;
mod client;
mod consumer;
mod context;
mod execution;
mod failure;
mod handler;
mod outcome;
mod places;
mod policy;
mod queue;
mod stopping;
mod task;
pub mod testing;
mod trace;
mod work;

pub use aws_sdk_sqs::Client;
pub use client::sqs_client;
pub use consumer::{Builder, Consumer};
pub use context::Context;
pub use failure::{Code, Failure};
pub use handler::Handler;
pub use policy::Policy;
pub use queue::Error;
pub use stopping::Stop;
pub use task::{Attachment, JobId, PartnerId, Task};
pub use tokio_util::sync::CancellationToken;
pub use trace::Trace;
pub use work::{ClientCredentials, Tokens};
