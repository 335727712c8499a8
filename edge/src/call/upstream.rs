//! What may stand behind an edge.

use bytes::Bytes;
use http::{Request, Response};
use tonic::body::Body;
use tower::{BoxError, Service, ServiceExt as _};

/// A gRPC service: tonic's `Routes` in process, a `Channel`, or any other tower service of that shape.
///
/// Implemented for all of them; there is nothing to implement.
pub trait Upstream: Clone + Send + Sync + 'static {
    /// Waits until the service is ready, and calls it. Dropping the future cancels the call.
    fn send(
        self,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, BoxError>> + Send + 'static;
}

impl<S, B> Upstream for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn send(mut self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let service = self.ready().await.map_err(Into::into)?;
        let response = service.call(request).await.map_err(Into::into)?;
        Ok(response.map(Body::new))
    }
}
