//! A plain HTTP client, over HTTP/1.1 or HTTP/2.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::stage::PATIENCE;

#[derive(Clone)]
pub(crate) struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).build_http();
        Self { pool, address }
    }

    /// Over HTTP/2 with prior knowledge.
    pub(crate) fn h2(address: SocketAddr) -> Self {
        let pool = Pool::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { pool, address }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send("GET", path, headers, "").await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let response = self
            .open(method, path, headers, Bytes::copy_from_slice(body.as_bytes()))
            .await;
        tokio::time::timeout(PATIENCE, Answer::read(response))
            .await
            .expect("the answer does not end")
    }

    /// The answer's head, with its body still to be read.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Response<Incoming> {
        self.try_open(method, path, headers, body).await.unwrap()
    }

    /// The same, of an answer that may break off before.
    pub(crate) async fn try_open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).unwrap();
        let response = tokio::time::timeout(PATIENCE, self.pool.request(request)).await;
        response.expect("there is no answer")
    }
}

impl Answer {
    async fn read(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// HTTP status, gRPC status and reason of an error.
    pub(crate) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status.as_u16());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            self.status.as_u16(),
            text(&error["status"]),
            text(&error["details"][0]["reason"]),
        )
    }

    /// The fields and reasons of an error's violations.
    pub(crate) fn violations(&self) -> Vec<(String, String)> {
        assert_eq!(
            self.error(),
            (400, "INVALID_ARGUMENT".to_owned(), "INVALID_REQUEST".to_owned()),
            "{}",
            self.body
        );
        let details = self.json()["error"]["details"].clone();
        assert_eq!(details[1]["@type"], "type.googleapis.com/google.rpc.BadRequest");
        let violations = details[1]["fieldViolations"].as_array().unwrap().clone();
        assert_eq!(
            details[0]["metadata"]["violationsTotal"],
            violations.len().to_string()
        );
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        violations
            .iter()
            .map(|one| (text(&one["field"]), text(&one["reason"])))
            .collect()
    }
}
