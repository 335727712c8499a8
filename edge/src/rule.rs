//! What is said of a method beside its messages: its HTTP rule (google/api/http.proto), and how its stream is rendered
//! (postern/edge/v1/stream.proto).
//!
//! Written out by the numbers of their fields; no generated type of anybody's API is imported. Knows nothing of what
//! becomes of them.

/// `google.api.HttpRule`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pub(crate) pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    pub(crate) body: String,
    #[prost(string, tag = "12")]
    pub(crate) response_body: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) additional_bindings: Vec<HttpRule>,
}

/// The method and template of a rule.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(message, tag = "8")]
    Custom(CustomPattern),
}

/// Any other method; the kind `*` is every method.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CustomPattern {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
}

/// `postern.edge.v1.StreamRule`: how a server stream is rendered as server-sent events.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamRule {
    #[prost(string, tag = "1")]
    pub(crate) event_id_field: String,
    #[prost(string, tag = "2")]
    pub(crate) resume_field: String,
}

/// Where the HTTP rule of a method stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the .proto: the option `google.api.http` of the method.
    Annotation,
    /// In the service config.
    ServiceConfig {
        /// The line on which the rule begins, from 1.
        line: u64,
    },
}

impl Source {
    /// A method by its name, and by the place of its rule where that is not the method itself.
    pub(crate) fn locate(self, rpc: &str) -> String {
        match self {
            Self::Annotation => rpc.to_owned(),
            Self::ServiceConfig { line } => format!("{rpc} (service config, line {line})"),
        }
    }
}
