//! A descriptor-driven proxy: REST, SSE, gRPC and gRPC-Web in front of any gRPC service.
//!
//! Routes and messages come from a descriptor set (`google.api.http`, `postern.edge.v1.stream`), and routes from a service
//! config beside it, if there is one; no application type is known here. The upstream is a tower service: routes in the same process, or [`upstream::channel`]s.
//!
//! ```text
//! serve ─▶ edge ─┬─ rest: route ▸ receive ▸ bind ▸ call ▸ render (unary · sse · ndjson · array)
//!                └─ passthrough: grpc, grpc-web              problem: every error, in the caller's protocol
//! ```

mod about;
mod access;
mod bind;
mod body;
mod call;
pub mod check;
mod compress;
mod config;
mod core;
mod cors;
mod deadline;
mod descriptors;
mod documents;
mod drain;
mod edge;
mod etag;
mod gzip;
mod interrupt;
mod limits;
mod load;
mod metadata;
mod meters;
mod openapi;
mod passthrough;
mod problem;
mod receive;
pub mod reflection;
mod render;
mod requests;
mod rest;
mod route;
mod rule;
pub mod serve;
mod service_config;
pub mod upstream;

pub use about::{Documents, Security};
pub use body::Body;
pub use call::Upstream;
pub use config::{Config, Error};
pub use cors::{InvalidOrigin, Origin};
pub use edge::Edge;
pub use limits::Limits;
pub use meters::Meters;
pub use serve::{ServeConfig, Shutdown, serve};
