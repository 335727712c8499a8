//! `google.api.HttpBody`: files in and out, as they are.

use std::convert::Infallible;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::stage::{PATIENCE, Stage, edge_before, listen};
use crate::upstream::{Reply, framed, ok, trailers};

fn base64(data: impl AsRef<[u8]>) -> String {
    STANDARD.encode(data)
}

#[tokio::test]
async fn a_raw_body_is_a_field_of_the_request_with_its_type() {
    let mut stage = Stage::new().await;
    let headers = [("content-type", "image/png; v=1")];
    let path = "/v1/covers/a?sha256=beef";
    let answer = stage.client.send("PUT", path, &headers, "\u{1}{not json").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let data = base64("\u{1}{not json");
    assert_eq!(
        stage.call().await.message,
        json!({"name": "a", "sha256": "beef", "content": {"contentType": "image/png; v=1", "data": data}})
    );
}

#[tokio::test]
async fn a_raw_answer_has_its_own_type_and_headers() {
    let stage = Stage::with(|call| {
        let content = json!({"contentType": "text/csv", "data": base64("a,b")});
        let reply = call.ok(json!({"content": content}));
        let reply = reply
            .with("etag", "\"7\"")
            .with("content-disposition", "attachment");
        reply.with("http-status", "201")
    })
    .await;
    let answer = stage.client.send("PUT", "/v1/covers/a", &[], "").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (201, "a,b"));
    for (name, value) in [
        ("content-type", "text/csv"),
        ("content-length", "3"),
        ("content-disposition", "attachment"),
        ("x-content-type-options", "nosniff"),
        ("etag", "\"7\""),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
}

#[tokio::test]
async fn a_raw_body_may_be_the_whole_request_and_the_whole_answer() {
    let mut stage = Stage::with(|call| call.ok(json!({"data": base64("pong")}))).await;
    let answer = stage
        .client
        .send("POST", "/v1/echo", &[("content-type", "text/plain")], "ping")
        .await;
    assert_eq!(answer.body, "pong");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    assert_eq!(
        stage.call().await.message,
        json!({"contentType": "text/plain", "data": base64("ping")})
    );
}

#[tokio::test]
async fn a_raw_body_has_the_limit_of_a_body_and_no_encoding() {
    let mut stage = Stage::new().await;
    let large = "x".repeat((2 << 20) + 1);
    let answer = stage.client.send("POST", "/v1/echo", &[], &large).await;
    assert_eq!(
        answer.error(),
        (413, "INVALID_ARGUMENT".into(), "BODY_TOO_LARGE".into())
    );
    let answer = stage
        .client
        .send("POST", "/v1/echo", &[("content-encoding", "gzip")], "x")
        .await;
    assert_eq!(
        answer.error(),
        (415, "INVALID_ARGUMENT".into(), "UNSUPPORTED_MEDIA_TYPE".into())
    );
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn an_upload_is_a_stream_whose_first_message_has_name_and_type() {
    let mut stage = Stage::with(|call| {
        let reply = call.ok(json!({"book": {"name": "a"}}));
        reply.with("http-status", "201").with("location", "/v1/uploads/a")
    })
    .await;
    let file = "0123456789".repeat(20_000);
    let headers = [("content-type", "text/plain")];
    let answer = stage
        .client
        .send("POST", "/v1/uploads/a?sha256=beef", &headers, &file)
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("location"), Some("/v1/uploads/a"));
    assert_eq!(answer.json()["name"], "a");
    let call = stage.call().await;
    let messages = call.message.as_array().unwrap();
    let first = &messages[0];
    assert_eq!((&first["name"], &first["sha256"]), (&json!("a"), &json!("beef")));
    assert_eq!(first["content"]["contentType"], "text/plain");
    let mut received = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let data = STANDARD
            .decode(message["content"]["data"].as_str().unwrap())
            .unwrap();
        assert!(data.len() <= 64 << 10);
        assert!(index == 0 || message.as_object().unwrap().len() == 1, "{message}");
        received.extend(data);
    }
    assert_eq!(received, file.as_bytes());
}

#[tokio::test]
async fn an_empty_file_is_uploaded_with_its_name() {
    let mut stage = Stage::new().await;
    let answer = stage
        .client
        .send("POST", "/v1/uploads/a", &[("content-type", "text/plain")], "")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        stage.call().await.message,
        json!([{"name": "a", "content": {"contentType": "text/plain"}}])
    );
}

#[tokio::test]
async fn what_is_wrong_beside_the_file_is_refused_before_the_call() {
    let mut stage = Stage::new().await;
    let answer = stage
        .client
        .send("POST", "/v1/uploads/a?nothing=1", &[], "x")
        .await;
    assert_eq!(answer.violations(), [("/nothing".into(), "UNKNOWN_FIELD".into())]);
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_file_larger_than_its_limit_is_413_and_the_upstream_sees_it_break_off() {
    let limits = postern_edge::Limits {
        request_stream_bytes_max: 100_000,
        ..Default::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({}))).await;
    for with_length in [true, false] {
        let (sender, body) = channel();
        let client = Stream::new(stage.edge);
        let send = client.post("/v1/uploads/a", body, with_length.then_some(120_000));
        let write = write(sender, 12, 10_000);
        let (response, _) = tokio::join!(send, write);
        assert_eq!(response.status(), 413);
    }
}

#[tokio::test]
async fn a_download_is_streamed_as_it_comes() {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = std::sync::Mutex::new(Some(receiver));
    let stage = Stage::with(move |call| {
        let content = json!({"contentType": "text/csv", "data": base64("one")});
        let receiver = receiver.lock().unwrap().take().unwrap();
        call.stream(&[json!({"content": content})], receiver)
            .with("content-disposition", "attachment; filename=\"a.csv\"")
            .with("cache-control", "no-store")
    })
    .await;
    // Whatever is accepted: the type is the file's own.
    let accept = [("accept", "image/png")];
    let mut response = stage
        .client
        .open("GET", "/v1/downloads/a", &accept, Bytes::new())
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/csv");
    assert_eq!(
        response.headers()["content-disposition"],
        "attachment; filename=\"a.csv\""
    );
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(next(&mut response).await.unwrap(), "one");
    // `content.data` of the second message: tag 1, of 5 bytes, tag 2, of 3.
    let second = framed(&[0x0a, 5, 0x12, 3, b't', b'w', b'o']);
    sender.send(Frame::data(second)).await.unwrap();
    assert_eq!(next(&mut response).await.unwrap(), "two");
    sender.send(ok()).await.unwrap();
    assert_eq!(next(&mut response).await, None);
}

#[tokio::test]
async fn an_error_before_the_first_piece_has_its_own_status() {
    let stage = Stage::with(|_| Reply::frames(vec![trailers(&[("grpc-status", "5")])])).await;
    assert_eq!(stage.get("/v1/downloads/a").await.status, 404);
    let stage = Stage::with(|_| Reply::error(7, "no")).await;
    assert_eq!(stage.get("/v1/downloads/a").await.status, 403);
}

#[tokio::test]
async fn an_error_after_the_first_piece_breaks_the_answer_off() {
    for is_h2 in [false, true] {
        let (sender, receiver) = mpsc::channel(1);
        let receiver = std::sync::Mutex::new(Some(receiver));
        let stage = Stage::with(move |call| {
            let piece = json!({"content": {"data": base64("one")}});
            call.stream(&[piece], receiver.lock().unwrap().take().unwrap())
        })
        .await;
        let client = match is_h2 {
            true => Client::h2(stage.edge),
            false => Client::new(stage.edge),
        };
        let mut response = client.open("GET", "/v1/downloads/a", &[], Bytes::new()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(next(&mut response).await.unwrap(), "one");
        sender.send(trailers(&[("grpc-status", "14")])).await.unwrap();
        let rest = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
        assert!(rest.unwrap().is_err(), "a part passes for the whole");
    }
}

#[tokio::test]
async fn a_download_without_messages_is_empty() {
    let stage = Stage::with(|_| Reply::frames(vec![ok()])).await;
    let answer = stage.get("/v1/downloads/a").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(
        stage.client.send("HEAD", "/v1/downloads/a", &[], "").await.status,
        405
    );
}

#[tokio::test]
async fn a_raw_stream_in_both_directions_is_passed_on() {
    let stage = Stage::with(|call| {
        let all = call.message.as_array().unwrap().clone();
        let frames = all.into_iter().map(|message| call.frame(message));
        Reply::frames(frames.chain([ok()]).collect())
    })
    .await;
    let file = "0123456789".repeat(20_000);
    let answer = stage
        .client
        .send("POST", "/v1/echo:all", &[("content-type", "text/x")], &file)
        .await;
    assert_eq!(answer.header("content-type"), Some("text/x"));
    assert!(answer.body == file);
}

/// A service that answers an upload by this function: it may read the body, or not.
async fn uploads<F, A>(servers: &mut JoinSet<()>, answer: F) -> SocketAddr
where
    F: Fn(Incoming) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Vec<Frame<Bytes>>> + Send,
{
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let answer = answer(request.into_body());
        async move {
            let frames = futures::stream::iter(answer.await).map(Ok::<_, Infallible>);
            let mut response = Response::new(StreamBody::new(frames));
            response
                .headers_mut()
                .insert("content-type", http::HeaderValue::from_static("application/grpc"));
            Ok::<_, Infallible>(response)
        }
    });
    let behind = listen(servers, service, CancellationToken::new()).await;
    edge_before(servers, &format!("http://{behind}")).await
}

#[tokio::test]
async fn an_early_error_of_the_upstream_answers_at_once() {
    let mut servers = JoinSet::new();
    let edge = uploads(&mut servers, |body| async move {
        drop(body);
        vec![trailers(&[("grpc-status", "7"), ("grpc-message", "no")])]
    })
    .await;
    let (mut sender, body) = channel();
    let client = Stream::new(edge);
    sender
        .try_send(Ok(Frame::data(Bytes::from_static(b"begin"))))
        .unwrap();
    // The file has not ended, and nothing more of it comes.
    let response = client.post("/v1/uploads/a", body, None).await;
    assert_eq!(response.status(), 403);
    drop(sender);
}

#[tokio::test]
async fn an_upload_waits_for_a_slow_upstream() {
    let mut servers = JoinSet::new();
    let go = CancellationToken::new();
    let gone = go.clone();
    let edge = uploads(&mut servers, move |mut body| {
        let go = gone.clone();
        async move {
            go.cancelled().await;
            let mut bytes = 0;
            while let Some(Ok(frame)) = body.frame().await {
                bytes += frame.data_ref().map_or(0, Bytes::len);
            }
            assert!(bytes > 32 << 20);
            vec![Frame::data(framed(b"")), ok()]
        }
    })
    .await;
    let (mut sender, body) = channel();
    let client = Stream::new(edge);
    let post = tokio::spawn(async move { client.post("/v1/uploads/a", body, None).await.status() });
    let piece = || Ok(Frame::data(Bytes::from(vec![0; 1 << 20])));
    let mut sent = 0;
    let wait = std::time::Duration::from_millis(500);
    // Sockets and windows take a few megabytes; then the upload stands.
    while tokio::time::timeout(wait, sender.send(piece())).await.is_ok() {
        sent += 1;
        assert!(sent < 32, "nobody holds the caller back");
    }
    go.cancel();
    for _ in sent..=33 {
        tokio::time::timeout(PATIENCE, sender.send(piece()))
            .await
            .unwrap()
            .unwrap();
    }
    drop(sender);
    assert_eq!(tokio::time::timeout(PATIENCE, post).await.unwrap().unwrap(), 200);
}

#[tokio::test]
async fn a_caller_that_breaks_off_does_not_pass_for_one_that_is_done() {
    let mut servers = JoinSet::new();
    let (outcome, mut outcomes) = mpsc::unbounded_channel();
    let edge = uploads(&mut servers, move |body| {
        let outcome = outcome.clone();
        async move {
            outcome.send(None).unwrap();
            outcome.send(Some(body.collect().await.is_ok())).unwrap();
            vec![Frame::data(framed(b"")), ok()]
        }
    })
    .await;
    let mut socket = tokio::net::TcpStream::connect(edge).await.unwrap();
    let head = b"POST /v1/uploads/a HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf";
    socket.write_all(head).await.unwrap();
    let begun = tokio::time::timeout(PATIENCE, outcomes.recv()).await.unwrap();
    assert_eq!(begun, Some(None));
    drop(socket);
    let is_whole = tokio::time::timeout(PATIENCE, outcomes.recv()).await.unwrap();
    assert_ne!(is_whole, Some(Some(true)));
}

type Sender = futures::channel::mpsc::Sender<Result<Frame<Bytes>, Infallible>>;
type Body = StreamBody<futures::channel::mpsc::Receiver<Result<Frame<Bytes>, Infallible>>>;

/// A body that is written piece by piece.
fn channel() -> (Sender, Body) {
    let (sender, receiver) = futures::channel::mpsc::channel(0);
    (sender, StreamBody::new(receiver))
}

async fn write(mut sender: Sender, count: usize, size: usize) {
    for _ in 0..count {
        let piece = Frame::data(Bytes::from(vec![b'x'; size]));
        if sender.send(Ok(piece)).await.is_err() {
            return;
        }
    }
}

/// A client whose bodies are streams.
struct Stream(
    hyper_util::client::legacy::Client<hyper_util::client::legacy::connect::HttpConnector, Body>,
    SocketAddr,
);

impl Stream {
    fn new(edge: SocketAddr) -> Self {
        let executor = hyper_util::rt::TokioExecutor::new();
        Self(
            hyper_util::client::legacy::Client::builder(executor).build_http(),
            edge,
        )
    }

    async fn send(&self, path: &str, content_type: &str, body: Body) -> Response<Incoming> {
        let request = Request::post(format!("http://{}{path}", self.1)).header("content-type", content_type);
        let response = self.0.request(request.body(body).unwrap());
        tokio::time::timeout(PATIENCE, response)
            .await
            .expect("there is no answer")
            .unwrap()
    }

    async fn post(&self, path: &str, body: Body, length: Option<usize>) -> Response<Incoming> {
        let mut request = Request::post(format!("http://{}{path}", self.1));
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let response = self.0.request(request.body(body).unwrap());
        tokio::time::timeout(PATIENCE, response)
            .await
            .expect("there is no answer")
            .unwrap()
    }
}

/// The next piece of a body, None at its end.
async fn next(response: &mut Response<Incoming>) -> Option<Bytes> {
    let frame = tokio::time::timeout(PATIENCE, response.frame()).await;
    frame
        .expect("the stream is silent")
        .map(|frame| frame.unwrap().into_data().unwrap())
}

#[tokio::test]
async fn a_caller_that_falls_silent_is_504() {
    let limits = postern_edge::Limits {
        body_timeout: std::time::Duration::from_millis(200),
        ..Default::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({}))).await;
    let (mut sender, body) = channel();
    sender
        .try_send(Ok(Frame::data(Bytes::from_static(b"begin"))))
        .unwrap();
    let client = Stream::new(stage.edge);
    let response = client.post("/v1/uploads/a", body, None).await;
    assert_eq!(response.status(), 504);
    drop(sender);
}

#[tokio::test]
async fn a_fault_in_a_later_message_cancels_the_call() {
    let mut servers = JoinSet::new();
    let (outcome, mut outcomes) = mpsc::unbounded_channel();
    let edge = uploads(&mut servers, move |body| {
        let outcome = outcome.clone();
        async move {
            outcome.send(body.collect().await.is_ok()).unwrap();
            vec![Frame::data(framed(b"")), ok()]
        }
    })
    .await;
    let (mut sender, body) = channel();
    let client = Stream::new(edge);
    let send = async {
        for line in ["{}\n", "{\"nothing\":1}\n"] {
            sender
                .send(Ok(Frame::data(Bytes::from_static(line.as_bytes()))))
                .await
                .unwrap();
        }
    };
    let post = client.send("/v1/books:import", "application/x-ndjson", body);
    let (response, ()) = tokio::join!(post, send);
    assert_eq!(response.status(), 400);
    let is_whole = tokio::time::timeout(PATIENCE, outcomes.recv()).await.unwrap();
    assert_eq!(is_whole, Some(false), "the upstream takes a part for the whole");
}
