//! What an edge is told, with defaults and limits; and its making, which refuses what could not be served.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;
use http::header::AUTHORIZATION;
use postern_protojson::Options;

use crate::cors::{Cors, Origin};
use crate::descriptors::Descriptors;
use crate::documents::{Documents, Shelf};
use crate::edge::{Core, Edge};
use crate::load::Load;
use crate::metadata::REQUEST_ID;
use crate::problem::Details;
use crate::receive;
use crate::route::{self, Routes};
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
    /// Limits of one call, and of all together.
    pub limits: Limits,
}

/// Limits of one call, and of all together.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at once, in every protocol, but for streams. Beyond: 503 at once, OVERLOADED.
    pub calls_max: usize,
    /// Streams at once, of requests or answers, and gRPC calls of methods that the edge does not know. Beyond: the same.
    pub streams_max: usize,
    /// What all calls over REST hold at once of bodies and of the messages made of them, but for those of 4 KiB at most.
    /// Beyond: the same.
    pub bodies_bytes_max: usize,
    /// Headers of a REST request, names and values and 32 bytes each. Beyond: 431.
    pub header_bytes_max: usize,
    /// Body of a REST request. Beyond: 413.
    pub body_bytes_max: usize,
    /// Time for it to arrive, or that of a gRPC-Web call. Beyond: 504.
    pub body_timeout: Duration,
    /// The longest silence within it, and the time in which `body_window_bytes_min` must come. Of gRPC calls as well, where the
    /// request is one message. Beyond: 504.
    pub body_window: Duration,
    /// Bytes in each such window, unless the body ends in it.
    pub body_window_bytes_min: usize,
    /// All messages of a stream of requests over REST, or a raw body that is streamed. Beyond: 413. A single element has
    /// the limit of a body.
    pub request_stream_bytes_max: u64,
    /// One call with a stream of requests over REST; the caller's longest silence in it is `body_timeout`, and that is all
    /// that is asked of its pace: its messages may be made as it goes. Beyond: 504.
    pub request_stream_timeout: Duration,
    /// One message of the upstream to a REST caller, and one request message, in wire bytes; JSON four times that.
    pub message_bytes_max: usize,
    /// A unary REST call as a whole, or less by the caller's `X-Server-Timeout`; the upstream is told what is left of it.
    /// Beyond: 504. A server stream has no limit but the caller's.
    pub unary_timeout: Duration,
    /// How long a stream's answer waits for the upstream's head, so that an early error keeps its status.
    pub stream_head_wait: Duration,
    /// And from there for its first message or its end.
    pub first_message_wait: Duration,
    /// The longest silence of a stream of events.
    pub heartbeat_interval: Duration,
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

impl Config {
    /// Compiles the routes of the descriptor set and puts the edge in front of an upstream.
    ///
    /// # Errors
    /// An unreadable descriptor set or service config; a template or rule that is invalid; two that conflict.
    pub fn build<U>(self, upstream: U) -> Result<Edge<U>, Error> {
        let limits = &self.limits;
        let load = Load::new(limits.calls_max, limits.streams_max, limits.bodies_bytes_max);
        let core = self.compile(self.descriptor_set.clone(), self.service_config.as_deref(), load)?;
        Ok(Edge::new(core, self, upstream))
    }

    /// What the calls of an edge share, for this descriptor set and service config.
    pub(crate) fn compile(
        &self,
        descriptor_set: Bytes,
        service_config: Option<&str>,
        load: Load,
    ) -> Result<Core, Error> {
        let options = self.limits.options();
        let descriptors =
            Descriptors::load(&descriptor_set, options.clone())?.with_service_config(service_config)?;
        let routes = Routes::compile(&descriptors)?;
        let shelf = match &self.documents {
            Some(about) => Shelf::fill(about, descriptor_set, &descriptors, &routes),
            None => Shelf::default(),
        };
        let details = Details::new(
            self.error_domain.clone(),
            &descriptors.pool,
            &descriptors.codec,
            options,
        )?;
        let cors = Cors::new(&self.cors_origins, &self.request_headers);
        let (limits, request_headers) = (self.limits.clone(), self.request_headers.clone());
        let core = Core::new(routes, details, limits, request_headers, cors);
        Ok(core.with_shelf(shelf).with_load(load))
    }
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
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 10_000,
            streams_max: 100_000,
            bodies_bytes_max: 256 << 20,
            header_bytes_max: 32 << 10,
            body_bytes_max: 2 << 20,
            body_timeout: Duration::from_secs(20),
            body_window: Duration::from_secs(4),
            body_window_bytes_min: 2_000,
            request_stream_bytes_max: 4 << 30,
            request_stream_timeout: Duration::from_secs(3_600),
            message_bytes_max: 16 << 20,
            unary_timeout: Duration::from_secs(60),
            stream_head_wait: Duration::from_millis(500),
            first_message_wait: Duration::from_millis(50),
            heartbeat_interval: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(crate) fn body(&self) -> receive::Limits {
        receive::Limits {
            bytes_max: self.body_bytes_max,
            pace: receive::PaceLimits {
                timeout: Some(self.body_timeout),
                ..self.pace()
            },
        }
    }

    /// Of a call of one message, however long that is.
    pub(crate) fn pace(&self) -> receive::PaceLimits {
        receive::PaceLimits {
            window: self.body_window,
            window_bytes_min: self.body_window_bytes_min,
            timeout: None,
        }
    }

    pub(crate) fn pieces(&self) -> receive::PiecesLimits {
        receive::PiecesLimits {
            element_bytes_max: self.body_bytes_max,
            bytes_max: self.request_stream_bytes_max,
            timeout: self.body_timeout,
        }
    }

    /// JSON as `contract/rest.md` has it: strict when reading, complete when printing.
    fn options(&self) -> Options {
        Options {
            always_print_fields_without_presence: true,
            refuse_unsafe_integers: true,
            output_bytes_max: self.message_bytes_max,
            // Text is larger than wire bytes; a packed list of enums would be thirty times.
            text_bytes_max: self.message_bytes_max.saturating_mul(4),
            ..Options::default()
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
