//! Who may come in: the token, and the scope that the method asks for, decided on the method that is called and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::problem::Problem;
use super::{deadline, ending, metered, refusal, trace};
use crate::auth::{self, Access, Authenticator, Caller, Rules};
use crate::meters::Calls;

/// Earlier than the listener's own timer, which would say CANCELLED, and without details.
const DEADLINE_MARGIN: Duration = Duration::from_millis(10);

/// Puts the door before services.
#[derive(Debug, Clone)]
pub struct DoorLayer {
    authenticator: Authenticator,
    rules: Arc<Rules>,
    shutdown: CancellationToken,
    calls: Calls,
}

/// Services behind the door.
#[derive(Debug, Clone)]
pub struct Door<S> {
    layer: DoorLayer,
    inner: S,
}

impl DoorLayer {
    /// A door that knows tokens by this authenticator, and methods by these rules. The token ends the streams of open services.
    #[must_use]
    pub fn new(authenticator: Authenticator, rules: Rules, shutdown: CancellationToken) -> Self {
        Self {
            authenticator,
            rules: Arc::new(rules),
            shutdown,
            calls: Calls::default(),
        }
    }

    /// The same door, which counts there.
    #[must_use]
    pub fn counting(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// Who calls, if the method asks; none where it is open, or not there at all.
    async fn admit(&self, path: &str, authorization: Option<&str>) -> Result<Option<Caller>, Problem> {
        let scopes = match self.rules.access(path) {
            // The router says that there is no such method.
            None | Some(Access::Open) => return Ok(None),
            Some(Access::AnyOf(scopes)) => scopes,
        };
        let caller = self.authenticator.authenticate(authorization).await?;
        if !caller.scopes.iter().any(|scope| scopes.contains(scope)) {
            return Err(Problem::new(
                Code::PermissionDenied,
                "SCOPE_MISSING",
                "the token lacks the scope that this method needs",
            )
            .with_metadata("anyScope", scopes.join(" ")));
        }
        Ok(Some(caller))
    }
}

impl<S> Layer<S> for DoorLayer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        Door {
            layer: self.clone(),
            inner,
        }
    }
}

impl<S, B> Service<Request<B>> for Door<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The one that was polled ready goes; its clone waits for the next call.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let span = span(&request);
        let deadline = deadline::of(request.headers());
        let open = layer.calls.begin(layer.rules.name(request.uri().path()));
        let call = async move {
            let admitted = match authorization(request.headers()) {
                Ok(authorization) => layer.admit(request.uri().path(), authorization).await,
                Err(error) => Err(error.into()),
            };
            let is_open = match admitted {
                Ok(caller) => caller
                    .map(|caller| request.extensions_mut().insert(caller))
                    .is_none(),
                Err(problem) => {
                    layer.calls.refused(problem.reason());
                    return Ok(Status::from(problem).into_http());
                }
            };
            let answer = inner.call(request).await.map(refusal::explain)?;
            // Those that know their caller end by themselves.
            Ok(if is_open {
                ending::at_shutdown(answer, &layer.shutdown)
            } else {
                answer
            })
        };
        let call = async move { Ok(metered::answer(open, in_time(deadline, call).await?)) };
        Box::pin(call.instrument(span))
    }
}

/// The one `authorization`, where there is one. Of two, nobody can say which is meant.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, auth::Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(HeaderValue::to_str), second) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        (Some(Err(_)), None) => Err(auth::Error::Invalid("it is no text")),
        (Some(_), Some(_)) => Err(auth::Error::Invalid("there are two of them")),
    }
}

/// The answer to a call, or, when its caller waits no longer, that. A stream's messages are the caller's to time.
async fn in_time(
    deadline: Option<Duration>,
    call: impl Future<Output = Result<Response<Body>, Infallible>>,
) -> Result<Response<Body>, Infallible> {
    let Some(deadline) = deadline else {
        return call.await;
    };
    let in_time = tokio::time::timeout(deadline.saturating_sub(DEADLINE_MARGIN), call).await;
    in_time.unwrap_or_else(|_elapsed| Ok(Status::from(Problem::deadline_exceeded()).into_http()))
}

impl From<auth::Error> for Problem {
    fn from(error: auth::Error) -> Self {
        match error {
            auth::Error::Missing => {
                Self::new(Code::Unauthenticated, "TOKEN_MISSING", "a bearer token is needed")
            }
            auth::Error::Expired => {
                Self::new(Code::Unauthenticated, "TOKEN_EXPIRED", "the token has expired")
            }
            auth::Error::Invalid(why) => {
                tracing::info!(why = %why, "a token was refused");
                Self::new(
                    Code::Unauthenticated,
                    "TOKEN_INVALID",
                    "the token is not valid here",
                )
            }
            auth::Error::IssuerUnavailable => {
                tracing::warn!("the issuer's keys cannot be read");
                Self::backend_unavailable()
            }
        }
    }
}

/// What the log says of everything that happens within a call.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let trace_id = trace::id(request.headers());
    tracing::info_span!(
        "call",
        rpc.method = request.uri().path(),
        request.id = id,
        trace.id = trace_id
    )
}
