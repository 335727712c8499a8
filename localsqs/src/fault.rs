//! Every refusal a client can meet, under the names by which the SDKs know it.
//!
//! Names and statuses are those of the service model (`botocore/data/sqs/2012-11-05/service-2.json`, both the last one
//! with the Query protocol and the current one) and, where the model is silent, of AWS itself. How a fault is written
//! on the wire is `wire`'s business.

use http::StatusCode;

/// A request, or an entry of a batch, that was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for an attribute.")]
    QueueNameExists,
    #[error("The input receipt handle is invalid.")]
    ReceiptHandleIsInvalid,
    #[error("The request must contain at least one entry.")]
    EmptyBatchRequest,
    #[error("Maximum number of entries per request are {max}. You have sent {sent}.")]
    TooManyEntriesInBatchRequest { max: usize, sent: usize },
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    #[error("Batch requests cannot be longer than {max_bytes} bytes. You have sent {sent_bytes} bytes.")]
    BatchRequestTooLong { max_bytes: usize, sent_bytes: usize },
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
    )]
    InvalidBatchEntryId,
    #[error("The specified message is not in flight.")]
    MessageNotInflight,
    #[error("Unknown Attribute {0}.")]
    InvalidAttributeName(String),
    #[error("Invalid value for the parameter {name}. Reason: {reason}")]
    InvalidAttributeValue { name: String, reason: String },
    #[error("{0}")]
    InvalidParameterValue(String),
    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    #[error(
        "Invalid characters found. Valid characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )]
    InvalidMessageContents,
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeQueueInProgress(String),
    #[error("{0}")]
    ResourceNotFound(String),
    #[error("{0}")]
    UnsupportedOperation(String),
    #[error("The action {0} is not valid for this endpoint.")]
    InvalidAction(String),
    #[error("The request cannot be read: {0}")]
    Malformed(String),
    #[error("The request is longer than {0} bytes.")]
    RequestTooLarge(usize),
    #[error("The request body did not arrive within {0} seconds.")]
    RequestTimeout(u64),
    #[error("Only POST requests are accepted.")]
    NotAPost,
    #[error("Requests from web pages are not accepted.")]
    AccessDenied,
    #[error("Too many requests are waiting for messages.")]
    RequestThrottled,
    #[error("The endpoint could not complete the request. Try again.")]
    Internal,
}

impl Fault {
    /// `InvalidParameterValue` in the words AWS uses for a parameter outside its range.
    pub(crate) fn out_of_range(value: impl std::fmt::Display, name: &str, reason: &str) -> Self {
        Self::InvalidParameterValue(format!(
            "Value {value} for parameter {name} is invalid. Reason: {reason}."
        ))
    }

    pub(crate) fn no_resource(parameter: &str) -> Self {
        Self::ResourceNotFound(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))
    }

    pub(crate) fn identity(&self) -> Identity {
        match self {
            Self::QueueDoesNotExist => Identity::prefixed("QueueDoesNotExist", "NonExistentQueue"),
            Self::QueueNameExists => Identity::modelled("QueueNameExists").with_code("QueueAlreadyExists"),
            Self::ReceiptHandleIsInvalid => {
                Identity::modelled("ReceiptHandleIsInvalid").with_status(StatusCode::NOT_FOUND)
            }
            Self::EmptyBatchRequest => Identity::prefixed("EmptyBatchRequest", "EmptyBatchRequest"),
            Self::TooManyEntriesInBatchRequest { .. } => {
                Identity::prefixed("TooManyEntriesInBatchRequest", "TooManyEntriesInBatchRequest")
            }
            Self::BatchEntryIdsNotDistinct(_) => {
                Identity::prefixed("BatchEntryIdsNotDistinct", "BatchEntryIdsNotDistinct")
            }
            Self::BatchRequestTooLong { .. } => {
                Identity::prefixed("BatchRequestTooLong", "BatchRequestTooLong")
            }
            Self::InvalidBatchEntryId => Identity::prefixed("InvalidBatchEntryId", "InvalidBatchEntryId"),
            Self::MessageNotInflight => Identity::prefixed("MessageNotInflight", "MessageNotInflight"),
            Self::InvalidAttributeName(_) => Identity::modelled("InvalidAttributeName"),
            Self::InvalidAttributeValue { .. } => Identity::modelled("InvalidAttributeValue"),
            Self::InvalidParameterValue(_) => {
                Identity::common("InvalidParameterValueException", "InvalidParameterValue")
            }
            Self::MissingParameter(_) => {
                Identity::common("MissingRequiredParameterException", "MissingParameter")
            }
            Self::InvalidMessageContents => Identity::modelled("InvalidMessageContents"),
            Self::PurgeQueueInProgress(_) => {
                Identity::prefixed("PurgeQueueInProgress", "PurgeQueueInProgress")
                    .with_status(StatusCode::FORBIDDEN)
            }
            Self::ResourceNotFound(_) => {
                Identity::modelled("ResourceNotFoundException").with_status(StatusCode::NOT_FOUND)
            }
            Self::UnsupportedOperation(_) => {
                Identity::prefixed("UnsupportedOperation", "UnsupportedOperation")
            }
            Self::InvalidAction(_) => Identity::common("UnknownOperationException", "InvalidAction"),
            Self::Malformed(_) => Identity::common("SerializationException", "MalformedInput"),
            Self::RequestTooLarge(_) => {
                Identity::common("RequestEntityTooLargeException", "RequestEntityTooLarge")
                    .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::RequestTimeout(_) => Identity::common("RequestTimeoutException", "RequestTimeout")
                .with_status(StatusCode::REQUEST_TIMEOUT),
            Self::NotAPost => Identity::common("MalformedHttpRequestException", "MalformedHttpRequest")
                .with_status(StatusCode::METHOD_NOT_ALLOWED),
            Self::AccessDenied => {
                Identity::common("AccessDeniedException", "AccessDenied").with_status(StatusCode::FORBIDDEN)
            }
            Self::RequestThrottled => Identity::modelled("RequestThrottled"),
            Self::Internal => Identity::common("InternalFailure", "InternalFailure")
                .with_status(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

/// What a fault is called, and whose it is. `400 Bad Request` unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    namespace: &'static str,
    name: &'static str,
    code_prefix: &'static str,
    code: &'static str,
    pub(crate) status: StatusCode,
}

impl Identity {
    /// `__type` of the JSON protocol: namespace and shape.
    pub(crate) fn shape(self) -> String {
        format!("{}#{}", self.namespace, self.name)
    }

    /// `Code` of the Query protocol, of `x-amzn-query-error` and of failed batch entries.
    pub(crate) fn code(self) -> String {
        format!("{}{}", self.code_prefix, self.code)
    }

    /// Whether the client is to blame, rather than this endpoint.
    pub(crate) fn is_sender(self) -> bool {
        self.status.is_client_error()
    }

    /// An error of the service model that has one name in both protocols.
    fn modelled(name: &'static str) -> Self {
        let namespace = "com.amazonaws.sqs";
        Self {
            namespace,
            name,
            code_prefix: "",
            code: name,
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// An error of the service model whose code has the long prefix.
    fn prefixed(name: &'static str, code: &'static str) -> Self {
        Self {
            code_prefix: "AWS.SimpleQueueService.",
            ..Self::modelled(name)
        }
        .with_code(code)
    }

    /// An error that all AWS services have in common.
    fn common(name: &'static str, code: &'static str) -> Self {
        Self {
            namespace: "com.amazon.coral.service",
            ..Self::modelled(name)
        }
        .with_code(code)
    }

    fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}
