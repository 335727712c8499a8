//! What an edge is told, with defaults; and why it may not be built of it.

use bytes::Bytes;
use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::about::Documents;
use crate::cors::Origin;
use crate::limits::Limits;
use crate::metadata::REQUEST_ID;
use crate::meters::Meters;
use crate::route;
use crate::service_config;

/// The settings of an edge. `Default` has an empty descriptor set: set that one at least.
#[derive(Debug, Clone)]
pub struct Config {
    /// An encoded `google.protobuf.FileDescriptorSet` with all imports and options: the services, and their routes by
    /// `google.api.http`.
    pub descriptor_set: Bytes,
    /// HTTP rules beside the .proto: the text of a service config, a `google.api.Service` in YAML, of which `http` is read.
    /// A rule takes the place of its method's annotation. None by default.
    pub service_config: Option<String>,
    /// The `domain` of the ErrorInfo of errors that the edge itself makes.
    pub error_domain: String,
    /// Headers of a REST caller that become request metadata. `grpc-…` and headers of one hop never do.
    pub request_headers: Vec<HeaderName>,
    /// Origins whose pages may call over REST and gRPC-Web (CORS). None by default.
    pub cors_origins: Vec<Origin>,
    /// What the edge says of its API at `/openapi.json`, `/docs` and `/descriptors.binpb`; None serves none of them. A
    /// route that takes one of these paths wins.
    pub documents: Option<Documents>,
    /// Where requests are counted. Nowhere by default.
    pub meters: Option<Meters>,
    /// Limits of one call, and of all together.
    pub limits: Limits,
}

/// Why an edge cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The descriptor set cannot be read.
    #[error("the descriptor set cannot be read: {0}")]
    DescriptorSet(#[from] prost_reflect::DescriptorError),
    /// The service config is no YAML, or its HTTP rules are not in their form.
    #[error("the service config cannot be read: {0}")]
    ServiceConfig(String),
    /// A method's HTTP rule is invalid, or two of them conflict: the text names the methods and templates.
    #[error("{0}")]
    Route(String),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            descriptor_set: Bytes::new(),
            service_config: None,
            error_domain: "postern".to_owned(),
            request_headers: vec![
                AUTHORIZATION,
                HeaderName::from_static("idempotency-key"),
                REQUEST_ID,
                HeaderName::from_static("traceparent"),
                HeaderName::from_static("tracestate"),
            ],
            cors_origins: Vec::new(),
            documents: Some(Documents::default()),
            meters: None,
            limits: Limits::default(),
        }
    }
}

impl From<service_config::Error> for Error {
    fn from(error: service_config::Error) -> Self {
        Self::ServiceConfig(error.to_string())
    }
}

impl From<route::Error> for Error {
    fn from(error: route::Error) -> Self {
        Self::Route(error.to_string())
    }
}
