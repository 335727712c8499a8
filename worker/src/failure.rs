//! Why a task failed, as the partner will read it. Knows nothing of queues or JSON.

use std::error::Error;
use std::time::Duration;

/// Why a task failed.
///
/// `?` turns any error into one that tells the partner nothing but that the task failed, and that is worth a retry: what
/// nobody foresaw is a database that is away more often than anything else. The error itself is logged. Failures that
/// mean something to the partner are made with [`Failure::new`].
///
/// ```
/// # use postern_worker::{Code, Context, Failure, Handler, Task, testing::Trial};
/// # use std::time::Duration;
/// struct Order;
///
/// impl Handler for Order {
///     const JOB_TYPE: &'static str = "example.order";
///     type Payload = u32;
///     type Output = ();
///
///     async fn handle(&self, task: Task<u32>, _context: &Context) -> Result<(), Failure> {
///         match task.payload {
///             0 => Err(Failure::new(Code::InvalidArgument, "NOTHING_ORDERED", "nothing was ordered").violation("", "is zero")),
///             1..10 => Ok(()),
///             10..100 => {
///                 let busy = Failure::new(Code::Unavailable, "BUSY", "so many take a while");
///                 Err(busy.retry_after(Duration::from_secs(60)))
///             }
///             // Any error will do for `?`.
///             _ => Err(std::fs::read("/no/such/file").map(drop).unwrap_err())?,
///         }
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let order = |count| Trial::new(Order).payload(count).run();
/// let nothing = order(0).await;
/// assert_eq!((nothing.code(), nothing.reason()), (Some("INVALID_ARGUMENT"), Some("NOTHING_ORDERED")));
/// assert!(!nothing.is_retryable());
/// let many = order(50).await;
/// assert!(many.is_retryable());
/// assert_eq!(many.body().unwrap()["retryDelaySeconds"], 60);
/// let unforeseen = order(100).await;
/// assert_eq!((unforeseen.reason(), unforeseen.message()), (Some("TASK_FAILED"), Some("the task failed")));
/// # }
/// ```
#[derive(Debug)]
pub struct Failure {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) message: String,
    pub(crate) violations: Vec<Violation>,
    pub(crate) retryable: bool,
    /// The handler stopped because it was asked to, which is no failure.
    pub(crate) is_cancelled: bool,
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

/// A place in the payload that is to blame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Failure {
    /// A failure that no repetition would mend.
    ///
    /// `reason` is for programs: `UPPER_SNAKE_CASE`, a letter first, at most 63 characters; the server makes `TASK_FAILED`
    /// of anything else and of its own reasons. `message` is for people, 2,048 bytes at most; it is cut there.
    ///
    /// ```
    /// use postern_worker::{Code, Failure};
    ///
    /// let failure = Failure::new(Code::NotFound, "ACCOUNT_UNKNOWN", "account north does not exist");
    /// assert!(format!("{failure:?}").contains("ACCOUNT_UNKNOWN"));
    /// ```
    pub fn new(code: Code, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
            message: message.into(),
            violations: Vec::new(),
            retryable: false,
            is_cancelled: false,
            retry_delay: None,
            source: None,
        }
    }

    /// The handler stopped, as [`Context::cancellation`](crate::Context::cancellation) asked it to, and what it had done is undone, or does no
    /// harm. Where nobody asked, or the partner did, the job becomes CANCELLED; [`Stop`](crate::Stop) says what becomes of it otherwise, and has an
    /// example.
    #[must_use]
    pub fn cancelled() -> Self {
        Self {
            is_cancelled: true,
            ..Self::new(Code::Cancelled, "CANCELLED", "the task was cancelled")
        }
    }

    /// Adds a place in the payload that is to blame, as a JSON Pointer (RFC 6901) into it: `/contacts/3/email`. The
    /// first 100 are sent.
    ///
    /// ```
    /// use postern_worker::{Code, Failure};
    ///
    /// let failure = Failure::new(Code::InvalidArgument, "CONTACTS_UNUSABLE", "two contacts cannot be used")
    ///     .violation("/contacts/3/email", "has no @")
    ///     .violation("/contacts/7/email", "has no @");
    /// # drop(failure);
    /// ```
    #[must_use]
    pub fn violation(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.violations.push(Violation {
            pointer: pointer.into(),
            message: message.into(),
        });
        self
    }

    /// The server may hand the job out again, up to the job type's `dispatches` and after its backoff; or it is tried again here first, if its
    /// [`Policy`](crate::Policy) says so, which has an example.
    #[must_use]
    pub const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// The same, after this time instead of the job type's backoff: whole seconds, rounded up, a day at most. [`Failure`] has an example.
    #[must_use]
    pub const fn retry_after(mut self, delay: Duration) -> Self {
        self.retryable = true;
        self.retry_delay = Some(delay);
        self
    }

    /// Keeps the error behind it for the log. The partner does not see it.
    ///
    /// ```
    /// use postern_worker::{Code, Failure};
    ///
    /// fn read(path: &str) -> Result<String, Failure> {
    ///     let missing = |error| Failure::new(Code::NotFound, "NO_TEMPLATE", "there is no template").because(error);
    ///     std::fs::read_to_string(path).map_err(missing)
    /// }
    ///
    /// assert!(read("/no/such/file").is_err());
    /// ```
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Code::Internal, "TASK_FAILED", "the task failed")
            .retryable()
            .because(error)
    }
}

/// The canonical codes (`google/rpc/code.proto`) but OK. [`Failure`] has an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "google/rpc/code.proto says what each means")]
pub enum Code {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl Code {
    /// Its name.
    ///
    /// ```
    /// assert_eq!(postern_worker::Code::NotFound.name(), "NOT_FOUND");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}
