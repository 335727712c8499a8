//! The load: 32 connections over HTTP/1.1 that ask one thing, and what it cost the proxy.

use anyhow::ensure;
use bytes::Bytes;
use futures::future::try_join_all;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;

use crate::cpu;
use crate::proxies::Proxy;

const CONNECTIONS: usize = 32;

/// One kind of request.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    method: Method,
    path: &'static str,
    body: &'static str,
    /// Of all connections together, within one round.
    requests: usize,
}

/// A payload of about 640 bytes.
const POST: &str = r#"{"account":"a1","reference":"order-4711","contacts":[{"email":"ada@example.com","name":"Ada Stroud","phone":"+44 20 7946 0196"},{"email":"hamish@example.org","name":"Hamish Tennant","phone":"+44 20 7946 0994"},{"email":"imogen@example.net","name":"Imogen Birch","phone":"+44 20 7946 0101"},{"email":"jonah@example.com","name":"Jonah Hale","phone":"+44 20 7946 0102"},{"email":"rhys@example.org","name":"Rhys Lockett","phone":"+44 20 7946 0103"},{"email":"dylan@example.net","name":"Dylan Tennant","phone":"+44 20 7946 0104"},{"email":"erin@example.com","name":"Erin Moss","phone":"+44 20 7946 0105"},{"email":"owen@example.org","name":"Owen Pell"}]}"#;

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "small_get",
        method: Method::GET,
        path: "/v1/jobs/job_01h2xcejqtf2nbrexx3vqjhp41",
        body: "",
        requests: 8_000,
    },
    Case {
        name: "post_640",
        method: Method::POST,
        path: "/v1/jobTypes/contacts.import/jobs",
        body: POST,
        requests: 5_000,
    },
    Case {
        name: "list_64k",
        method: Method::GET,
        path: "/v1/jobs",
        body: "",
        requests: 800,
    },
    Case {
        name: "stream_100",
        method: Method::GET,
        path: "/v1/jobs/job_01h2xcejqtf2nbrexx3vqjhp41:watch",
        body: "",
        requests: 800,
    },
];

impl Case {
    /// Vanguard refuses server streams over REST.
    pub(crate) fn is_served_by(&self, proxy: &str) -> bool {
        !(self.name == "stream_100" && proxy == "vanguard")
    }

    fn request(&self, host: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.path)
            .header(header::HOST, host);
        request = request.header(header::AUTHORIZATION, "Bearer any");
        if self.name == "stream_100" {
            request = request.header(header::ACCEPT, "application/x-ndjson");
        }
        if !self.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::from(self.body)).expect("the parts are valid")
    }
}

/// Microseconds of CPU time per request of a proxy, over one round.
pub(crate) async fn measure(case: &'static Case, proxy: &Proxy) -> anyhow::Result<f64> {
    let mut connections = try_join_all((0..CONNECTIONS).map(|_| connect(proxy))).await?;
    let host = proxy.address.to_string();
    // Connections, caches and pools are warm before anything counts.
    ask_all(case, &mut connections, &host, case.requests / 10).await?;
    let before = cpu::time(proxy.process)?;
    ask_all(case, &mut connections, &host, case.requests).await?;
    let spent = cpu::time(proxy.process)? - before;
    Ok(spent.as_secs_f64() * 1e6 / case.requests as f64)
}

async fn connect(proxy: &Proxy) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(proxy.address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask_all(
    case: &'static Case,
    connections: &mut [SendRequest<Full<Bytes>>],
    host: &str,
    requests: usize,
) -> anyhow::Result<()> {
    let each = requests / connections.len();
    let asked = connections.iter_mut().map(|connection| async move {
        for _ in 0..each {
            ask(case, connection, host).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(asked).await?;
    Ok(())
}

async fn ask(case: &Case, connection: &mut SendRequest<Full<Bytes>>, host: &str) -> anyhow::Result<()> {
    connection.ready().await?;
    let response = connection.send_request(case.request(host)).await?;
    let status = response.status();
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    ensure!(status.is_success() && bytes > 0, "{status} with {bytes} bytes");
    Ok(())
}
