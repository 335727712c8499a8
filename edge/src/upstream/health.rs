//! Asks the servers of a pool how they are (`grpc.health.v1.Health/Check`), so that calls find one that serves.
//!
//! Not with tower's balance and its discovery: they leave a server out for good or not at all, whereas here the last one
//! left still gets the calls, well or not.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use prost::Message as _;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::body::Body;
use tower::BoxError;

use super::pool::Channels;
use super::server::Server;

const PATH: &str = "/grpc.health.v1.Health/Check";
/// The framed `HealthCheckRequest` without a service: the server as a whole.
const REQUEST: &[u8] = &[0; FRAME_HEADER_BYTES];
const FRAME_HEADER_BYTES: usize = 5;
/// Time between the checks of a server.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time for one.
const TIMEOUT: Duration = Duration::from_secs(1);
/// Checks without an answer, one after the other, until a server counts as unwell.
const SILENT_MAX: u32 = 2;
const ANSWER_BYTES_MAX: usize = 1 << 10;

/// The checks of a pool. Made by [`Channels::checks`].
#[derive(Debug)]
pub struct Checks {
    channels: Channels,
    interval: Duration,
}

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    /// It serves, or has no health service, or does not say who asks.
    Serving,
    NotServing,
    /// Nothing, or nothing that can be understood.
    Silent,
}

/// `HealthCheckResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(enumeration = "Status", tag = "1")]
    status: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum Status {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

impl Channels {
    /// What asks the servers how they are. Without it only those that fail their calls are passed over.
    #[must_use]
    pub fn checks(&self) -> Checks {
        Checks {
            channels: self.clone(),
            interval: INTERVAL,
        }
    }
}

impl Checks {
    /// The same, with this much time between the checks of a server instead of five seconds.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// Asks every server again and again, until told to stop. A single server is not asked: it gets the calls in any case.
    pub async fn run(self, until: CancellationToken) {
        let servers = self.channels.servers();
        match servers.len() {
            1 => until.cancelled().await,
            _ => {
                let watches = join_all(servers.iter().map(|server| watch(server, self.interval)));
                until.run_until_cancelled(watches).await;
            }
        }
    }
}

async fn watch(server: &Server, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = 0;
    loop {
        ticks.tick().await;
        match timeout(TIMEOUT, check(server)).await {
            Ok(Ok(Health::Serving)) => {
                silent = 0;
                server.set_well(true);
            }
            Ok(Ok(Health::NotServing)) => server.set_well(false),
            Ok(Ok(Health::Silent) | Err(_)) | Err(_) => {
                silent += 1;
                if silent >= SILENT_MAX {
                    server.set_well(false);
                }
            }
        }
    }
}

async fn check(server: &Server) -> Result<Health, BoxError> {
    let mut request = Request::new(Body::new(Full::new(Bytes::from_static(REQUEST))));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static(PATH);
    let headers = request.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    let (head, body) = server.send(request).await?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
    let trailers = body.trailers().unwrap_or(&head.headers);
    let code = code(trailers);
    Ok(health(code, &body.to_bytes()))
}

fn code(trailers: &HeaderMap) -> Code {
    let status = trailers.get("grpc-status");
    status.map_or(Code::Unknown, |status| Code::from_bytes(status.as_bytes()))
}

fn health(code: Code, frame: &[u8]) -> Health {
    match code {
        Code::Ok => {
            let message = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
            match Response::decode(message).map(|response| response.status()) {
                Ok(Status::Serving) => Health::Serving,
                Ok(Status::NotServing) => Health::NotServing,
                Ok(Status::Unknown | Status::ServiceUnknown) | Err(_) => Health::Silent,
            }
        }
        // It is there, and says nothing of its health, or not to us.
        Code::Unimplemented | Code::NotFound | Code::Unauthenticated | Code::PermissionDenied => {
            Health::Serving
        }
        Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => Health::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_server_says_itself_counts_at_once() {
        let answer = |status: i32| [&[0; 5][..], &Response { status }.encode_to_vec()].concat();
        for (code, frame, expected) in [
            (Code::Ok, answer(1), Health::Serving),
            (Code::Ok, answer(2), Health::NotServing),
            (Code::Ok, answer(0), Health::Silent),
            (Code::Ok, answer(9), Health::Silent),
            (Code::Ok, vec![], Health::Silent),
            (Code::Unimplemented, vec![], Health::Serving),
            (Code::Unauthenticated, vec![], Health::Serving),
            (Code::Unavailable, vec![], Health::Silent),
        ] {
            assert_eq!(health(code, &frame), expected, "{code:?} {frame:?}");
        }
    }
}
