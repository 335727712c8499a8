//! What a user of this SDK writes, and the table in which a consumer finds it by job type.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::failure::{Code, Failure};
use crate::policy::Policy;
use crate::task::Task;

/// Executes the tasks of one job type.
///
/// It must be idempotent: the same job comes again when a consumer dies, or is stopped, before its outcome is known to
/// SQS. It may be dropped at any `await` when the consumer stops. An [`Arc`] of a handler is one, too.
///
/// ```
/// use postern_worker::{Code, Context, Failure, Handler, Task, testing::Trial};
///
/// struct Divide;
///
/// #[derive(serde::Deserialize)]
/// struct Fraction {
///     numerator: i64,
///     denominator: i64,
/// }
///
/// #[derive(serde::Serialize)]
/// struct Quotient {
///     quotient: i64,
/// }
///
/// impl Handler for Divide {
///     const JOB_TYPE: &'static str = "example.divide";
///     type Payload = Fraction;
///     type Output = Quotient;
///
///     async fn handle(&self, task: Task<Fraction>, _context: &Context) -> Result<Quotient, Failure> {
///         let Fraction { numerator, denominator } = task.payload;
///         let quotient = numerator
///             .checked_div(denominator)
///             .ok_or_else(|| Failure::new(Code::InvalidArgument, "DIVISION_BY_ZERO", "nothing can be divided by zero"))?;
///         Ok(Quotient { quotient })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let outcome = Trial::new(Divide).payload(serde_json::json!({ "numerator": 7, "denominator": 2 })).run().await;
/// assert_eq!(outcome.result(), Some(&serde_json::json!({ "quotient": 3 })));
/// # }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// The job type's name in the catalog.
    const JOB_TYPE: &'static str;
    /// What the payload is read as. One that does not fit fails the task with `INVALID_ARGUMENT`.
    type Payload: DeserializeOwned + Send + 'static;
    /// What the partner gets: a JSON object of at most 256 KiB, whole numbers in it below 2^53; or nothing, `()`.
    type Output: Serialize + Send;

    /// Does the work. In an implementation, `async fn handle` will do.
    fn handle(
        &self,
        task: Task<Self::Payload>,
        context: &Context,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

impl<H: Handler> Handler for Arc<H> {
    const JOB_TYPE: &'static str = H::JOB_TYPE;
    type Payload = H::Payload;
    type Output = H::Output;

    fn handle(
        &self,
        task: Task<H::Payload>,
        context: &Context,
    ) -> impl Future<Output = Result<H::Output, Failure>> + Send {
        H::handle(self, task, context)
    }
}

/// What came of a task: the result, if there is one.
pub(crate) type Ended = Result<Option<Map<String, Value>>, Failure>;

/// A [`Handler`] whose types are no longer to be seen.
pub(crate) trait AnyHandler: Send + Sync {
    fn handle<'a>(
        &'a self,
        task: Task<Box<RawValue>>,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;
}

/// A handler, and how its tasks are executed.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) job_type: &'static str,
    pub(crate) handler: Arc<dyn AnyHandler>,
    pub(crate) policy: Policy,
}

/// Handlers by job type.
#[derive(Clone, Default)]
pub(crate) struct Handlers(HashMap<&'static str, Registered>);

impl Registered {
    pub(crate) fn new<H: Handler>(handler: H, policy: Policy) -> Self {
        Self {
            job_type: H::JOB_TYPE,
            handler: Arc::new(handler),
            policy,
        }
    }
}

impl Handlers {
    /// Adds a handler; one of the same job type gives way.
    pub(crate) fn insert(&mut self, registered: Registered) {
        self.0.insert(registered.job_type, registered);
    }

    pub(crate) fn get(&self, job_type: &str) -> Option<&Registered> {
        self.0.get(job_type)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.values()
    }
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct(self.job_type)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Handlers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl<H: Handler> AnyHandler for H {
    fn handle<'a>(
        &'a self,
        task: Task<Box<RawValue>>,
        context: &'a Context,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send + 'a>> {
        Box::pin(async move {
            let payload = read_payload(&task.payload)?;
            let output = Handler::handle(self, task.with_payload(payload), context).await?;
            write_result(&output)
        })
    }
}

fn read_payload<P: DeserializeOwned>(payload: &RawValue) -> Result<P, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(payload.get());
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let message = error.inner().to_string();
        // Its line and column are those of our own copy.
        let message = message
            .rsplit_once(" at line ")
            .map_or(message.as_str(), |(message, _)| message);
        Failure::new(
            Code::InvalidArgument,
            "PAYLOAD_UNREADABLE",
            "the payload is not what the consumer can read",
        )
        .violation(pointer(error.path()), message)
    })
}

/// A path as a JSON Pointer (RFC 6901), as far as it is known.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    pointer
}

fn write_result<T: Serialize>(output: &T) -> Ended {
    match serde_json::to_value(output) {
        Ok(Value::Object(result)) => Ok(Some(result)),
        Ok(Value::Null) => Ok(None),
        Ok(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Err(unusable("the result is not an object"))
        }
        Err(error) => Err(unusable("the result cannot be written as JSON").because(error)),
    }
}

/// The work was done, but its result cannot be told.
pub(crate) fn unusable(message: &str) -> Failure {
    Failure::new(Code::Internal, "RESULT_UNUSABLE", message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Payload {
        #[serde(rename = "a/b")]
        _list: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    struct Item {
        _n: u32,
    }

    #[test]
    fn an_unreadable_payload_is_blamed_where_it_is_wrong() {
        let payload = RawValue::from_string(r#"{"a/b": [{"_n": 1}, {"_n": "x"}]}"#.to_owned()).unwrap();
        let failure = read_payload::<Payload>(&payload).unwrap_err();
        assert_eq!(failure.code, Code::InvalidArgument);
        assert_eq!(failure.violations[0].pointer, "/a~1b/1/_n");
        assert_eq!(
            failure.violations[0].message,
            "invalid type: string \"x\", expected u32"
        );
    }

    #[test]
    fn a_result_is_an_object_or_nothing() {
        assert_eq!(
            write_result(&serde_json::json!({"n": 1})).unwrap().unwrap().len(),
            1
        );
        assert!(write_result(&()).unwrap().is_none());
        assert_eq!(write_result(&"text").unwrap_err().reason, "RESULT_UNUSABLE");
        let no_json = HashMap::from([((1, 2), 3)]);
        assert_eq!(write_result(&no_json).unwrap_err().reason, "RESULT_UNUSABLE");
    }
}
