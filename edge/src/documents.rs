//! What an edge says of its own API: `/openapi.json`, `/docs`, and `/descriptors.binpb` for grpcurl and generators.
//!
//! Made once, when the edge is built, and served as they are. A route that takes one of these paths wins. Knows nothing of
//! calls.

mod page;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::about::Documents;
use crate::descriptors::Descriptors;
use crate::etag;
use crate::openapi;
use crate::problem::Problem;
use crate::route::{Found, Path, Routes};

/// The documents, ready to be served.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Vec<Document>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Document {
    path: &'static str,
    media_type: &'static str,
    body: Bytes,
    etag: HeaderValue,
    /// What a browser may do with it.
    policy: Option<HeaderValue>,
}

impl Shelf {
    /// Makes the documents whose paths no route takes.
    pub(crate) fn fill(
        about: &Documents,
        descriptor_set: Bytes,
        descriptors: &Descriptors,
        routes: &Routes,
    ) -> Self {
        let api = openapi::document(descriptors, routes, about);
        let json = serde_json::to_vec_pretty(&api)
            .expect("texts, numbers and objects with text keys are always JSON");
        let mut page = Document::new("/docs", "text/html; charset=utf-8", page::html(&api).into());
        page.policy = Some(page::policy());
        let documents = [
            // As IANA has it: nothing is registered for OpenAPI documents yet.
            Document::new("/openapi.json", "application/json", json.into()),
            page,
            Document::new("/descriptors.binpb", "application/protobuf", descriptor_set),
        ];
        let documents = documents.into_iter();
        Self(
            documents
                .filter(|document| has_path(document.path, routes))
                .collect(),
        )
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Document> {
        self.0.iter().find(|document| document.path == path)
    }
}

/// Whether the edge has this path for itself: a route that takes it, with any method, wins.
pub(crate) fn has_path(path: &str, routes: &Routes) -> bool {
    let is_free = routes.find(&Path::split(path), &Method::GET) == Found::Nothing;
    if !is_free {
        tracing::info!(path, "a route takes a path of the edge's own");
    }
    is_free
}

impl Document {
    fn new(path: &'static str, media_type: &'static str, body: Bytes) -> Self {
        let digest = Sha256::digest(&body);
        let tag = u64::from_be_bytes(digest[..8].try_into().expect("a SHA-256 has 32 bytes"));
        Self {
            path,
            media_type,
            etag: HeaderValue::try_from(format!("\"{tag:016x}\"")).expect("hexadecimal is ASCII"),
            body,
            policy: None,
        }
    }

    /// The document, or 304. HEAD is answered like GET.
    pub(crate) fn answer(&self, method: &Method, headers: &HeaderMap) -> Result<Response<Bytes>, Problem> {
        let allowed = [Method::GET, Method::HEAD];
        if !allowed.contains(method) {
            return Err(Problem::method_not_allowed(&allowed));
        }
        let mut response = Response::new(Bytes::new());
        let answer = response.headers_mut();
        answer.insert(ETAG, self.etag.clone());
        answer.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if etag::is_known(headers, answer) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(response);
        }
        answer.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        answer.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(policy) = &self.policy {
            answer.insert(CONTENT_SECURITY_POLICY, policy.clone());
            answer.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        }
        *response.body_mut() = self.body.clone();
        Ok(response)
    }
}
