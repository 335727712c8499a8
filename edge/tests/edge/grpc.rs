//! gRPC and gRPC-Web go through undecoded, trailers intact.

use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, BodyStream, StreamBody};
use hyper::body::Incoming;
use postern_edge::Limits;
use prost::Message as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::stage::{PATIENCE, Stage, edge_before, listen};
use crate::upstream::{Reply, framed, trailers};

const GET_BOOK: &str = "/library.v1.Library/GetBook";
const GRPC: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

/// A request for the book `a`.
fn request() -> Bytes {
    framed(b"\x0a\x01a")
}

async fn read(response: Response<Incoming>) -> (Vec<u8>, HeaderMap) {
    let body = tokio::time::timeout(PATIENCE, response.into_body().collect())
        .await
        .unwrap()
        .unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    (body.to_bytes().to_vec(), trailers)
}

#[tokio::test]
async fn a_call_passes_with_metadata_and_trailers() {
    let mut stage = Stage::with(|call| {
        let end = trailers(&[("grpc-status", "0"), ("x-end", "e"), ("x-raw-bin", "AQI")]);
        Reply::frames(vec![call.frame(json!({"name": "b"})), end])
            .with("x-begin", "b")
            .with("etag", "\"1\"")
    })
    .await;
    let headers = [
        GRPC[0],
        GRPC[1],
        ("grpc-timeout", "5S"),
        ("x-own", "o"),
        ("authorization", "Bearer x"),
    ];
    let response = Client::h2(stage.edge)
        .open("POST", GET_BOOK, &headers, request())
        .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(
        (&response.headers()["x-begin"], &response.headers()["etag"]),
        (&"b".parse().unwrap(), &"\"1\"".parse().unwrap())
    );
    let (body, trailers) = read(response).await;
    assert_eq!(body, framed(b"\x0a\x01b"));
    assert_eq!(
        (&trailers["grpc-status"], &trailers["x-end"]),
        (&"0".parse().unwrap(), &"e".parse().unwrap())
    );
    assert_eq!(trailers["x-raw-bin"], "AQI");
    let call = stage.call().await;
    assert_eq!(call.message, json!({"name": "a"}));
    assert_eq!(
        (&call.metadata["grpc-timeout"], &call.metadata["x-own"]),
        (&"5S".parse().unwrap(), &"o".parse().unwrap())
    );
    assert_eq!(
        (&call.metadata["te"], &call.metadata["authorization"]),
        (&"trailers".parse().unwrap(), &"Bearer x".parse().unwrap())
    );
}

#[tokio::test]
async fn an_error_passes_unchanged() {
    let stage = Stage::with(|_| Reply::error(5, "no%20book").with("grpc-status-details-bin", "CAU")).await;
    let response = Client::h2(stage.edge)
        .open("POST", GET_BOOK, &GRPC, request())
        .await;
    let headers = response.headers();
    assert_eq!(
        (&headers["grpc-status"], &headers["grpc-message"]),
        (&"5".parse().unwrap(), &"no%20book".parse().unwrap())
    );
    assert_eq!(headers["grpc-status-details-bin"], "CAU");
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_a_grpc_status() {
    let mut servers = tokio::task::JoinSet::new();
    let edge = edge_before(&mut servers, "http://127.0.0.1:1").await;
    let response = Client::h2(edge).open("POST", GET_BOOK, &GRPC, request()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"14".parse().unwrap())
    );
    let details = response.headers()["grpc-status-details-bin"].as_bytes();
    let details = base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(details)
        .unwrap();
    let status = tonic_types::pb::Status::decode(details.as_slice()).unwrap();
    let info = tonic_types::pb::ErrorInfo::decode(status.details[0].value.as_slice()).unwrap();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        ("BACKEND_UNAVAILABLE", "postern")
    );
    assert_eq!(
        status.details[1].type_url,
        "type.googleapis.com/google.rpc.RetryInfo"
    );
}

#[tokio::test]
async fn a_call_that_broke_off_may_have_been_carried_out_and_says_so() {
    let mut servers = tokio::task::JoinSet::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}", listener.local_addr().unwrap());
    servers.spawn(async move { drop(crate::pool::half_read(&listener).await) });
    let edge = edge_before(&mut servers, &behind).await;
    let response = Client::h2(edge).open("POST", GET_BOOK, &GRPC, request()).await;
    assert_eq!(response.headers()["grpc-status"], "14");
    let details = response.headers()["grpc-status-details-bin"].as_bytes();
    let details = base64::engine::general_purpose::STANDARD_NO_PAD.decode(details);
    let status = tonic_types::pb::Status::decode(details.unwrap().as_slice()).unwrap();
    assert!(status.message.contains("not known"));
}

#[tokio::test]
async fn a_deadline_that_the_edge_notices_first_is_a_grpc_status() {
    let service = tower::service_fn(|_: http::Request<Incoming>| {
        std::future::pending::<Result<Response<String>, std::convert::Infallible>>()
    });
    let mut servers = tokio::task::JoinSet::new();
    let behind = listen(&mut servers, service, CancellationToken::new()).await;
    let edge = edge_before(&mut servers, &format!("http://{behind}")).await;
    let headers = [GRPC[0], GRPC[1], ("grpc-timeout", "50m")];
    for _ in 0..2 {
        let response = Client::h2(edge).open("POST", GET_BOOK, &headers, request()).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["grpc-status"]),
            (200, &"4".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn headers_that_cannot_be_read_are_refused_and_joined_binary_ones_are_taken_apart() {
    let mut stage = Stage::new().await;
    for (name, value, code) in [
        ("grpc-timeout", "1x", "3"),
        ("grpc-timeout", "123456789m", "3"),
        ("x-own-bin", "!!!", "3"),
        ("x-own-bin", "AQI, AQID", "0"),
    ] {
        for kind in ["application/grpc", "application/grpc-web+proto"] {
            let headers = [("content-type", kind), GRPC[1], (name, value)];
            let client = Client::h2(stage.edge);
            let response = client.open("POST", GET_BOOK, &headers, request()).await;
            let status = response.headers().get("grpc-status").cloned();
            assert_eq!(response.headers()["content-type"], kind);
            if code != "0" {
                assert_eq!(status.unwrap(), code, "{kind} {value}");
                assert!(stage.is_quiet());
                continue;
            }
            let call = stage.call().await;
            let values: Vec<_> = call.metadata.get_all(name).iter().collect();
            assert_eq!(values, ["AQI", "AQID"]);
        }
    }
}

/// Opens a call whose messages never come, and reads its status if there is one soon.
async fn silent_call(stage: &Stage, method: &str) -> Option<String> {
    let tcp = tokio::net::TcpStream::connect(stage.edge).await.unwrap();
    let (mut client, connection) = h2::client::handshake(tcp).await.unwrap();
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(async move { connection.await.unwrap_or_default() });
    let uri = format!("http://{}/library.v1.Library/{method}", stage.edge);
    let request = http::Request::post(uri).header(GRPC[0].0, GRPC[0].1);
    let (response, _body) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let response = tokio::time::timeout(Duration::from_millis(500), response).await;
    let response = response.ok()?.unwrap();
    Some(response.headers()["grpc-status"].to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_message_that_never_comes_is_given_up_but_a_stream_of_them_may_be_silent() {
    let limits = Limits {
        body_window: Duration::from_millis(50),
        ..Limits::default()
    };
    let stage = Stage::with_limits(limits, |call| call.ok(json!({}))).await;
    assert_eq!(silent_call(&stage, "GetBook").await.as_deref(), Some("4"));
    assert_eq!(silent_call(&stage, "WatchBook").await.as_deref(), Some("4"));
    assert_eq!(silent_call(&stage, "PutFile").await, None);
}

/// A server that greets before anything is asked, and sends back whatever comes.
async fn greet(request: http::Request<Incoming>) -> Result<Response<Greeting>, std::convert::Infallible> {
    let greeting = stream::once(async { Ok(Frame::data(framed(b"hello"))) });
    let echo = BodyStream::new(request.into_body());
    let end = stream::once(async { Ok(crate::upstream::ok()) });
    let mut response = Response::new(StreamBody::new(greeting.chain(echo).chain(end).boxed()));
    let content_type = http::HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    Ok(response)
}

type Greeting = StreamBody<BoxStream<'static, Result<Frame<Bytes>, hyper::Error>>>;

#[tokio::test]
async fn a_server_may_speak_first_and_both_sides_may_be_silent() {
    let mut servers = tokio::task::JoinSet::new();
    let behind = listen(&mut servers, tower::service_fn(greet), CancellationToken::new()).await;
    let edge = edge_before(&mut servers, &format!("http://{behind}")).await;
    let tcp = tokio::net::TcpStream::connect(edge).await.unwrap();
    let (mut client, connection) = h2::client::handshake(tcp).await.unwrap();
    servers.spawn(async move { connection.await.unwrap_or_default() });
    let uri = format!("http://{edge}/library.v1.Library/Plain");
    let request = http::Request::post(uri).header(GRPC[0].0, GRPC[0].1);
    let (response, mut requests) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let response = tokio::time::timeout(PATIENCE, response).await;
    let mut answers = response.expect("it waits for a message").unwrap().into_body();
    assert_eq!(answers.data().await.unwrap().unwrap(), framed(b"hello"));
    let silence = tokio::time::timeout(Duration::from_millis(100), answers.data()).await;
    assert!(silence.is_err(), "{silence:?}");
    requests.send_data(framed(b"a"), false).unwrap();
    assert_eq!(answers.data().await.unwrap().unwrap(), framed(b"a"));
    requests.send_data(Bytes::new(), true).unwrap();
    assert!(answers.data().await.is_none());
    let trailers = answers.trailers().await.unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn grpc_needs_http2_and_post() {
    let stage = Stage::new().await;
    let answer = stage.client.send("POST", GET_BOOK, &GRPC[..1], "").await;
    assert_eq!(answer.error().0, 415);
    for kind in ["application/grpc", "application/grpc-web"] {
        let answer = Client::h2(stage.edge)
            .send("GET", GET_BOOK, &[("content-type", kind)], "")
            .await;
        assert_eq!((answer.error().0, answer.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn a_shutdown_ends_a_stream_between_messages() {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Mutex::new(Some(receiver));
    let stage = Stage::with_limits(Limits::default(), move |call| {
        call.stream(
            &[json!({"book": {"name": "b"}})],
            receiver.lock().unwrap().take().unwrap(),
        )
    })
    .await;
    let client = Client::h2(stage.edge);
    let mut response = client
        .open("POST", "/library.v1.Library/WatchBook", &GRPC, request())
        .await;
    let first = response.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, framed(b"\x0a\x03\x0a\x01b"));
    stage.shutdown.cancel();
    let (body, trailers) = read(response).await;
    assert_eq!(
        (body.len(), &trailers["grpc-status"]),
        (0, &"14".parse().unwrap())
    );
    assert!(trailers.contains_key("grpc-status-details-bin"));
    tokio::time::timeout(Duration::from_secs(1), sender.closed())
        .await
        .expect("the upstream still sends");
}

#[tokio::test]
async fn grpc_web_works_over_both_versions_in_binary_and_text() {
    let mut stage = Stage::with(|call| call.ok(json!({"name": "b"}))).await;
    for client in [stage.client.clone(), Client::h2(stage.edge)] {
        for kind in [
            "application/grpc-web+proto",
            "application/grpc-web",
            "Application/gRPC-Web",
            "application/grpc-web; x=y",
        ] {
            let response = client
                .open("POST", GET_BOOK, &[("content-type", kind)], request())
                .await;
            assert_eq!(response.headers()["content-type"], "application/grpc-web+proto");
            check_web(&read(response).await.0);
            assert_eq!(stage.call().await.message, json!({"name": "a"}));
        }
        let kind = "application/grpc-web-text";
        for accept in [kind, "*/*"] {
            let headers = [("content-type", kind), ("accept", accept)];
            let response = client
                .open("POST", GET_BOOK, &headers, STANDARD.encode(request()).into())
                .await;
            assert_eq!(
                response.headers()["content-type"],
                "application/grpc-web-text+proto"
            );
            check_web(&decode_pieces(&read(response).await.0));
            assert_eq!(stage.call().await.message, json!({"name": "a"}));
        }
    }
}

#[tokio::test]
async fn text_that_is_no_base64_is_the_callers_mistake() {
    let stage = Stage::new().await;
    let kind = ("content-type", "application/grpc-web-text+proto");
    let padded_within = STANDARD.encode(&request()[..4]) + &STANDARD.encode(&request()[4..]);
    for text in ["!!!!", "AAA", &padded_within] {
        for client in [stage.client.clone(), Client::h2(stage.edge)] {
            let body = Bytes::copy_from_slice(text.as_bytes());
            let response = client.open("POST", GET_BOOK, &[kind], body).await;
            assert_eq!(response.headers()["grpc-status"], "3", "{text}");
            assert_eq!(response.headers()["content-type"], kind.1);
        }
    }
}

/// A message, then trailers in a frame of their own.
fn check_web(body: &[u8]) {
    let message = framed(b"\x0a\x01b");
    let trailers = body
        .strip_prefix(&message[..])
        .unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(body)));
    assert_eq!(trailers[0], 0x80);
    assert!(String::from_utf8_lossy(&trailers[5..]).contains("grpc-status:0"));
}

fn decode_pieces(text: &[u8]) -> Vec<u8> {
    text.chunks(4)
        .flat_map(|quad| STANDARD.decode(quad).unwrap())
        .collect()
}

#[tokio::test]
async fn a_grpc_web_error_passes_in_the_head() {
    let stage = Stage::with(|_| Reply::error(16, "who%20are%20you")).await;
    let headers = [("content-type", "application/grpc-web+proto")];
    let response = stage.client.open("POST", GET_BOOK, &headers, request()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["grpc-status"]),
        (200, &"16".parse().unwrap())
    );
    let answer = stage
        .client
        .send(
            "POST",
            GET_BOOK,
            &[("content-type", "application/grpc-web+json")],
            "{}",
        )
        .await;
    assert_eq!(answer.error().0, 415);
}
