//! A problem as a gRPC caller sees it: an answer of trailers alone.

use bytes::Bytes;
use http::HeaderMap;
use prost::Message as _;

use super::{Details, Problem};

impl Problem {
    /// The trailers of a stream that ends with this problem.
    pub(crate) fn to_trailers(&self, details: &Details) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        // A message that fits no header is left out; the code never is.
        if self.to_tonic(details).add_header(&mut trailers).is_err() {
            trailers.insert(tonic::Status::GRPC_STATUS, i32::from(self.code()).into());
        }
        trailers
    }

    /// The whole answer (gRPC's Trailers-Only).
    pub(crate) fn to_grpc<B: Default>(&self, details: &Details) -> http::Response<B> {
        let mut response = http::Response::new(B::default());
        *response.headers_mut() = self.to_trailers(details);
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/grpc"),
        );
        response
    }

    fn to_tonic(&self, details: &Details) -> tonic::Status {
        let status = self.status(details.domain());
        let encoded = Bytes::from(status.encode_to_vec());
        tonic::Status::with_details(self.code(), status.message, encoded)
    }
}
