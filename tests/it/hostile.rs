//! Requests that mean harm, against `postern edge` as a process: each is refused in time, the next one is served, and
//! the most memory that the process ever had stays within what `docs/edge.md` promises.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use postern_proto::postern::v1::{Job, WatchJobResponse};
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::process::{Process, command};
use crate::world::SOON;

const REFUSED_WITHIN: Duration = Duration::from_secs(5);
const MIB: u64 = 1 << 20;

/// An edge in a process of its own, whose servers answer with empty messages, or with one after the other.
struct Target {
    edge: Process,
    address: SocketAddr,
    /// Messages that the servers' streams have sent so far.
    sent: Arc<AtomicU64>,
    _servers: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Target {
    /// Warm, with its peak of memory forgotten.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let counter = sent.clone();
        let router = axum::Router::new().fallback(move |request| answer(request, counter));
        let mut servers = JoinSet::new();
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let edge = command(folder.path(), &["edge", "--upstream", &upstream]);
        let edge = Process::start(edge, "edge").await;
        let address = edge.address.strip_prefix("http://").unwrap().parse().unwrap();
        let target = Self {
            edge,
            address,
            sent,
            _servers: servers,
            _folder: folder,
        };
        for _ in 0..20 {
            target.is_served().await;
        }
        std::fs::write(format!("/proc/{}/clear_refs", target.edge.id()), "5").unwrap();
        target
    }

    /// A request that means well has its answer, and the process has grown by no more than that.
    async fn survives(self, resident_bytes_before: u64, growth_bytes_max: u64) {
        timeout(REFUSED_WITHIN, self.is_served())
            .await
            .expect("the next request is not served");
        let growth = self.memory("VmHWM").saturating_sub(resident_bytes_before);
        assert!(
            growth <= growth_bytes_max,
            "grew by {} KiB, {} were allowed",
            growth >> 10,
            growth_bytes_max >> 10
        );
        self.edge.kill().await;
    }

    async fn is_served(&self) {
        let answer = self.send(b"GET /v1/jobTypes HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    fn resident_bytes(&self) -> u64 {
        self.memory("VmRSS")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.edge.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib << 10
    }

    /// Sends these bytes, as far as they are taken, and reads the head of the first answer; nothing when the edge closes.
    async fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        send(&mut stream, request).await
    }
}

/// The same on this connection.
async fn send(stream: &mut TcpStream, request: &[u8]) -> String {
    let (mut reader, mut writer) = stream.split();
    let read = async {
        let mut answer = Vec::new();
        while !answer.windows(4).any(|end| end == b"\r\n\r\n")
            && reader.read_buf(&mut answer).await.is_ok_and(|size| size > 0)
        {}
        String::from_utf8_lossy(&answer).into_owned()
    };
    let write = async {
        // What is not taken is refused already.
        let _ = writer.write_all(request).await;
        tokio::time::sleep(REFUSED_WITHIN).await;
    };
    let answer = async {
        tokio::select! {
            answer = read => answer,
            () = write => panic!("neither answered nor closed"),
        }
    };
    timeout(SOON, answer).await.expect("the request is not taken")
}

/// Every unary call has an empty message; a watch has messages of a kibibyte for ever.
async fn answer(request: Request<Body>, sent: Arc<AtomicU64>) -> Response<Body> {
    let is_stream = request.uri().path().ends_with("/WatchJob");
    let _ = request.into_body().collect().await;
    let ok = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
    let frames = if is_stream {
        let frame = watched();
        let frames = stream::repeat_with(move || {
            sent.fetch_add(1, Ordering::Relaxed);
            Frame::data(frame.clone())
        });
        frames.boxed()
    } else {
        let message = Frame::data(Bytes::from_static(&[0; 5]));
        stream::iter([message, Frame::trailers(ok)]).boxed()
    };
    let mut response = Response::new(Body::new(StreamBody::new(frames.map(Ok::<_, Infallible>))));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", content_type);
    response
}

/// A job of a kibibyte, in its frame.
fn watched() -> Bytes {
    let job = Job {
        job_id: "j".repeat(1_024),
        ..Job::default()
    };
    let message = WatchJobResponse { job: Some(job) }.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &message].concat().into()
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn compressed_bodies_are_not_unpacked() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    // A gzip of a gigabyte of zeros is a mebibyte like any other: nobody looks into it.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0; 1_000_000]].concat();
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    for _ in 0..20 {
        let answer = target.send(&post("/v1/jobs", headers, &bomb)).await;
        assert!(answer.starts_with("HTTP/1.1 415 "), "{answer}");
    }
    target.survives(before, 32 * MIB).await;
}

#[tokio::test]
async fn what_is_small_and_means_much_is_refused() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    let mut query = String::new();
    for number in 0..100_000 {
        write!(query, "x{number}=1&").unwrap();
    }
    let (open, close) = ("[".repeat(900_000), "]".repeat(900_000));
    let deep = format!("{{\"jobType\":\"a\",\"payload\":{{\"a\":{open}{close}}}}}");
    let json = "content-type: application/json\r\n";
    let line = |headers: &str| format!("GET /v1/jobTypes HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    let requests = [
        (
            format!("GET /v1/jobs?{query} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes(),
            "HTTP/1.1 4",
        ),
        (
            format!(
                "GET /v1/jobs?{}a=1 HTTP/1.1\r\nhost: x\r\n\r\n",
                "a.".repeat(20_000)
            )
            .into_bytes(),
            "HTTP/1.1 400 ",
        ),
        (post("/v1/jobs", json, deep.as_bytes()), "HTTP/1.1 400 "),
        (post("/v1/jobs", json, &b"[".repeat(8_000_000)), "HTTP/1.1 413 "),
        (
            line(&format!("x: {}\r\n", "x".repeat(1_000_000))).into_bytes(),
            "HTTP/1.1 431 ",
        ),
        (line(&"x: x\r\n".repeat(20_000)).into_bytes(), "HTTP/1.1 431 "),
    ];
    for (request, expected) in &requests {
        for _ in 0..5 {
            let answer = target.send(request).await;
            // What was not read to its end may be reset before the answer is read.
            assert!(answer.starts_with(expected) || answer.is_empty(), "{answer}");
        }
    }
    target.survives(before, 64 * MIB).await;
}

#[tokio::test]
async fn many_bodies_that_stall_hold_what_is_allowed_and_no_more() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    let half = Arc::new([&b"{\"jobType\":\""[..], &[b'x'; 1_500_000]].concat());
    let head = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n";
    let mut callers = JoinSet::new();
    for _ in 0..250 {
        let (address, half) = (target.address, half.clone());
        callers.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            send(&mut stream, &[head.as_bytes(), &half].concat()).await
        });
    }
    let (mut overloaded, mut late) = (0, 0);
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap().get(..13) {
            Some("HTTP/1.1 503 ") => overloaded += 1,
            Some("HTTP/1.1 504 ") => late += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(late > 0 && overloaded > 0, "{late} late, {overloaded} refused");
    target.survives(before, 512 * MIB).await;
}

#[tokio::test]
async fn many_heads_and_bodies_that_drip_are_given_up() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    let begins = [
        "GET /v1/jobTypes HTTP/1.1\r\nhost: x\r\nx: ",
        "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2000000\r\n\r\n{",
        "POST /postern.v1.JobService/GetJob HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: 100\r\n\r\n",
    ];
    let mut callers = JoinSet::new();
    for begin in begins.into_iter().cycle().take(900) {
        let address = target.address;
        callers.spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            send(&mut stream, begin.as_bytes()).await
        });
    }
    let mut given_up = [0; 3];
    while let Some(answer) = callers.join_next().await {
        let answer = answer.unwrap();
        let kind = match () {
            () if answer.is_empty() => 0,
            () if answer.starts_with("HTTP/1.1 504 ") => 1,
            () if answer.contains("grpc-status: 4\r\n") => 2,
            () => panic!("{answer}"),
        };
        given_up[kind] += 1;
    }
    assert_eq!(given_up, [300; 3]);
    target.survives(before, 48 * MIB).await;
}

#[tokio::test]
async fn headers_that_are_continued_for_ever_end_the_connection() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    let begin = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        &[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82],
    ];
    // Each of 4,000 bytes, one header after the other, and then of none.
    let header = [0, 1, b'x', 1, b'x'];
    let full = [&[0, 0x0f, 0xa0, 9, 0, 0, 0, 0, 1][..], &header.repeat(800)].concat();
    let empty = [0, 0, 0, 9, 0, 0, 0, 0, 1];
    for flood in [&full[..], &empty] {
        let mut stream = TcpStream::connect(target.address).await.unwrap();
        stream.write_all(&begin.concat()).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let flood = flood.repeat(1_000);
        let flooding = async { while writer.write_all(&flood).await.is_ok() {} };
        let closing = async { reader.read_to_end(&mut Vec::new()).await };
        let ended = async {
            tokio::select! {
                () = flooding => {}
                _ = closing => {}
            }
        };
        timeout(REFUSED_WITHIN, ended).await.expect("it is still open");
    }
    target.survives(before, 24 * MIB).await;
}

#[tokio::test]
async fn streams_that_are_reset_at_once_leave_nothing_behind() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    for _ in 0..3 {
        let tcp = TcpStream::connect(target.address).await.unwrap();
        let (client, connection) = h2::client::handshake(tcp).await.unwrap();
        let mut connections = JoinSet::new();
        connections.spawn(async move { connection.await.unwrap_or_default() });
        timeout(SOON, reset_streams(client, 10_000))
            .await
            .expect("neither served nor cut");
    }
    target.survives(before, 24 * MIB).await;
}

/// Opens streams and resets each at once, as long as the connection bears it.
async fn reset_streams(mut client: h2::client::SendRequest<Bytes>, count: usize) {
    for _ in 0..count {
        let Ok(ready) = client.ready().await else { return };
        client = ready;
        let request = Request::get("http://x/v1/jobTypes").body(()).unwrap();
        let Ok((_response, mut stream)) = client.send_request(request, true) else {
            return;
        };
        stream.send_reset(h2::Reason::CANCEL);
    }
}

#[tokio::test]
async fn endless_streams_that_nobody_reads_hold_little() {
    let target = Target::start().await;
    let before = target.resident_bytes();
    let mut unread = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(target.address).await.unwrap();
        stream.write_all(&watches(100)).await.unwrap();
        unread.push(stream);
    }
    let mut sent = 0;
    while sent == 0 || sent < target.sent.load(Ordering::Relaxed) {
        sent = target.sent.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    target.survives(before, 128 * MIB).await;
    drop(unread);
}

/// A connection of HTTP/2 that asks for so many watches, and allows as much of them as can be said.
fn watches(count: u32) -> Vec<u8> {
    let window = 0x7fff_ffff_u32.to_be_bytes();
    let more = 0x7fff_0000_u32.to_be_bytes();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend_from_slice(&[&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4][..], &window].concat());
    bytes.extend_from_slice(&[&[0, 0, 4, 8, 0, 0, 0, 0, 0][..], &more].concat());
    // `:method: GET`, `:scheme: http`, `:authority: x`, and the path.
    let block = [
        &[0x82, 0x86, 0x01, 1, b'x', 0x04, 20][..],
        b"/v1/jobs/job_a:watch",
    ]
    .concat();
    let length = u8::try_from(block.len()).unwrap();
    for stream in 0..count {
        bytes.extend_from_slice(&[0, 0, length, 1, 5]);
        bytes.extend_from_slice(&(2 * stream + 1).to_be_bytes());
        bytes.extend_from_slice(&block);
    }
    bytes
}
