//! Servers that break off, or whose answers are none of gRPC's.

use bytes::Bytes;
use futures::FutureExt as _;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::stage::{PATIENCE, edge_before};
use crate::upstream::framed;

const WATCH_BOOK: &str = "/library.v1.Library/WatchBook";
const GET_BOOK: &str = "/library.v1.Library/GetBook";
const GRPC: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];
const WEB: [(&str, &str); 1] = [("content-type", "application/grpc-web+proto")];
const LINES: [(&str, &str); 1] = [("accept", "application/x-ndjson")];

/// What a server does to a call.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Resets it before its head.
    Reset(Reason),
    /// Resets it behind the head and these bytes.
    ResetBehind(&'static [u8], Reason),
    /// Closes the connection there.
    CloseBehind(&'static [u8]),
    /// Ends it there, without trailers.
    EndBehind(&'static [u8]),
    /// Answers so, and nothing else.
    Answer(u16),
}

/// An edge before a server that does that to each call, each on a connection of its own.
async fn edge(servers: &mut JoinSet<()>, fate: Fate) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = format!("http://{}", listener.local_addr().unwrap());
    servers.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((_, respond))) = connection.accept().await {
                let Some(mut stream) = begin(respond, fate) else {
                    continue;
                };
                // What was sent goes out before the end.
                let _ = std::future::poll_fn(|cx| connection.poll_closed(cx)).now_or_never();
                match fate {
                    Fate::ResetBehind(_, reason) => stream.send_reset(reason),
                    Fate::CloseBehind(_) => break,
                    Fate::Reset(_) | Fate::EndBehind(_) | Fate::Answer(_) => {}
                }
            }
        }
    });
    edge_before(servers, &behind).await
}

/// What is left to be ended.
fn begin(mut respond: SendResponse<Bytes>, fate: Fate) -> Option<SendStream<Bytes>> {
    let (bytes, is_end) = match fate {
        Fate::Reset(reason) => {
            respond.send_reset(reason);
            return None;
        }
        Fate::Answer(status) => {
            let head = Response::builder()
                .status(status)
                .header("content-type", "text/html");
            respond.send_response(head.body(()).unwrap(), true).unwrap();
            return None;
        }
        Fate::ResetBehind(bytes, _) | Fate::CloseBehind(bytes) => (bytes, false),
        Fate::EndBehind(bytes) => (bytes, true),
    };
    let head = Response::builder().header("content-type", "application/grpc");
    let mut stream = respond.send_response(head.body(()).unwrap(), false).unwrap();
    stream.send_data(Bytes::from_static(bytes), is_end).unwrap();
    Some(stream)
}

/// An empty message.
const WHOLE: &[u8] = &[0, 0, 0, 0, 0];
/// The beginning of one.
const PART: &[u8] = &[0, 0, 0, 0, 9, 1];

#[tokio::test]
async fn a_stream_of_grpc_that_breaks_off_between_messages_ends_with_a_status() {
    for (fate, code) in [
        (Fate::CloseBehind(WHOLE), "14"),
        (Fate::ResetBehind(WHOLE, Reason::INTERNAL_ERROR), "14"),
        (Fate::ResetBehind(WHOLE, Reason::CANCEL), "1"),
        (Fate::EndBehind(WHOLE), "13"),
    ] {
        let mut servers = JoinSet::new();
        let edge = edge(&mut servers, fate).await;
        for path in [WATCH_BOOK, GET_BOOK] {
            let response = Client::h2(edge).open("POST", path, &GRPC, framed(b"")).await;
            let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
            let body = body.expect("the call has no end").unwrap();
            let trailers = body.trailers().expect("it ends without trailers");
            assert_eq!(trailers["grpc-status"], code, "{fate:?}");
            assert_eq!(body.to_bytes(), WHOLE);
        }
        let response = Client::new(edge)
            .open("POST", WATCH_BOOK, &WEB, framed(b""))
            .await;
        let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
        let body = body.expect("the call has no end").unwrap().to_bytes();
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.contains(&format!("grpc-status:{code}\r\n")),
            "{fate:?}: {text}"
        );
    }
}

#[tokio::test]
async fn a_stream_of_grpc_that_breaks_off_within_a_message_is_broken_off() {
    for fate in [
        Fate::CloseBehind(PART),
        Fate::ResetBehind(PART, Reason::CANCEL),
        Fate::EndBehind(PART),
    ] {
        let mut servers = JoinSet::new();
        let edge = edge(&mut servers, fate).await;
        let client = Client::h2(edge);
        // The head may be lost with the rest.
        let response = client.try_open("POST", WATCH_BOOK, &GRPC, framed(b"")).await;
        if let Ok(response) = response {
            let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
            assert!(body.expect("the call has no end").is_err(), "{fate:?}");
        }
    }
}

#[tokio::test]
async fn a_call_that_the_server_cancels_is_cancelled() {
    for fate in [
        Fate::Reset(Reason::CANCEL),
        Fate::ResetBehind(b"", Reason::CANCEL),
        Fate::ResetBehind(WHOLE, Reason::CANCEL),
    ] {
        let mut servers = JoinSet::new();
        let client = Client::new(edge(&mut servers, fate).await);
        let answer = client.send("PUT", "/v1/books/a", &[], "").await;
        assert_eq!(
            answer.error(),
            (499, "CANCELLED".into(), String::new()),
            "{fate:?}"
        );
    }
    let mut servers = JoinSet::new();
    let client = Client::new(edge(&mut servers, Fate::ResetBehind(WHOLE, Reason::CANCEL)).await);
    let answer = client.get("/v1/books/a:watch", &LINES).await;
    assert!(
        answer.body.ends_with("\n") && answer.body.contains("\"CANCELLED\""),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_answer_without_a_status_has_that_of_its_http_status() {
    for (http, code, rest, status) in [
        (200, "2", 500, "UNKNOWN"),
        (302, "2", 500, "UNKNOWN"),
        (400, "13", 500, "INTERNAL"),
        (401, "16", 401, "UNAUTHENTICATED"),
        (403, "7", 403, "PERMISSION_DENIED"),
        (404, "12", 501, "UNIMPLEMENTED"),
        (418, "2", 500, "UNKNOWN"),
        (429, "14", 503, "UNAVAILABLE"),
        (502, "14", 503, "UNAVAILABLE"),
        (503, "14", 503, "UNAVAILABLE"),
        (504, "14", 503, "UNAVAILABLE"),
    ] {
        let mut servers = JoinSet::new();
        let edge = edge(&mut servers, Fate::Answer(http)).await;
        let answer = Client::new(edge).get("/v1/books/a", &[]).await;
        assert_eq!(
            (answer.error().0, answer.error().1.as_str()),
            (rest, status),
            "{http}"
        );
        let h2 = Client::h2(edge);
        for (client, headers) in [(h2, &GRPC[..]), (Client::new(edge), &WEB[..])] {
            let response = client.open("POST", GET_BOOK, headers, framed(b"")).await;
            assert_eq!(response.status(), StatusCode::OK, "{http}");
            assert_eq!(response.headers()["grpc-status"], code, "{http}");
        }
    }
}
