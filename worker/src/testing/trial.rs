//! A task that is made for a test, as the server makes one.

use std::time::{Duration, SystemTime};

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use super::running::Running;
use crate::handler::{Handler, Registered};
use crate::policy::Policy;
use crate::task::Assignment;

/// A handler, and the task that it is to be tried on. See the [module](crate::testing) for an example.
///
/// Unless it is said otherwise, the task is the first attempt of the first dispatch, for the partner `acme`, with an empty object as its payload
/// and a deadline far away.
#[derive(Debug, Clone)]
#[must_use = "a trial does nothing until it runs"]
pub struct Trial {
    registered: Registered,
    task: Map<String, Value>,
    attempt: u32,
}

impl Trial {
    /// Of this handler. For several trials of one, give an [`Arc`](std::sync::Arc) of it.
    ///
    /// ```
    /// # use postern_worker::{Context, Failure, Handler, Task, testing::{End, Trial}};
    /// # use std::sync::{Arc, atomic::{AtomicU32, Ordering}};
    /// #[derive(Default)]
    /// struct Count(AtomicU32);
    ///
    /// impl Handler for Count {
    ///     const JOB_TYPE: &'static str = "example.count";
    ///     type Payload = serde_json::Value;
    ///     type Output = ();
    ///
    ///     async fn handle(&self, _task: Task<Self::Payload>, _context: &Context) -> Result<(), Failure> {
    ///         self.0.fetch_add(1, Ordering::SeqCst);
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let handler = Arc::new(Count::default());
    /// for attempt in 1..=2 {
    ///     let outcome = Trial::new(Arc::clone(&handler)).attempt(attempt).run().await;
    ///     assert_eq!(outcome.end(), &End::Succeeded);
    /// }
    /// assert_eq!(handler.0.load(Ordering::SeqCst), 2);
    /// # }
    /// ```
    pub fn new<H: Handler>(handler: H) -> Self {
        let task = json!({
            "jobId": "job_01h455vb4pex5vsknk084sn02q", "jobType": H::JOB_TYPE, "jobTypeVersion": "1", "partnerId": "acme",
            "dispatch": 1, "deadline": "2100-01-01T00:00:00Z", "payload": {}, "payloadRef": null, "attachments": [],
            "labels": {}, "outcomeToken": "test", "trace": {"traceparent": "", "tracestate": ""}
        });
        let Value::Object(task) = task else {
            unreachable!("it is an object")
        };
        Self {
            registered: Registered::new(handler, Policy::new()),
            task,
            attempt: 1,
        }
    }

    /// With what the partner sent.
    ///
    /// # Panics
    /// When it cannot be written as JSON.
    pub fn payload(self, payload: impl Serialize) -> Self {
        let payload = serde_json::to_value(payload).expect("a payload can be written as JSON");
        self.with("payload", payload)
    }

    /// Of this job.
    pub fn job_id(self, id: &str) -> Self {
        self.with("jobId", id.into())
    }

    /// Of this partner.
    pub fn partner_id(self, id: &str) -> Self {
        self.with("partnerId", id.into())
    }

    /// The job is handed out for the so-manieth time, from 1.
    pub fn dispatch(self, number: u32) -> Self {
        self.with("dispatch", number.into())
    }

    /// The task is received for the so-manieth time, from 1.
    pub fn attempt(mut self, number: u32) -> Self {
        self.attempt = number;
        self
    }

    /// Not to be begun after this.
    ///
    /// ```
    /// # use postern_worker::{Context, Failure, Handler, Task, testing::Trial};
    /// # struct Greet;
    /// # impl Handler for Greet {
    /// #     const JOB_TYPE: &'static str = "example.greet";
    /// #     type Payload = serde_json::Value;
    /// #     type Output = ();
    /// #     async fn handle(&self, _: Task<Self::Payload>, _: &Context) -> Result<(), Failure> { Ok(()) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let outcome = Trial::new(Greet).deadline(std::time::SystemTime::UNIX_EPOCH).run().await;
    /// assert_eq!(outcome.reason(), Some("DEADLINE_PASSED"));
    /// # }
    /// ```
    ///
    /// # Panics
    /// When it is before 1970.
    pub fn deadline(self, time: SystemTime) -> Self {
        let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH);
        self.with(
            "deadline",
            rfc3339(since_1970.expect("a deadline is after 1970")).into(),
        )
    }

    /// With a label of the partner's.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        let labels = self.task["labels"].as_object_mut();
        labels
            .expect("labels are an object")
            .insert(name.to_owned(), value.into());
        self
    }

    /// With attachments, in the form that `proto/messages/task.schema.json` gives them.
    pub fn attachments(self, attachments: Value) -> Self {
        self.with("attachments", attachments)
    }

    /// Of this trace; [`Trace`](crate::Trace) has an example.
    pub fn trace(self, traceparent: &str, tracestate: &str) -> Self {
        self.with(
            "trace",
            json!({"traceparent": traceparent, "tracestate": tracestate}),
        )
    }

    /// By this policy; [`Policy::retry_here`] has an example.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.registered.policy = policy;
        self
    }

    /// Runs the handler to its end: what would have been told. A runtime of tokio is needed.
    ///
    /// # Panics
    /// When the task is not one that a server could have sent: with attachments of another form, for example.
    pub async fn run(self) -> Outcome {
        self.start().outcome().await
    }

    /// Lets the handler begin, to be seen and asked to stop while it works: see [`Running`].
    ///
    /// # Panics
    /// As [`Trial::run`].
    #[must_use = "the handler is dropped with it"]
    pub fn start(self) -> Running {
        let body = Value::Object(self.task).to_string();
        let assignment = Assignment::read(&body, self.attempt).expect("a task as servers send them");
        Running::begin(assignment, self.registered)
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.task.insert(name.to_owned(), value);
        self
    }
}

fn rfc3339(since_1970: Duration) -> String {
    let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    DateTime::from_secs_and_nanos(seconds, since_1970.subsec_nanos())
        .fmt(DateTimeFormat::DateTime)
        .expect("a year of four digits")
}
