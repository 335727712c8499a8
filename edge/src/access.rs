//! What an edge tells of each request: what its meters count, and a line of the log for those who ask for it by `access=debug`.
//!
//! Neither query nor headers are logged: they may hold what is secret. Knows nothing of how requests are answered.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Request, Response};

use crate::body::Body;
use crate::core::Core;
use crate::metadata::{REQUEST_ID, trace_id};
use crate::meters::Tally;
use crate::problem::code;

/// What is called where no method is: documents, health, and what is not there.
const NO_METHOD: &str = "none";

/// A request that somebody wants to be told of.
#[derive(Debug)]
pub(crate) struct Access {
    began: Instant,
    method: Arc<str>,
    protocol: &'static str,
    request_id: Option<HeaderValue>,
    trace_id: Option<String>,
    tally: Option<Tally>,
}

impl Access {
    /// None where nobody wants to be told.
    pub(crate) fn begin<B>(core: &Core, request: &Request<B>, protocol: &'static str) -> Option<Self> {
        let is_logged = tracing::enabled!(target: "access", tracing::Level::DEBUG);
        if core.meters().is_none() && !is_logged {
            return None;
        }
        let method = core.routes().name(request.method(), request.uri().path());
        let method = method.unwrap_or_else(|| NO_METHOD.into());
        let headers = request.headers();
        Some(Self {
            began: Instant::now(),
            tally: core.meters().map(|meters| meters.begin(method.clone(), protocol)),
            method,
            protocol,
            request_id: headers.get(REQUEST_ID).filter(|_| is_logged).cloned(),
            trace_id: trace_id(headers).filter(|_| is_logged).map(str::to_owned),
        })
    }

    /// The answer begins. What follows it is counted with it.
    pub(crate) fn answered(mut self, response: Response<Body>) -> Response<Body> {
        let elapsed = self.began.elapsed();
        let status = code::of_trailers(response.headers()).unwrap_or(response.status());
        tracing::debug!(
            target: "access",
            protocol = self.protocol,
            rpc.method = self.method.as_ref(),
            status = status.as_u16(),
            duration.micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            request.id = self.request_id(response.headers()),
            trace.id = self.trace_id.as_deref().unwrap_or_default(),
            "answered"
        );
        match self.tally.take() {
            Some(mut tally) => {
                tally.answered(status, elapsed);
                response.map(|body| body.counted(tally))
            }
            None => response,
        }
    }

    /// The one that the edge made, where the caller brought none.
    fn request_id<'a>(&'a self, headers: &'a HeaderMap) -> &'a str {
        let id = headers.get(REQUEST_ID).or(self.request_id.as_ref());
        id.and_then(|id| id.to_str().ok()).unwrap_or_default()
    }
}
