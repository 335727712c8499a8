//! The server behind all proxies: answers from memory, as gRPC where it is asked as gRPC, and with the same bytes otherwise.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use postern_proto::google::rpc::Status as RpcStatus;
use postern_proto::postern::v1 as pb;
use prost::Message;

/// Messages of a watch.
pub(crate) const STREAM_MESSAGES: usize = 100;
/// Jobs of a list: about 64 KiB of JSON.
const LIST_JOBS: usize = 100;

type Body = BoxBody<Bytes, Infallible>;

/// Listens on a free port for as long as the process lives.
pub(crate) async fn serve() -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answers: &'static Answers = Box::leak(Box::new(Answers::new()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let service = hyper::service::service_fn(move |request| answer(answers, request));
            let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            http2.max_concurrent_streams(1000);
            tokio::spawn(async move { http2.serve_connection(TokioIo::new(stream), service).await });
        }
    });
    Ok(address)
}

struct Answers {
    job: Bytes,
    submitted: Bytes,
    list: Bytes,
    watched: Bytes,
}

impl Answers {
    fn new() -> Self {
        Self {
            job: frame(&pb::GetJobResponse {
                job: Some(small_job()),
            }),
            submitted: frame(&pb::SubmitJobResponse { job: Some(job()) }),
            list: frame(&pb::ListJobsResponse {
                jobs: vec![job(); LIST_JOBS],
                next_page_token: String::new(),
            }),
            watched: frame(&pb::WatchJobResponse { job: Some(job()) }),
        }
    }
}

async fn answer(answers: &'static Answers, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    let _ = request.into_body().collect().await;
    let (message, count) = match path.as_str() {
        "/postern.v1.JobService/SubmitJob" => (&answers.submitted, 1),
        "/postern.v1.JobService/ListJobs" => (&answers.list, 1),
        "/postern.v1.JobService/WatchJob" => (&answers.watched, STREAM_MESSAGES),
        "/postern.v1.JobService/GetJob" => (&answers.job, 1),
        // What the bare proxy asks: the same bytes, without gRPC around them.
        "/v1/jobs" => (&answers.list, 1),
        path if path.ends_with(":watch") => (&answers.watched, STREAM_MESSAGES),
        path if path.starts_with("/v1/jobTypes") => (&answers.submitted, 1),
        _ => (&answers.job, 1),
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    let frames = (0..count)
        .map(move |_| Frame::data(message.clone()))
        .chain([Frame::trailers(trailers)]);
    let body = StreamBody::new(futures::stream::iter(frames.map(Ok))).boxed();
    let response = Response::builder()
        .header(header::CONTENT_TYPE, "application/grpc")
        .body(body);
    Ok(response.expect("the parts are fixed"))
}

/// A message as gRPC frames it.
fn frame(message: &impl Message) -> Bytes {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).expect("small");
    [&[0], length.to_be_bytes().as_slice(), &bytes].concat().into()
}

fn small_job() -> pb::Job {
    pb::Job {
        job_id: "job_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
        state: 1,
        revision: 1,
        dispatch: 1,
        ..Default::default()
    }
}

/// A job of about 640 bytes of JSON.
fn job() -> pb::Job {
    let time = prost_types::Timestamp {
        seconds: 1_764_000_000,
        nanos: 123_000_000,
    };
    pb::Job {
        job_id: "job_01h2xcejqtf2nbrexx3vqjhp41".to_owned(),
        job_type: "contacts.import".to_owned(),
        job_type_version: "1".to_owned(),
        state: 4,
        revision: 4,
        error: Some(RpcStatus {
            code: 5,
            message: "account nope does not exist".to_owned(),
            details: Vec::new(),
        }),
        progress: Some(pb::Progress {
            completed: 10,
            total: 10,
            message: "inserting contacts".to_owned(),
        }),
        dispatch: 1,
        labels: [("team".to_owned(), "crm".to_owned())].into(),
        request_id: "order-4711".to_owned(),
        create_time: Some(time),
        start_time: Some(time),
        update_time: Some(time),
        end_time: Some(time),
        deadline: Some(time),
        purge_time: Some(time),
        ..Default::default()
    }
}
