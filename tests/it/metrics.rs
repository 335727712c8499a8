//! What `/metrics` says after things that a test did.

use std::collections::{BTreeMap, BTreeSet};

use postern::stack::Stack;
use postern_proto::postern::v1::GetJobRequest;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::world::{Answer, SOON, World, http, request};

/// Every sample, by its name with its labels.
pub(crate) struct Metrics(pub(crate) BTreeMap<String, f64>);

impl Metrics {
    pub(crate) async fn scrape(address: std::net::SocketAddr) -> Self {
        let answer = Answer::read(http().get(format!("http://{address}/metrics"))).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let text = answer.body.as_str().unwrap();
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            samples
                .map(|line| {
                    let (name, value) = line.rsplit_once(' ').unwrap();
                    (name.to_owned(), value.parse().unwrap())
                })
                .collect(),
        )
    }

    /// Zero where there is none.
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}

/// The metrics once this holds of them: some is counted just after those who wait have been told.
pub(crate) async fn metrics_until(world: &World, holds: impl Fn(&Metrics) -> bool) -> Metrics {
    let deadline = Instant::now() + SOON;
    loop {
        let metrics = Metrics::scrape(world.stack.addresses.admin).await;
        if holds(&metrics) {
            return metrics;
        }
        assert!(Instant::now() < deadline, "{:#?}", metrics.0);
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_job_is_counted_wherever_it_comes_by() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let job = rest.submit(&request("r-1")).await;
    let id = job["jobId"].as_str().unwrap();
    let task = consumer.task().await;
    consumer.send(&task.outcome("STARTED")).await;
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    rest.until(id, "JOB_STATE_SUCCEEDED").await;
    let settled = r#"postern_collect_outcomes_total{result="settled"}"#;
    let metrics = metrics_until(&world, |metrics| metrics.get(settled) >= 2.0).await;
    for (name, expected) in [
        (settled, 2.0),
        (r#"postern_dispatch_tasks_total{result="sent"}"#, 1.0),
        ("postern_dispatch_wait_seconds_count", 1.0),
        (
            r#"postern_rpc_requests_total{method="postern.v1.JobService/SubmitJob",code="OK"}"#,
            1.0,
        ),
        (
            r#"postern_rpc_duration_seconds_count{method="postern.v1.JobService/SubmitJob"}"#,
            1.0,
        ),
        (
            r#"postern_rpc_in_flight{method="postern.v1.JobService/SubmitJob"}"#,
            0.0,
        ),
        (r#"postern_sqs_requests_total{operation="SendMessageBatch"}"#, 1.0),
        (r#"postern_sqs_failures_total{operation="SendMessageBatch"}"#, 0.0),
        (
            r#"postern_edge_requests_total{method="postern.v1.JobService/SubmitJob",protocol="rest",status="2xx"}"#,
            1.0,
        ),
    ] {
        assert_eq!(metrics.get(name), expected, "{name} in {:#?}", metrics.0);
    }
    for name in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_cpu_seconds_total",
    ] {
        assert!(metrics.get(name) > 0.0, "{name} in {:#?}", metrics.0);
    }
    world.stop().await;
}

#[tokio::test]
async fn calls_are_counted_as_they_end_and_by_names_that_callers_do_not_choose() {
    let world = World::start().await;
    let mut grpc = world.grpc("acme").await;
    let ask = grpc.ask(GetJobRequest {
        job_id: "job_01m88a2ptjf6qs55hqb3cdbqn2".to_owned(),
        ..GetJobRequest::default()
    });
    grpc.jobs.get_job(ask).await.unwrap_err();
    grpc.jobs.get_job(GetJobRequest::default()).await.unwrap_err();
    let mut other = tonic::client::Grpc::new(grpc.channel.clone());
    for path in ["/postern.v1.JobService/Invented", "/a.b/C"] {
        other.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<GetJobRequest, GetJobRequest>::default();
        let request = grpc.ask(GetJobRequest::default());
        let refused = other.unary(request, path.parse().unwrap(), codec).await;
        assert_eq!(refused.unwrap_err().code(), tonic::Code::Unimplemented);
    }
    let get = r#"method="postern.v1.JobService/GetJob""#;
    let metrics = metrics_until(&world, |metrics| {
        metrics.get(r#"postern_rpc_requests_total{method="unknown",code="UNIMPLEMENTED"}"#) >= 2.0
    })
    .await;
    for (name, expected) in [
        (
            format!(r#"postern_rpc_requests_total{{{get},code="NOT_FOUND"}}"#),
            1.0,
        ),
        (
            format!(r#"postern_rpc_requests_total{{{get},code="UNAUTHENTICATED"}}"#),
            1.0,
        ),
        (
            r#"postern_auth_refusals_total{reason="TOKEN_MISSING"}"#.to_owned(),
            1.0,
        ),
    ] {
        assert_eq!(metrics.get(&name), expected, "{name} in {:#?}", metrics.0);
    }
    assert!(!metrics.0.keys().any(|name| name.contains("Invented")));
    world.stop().await;
}

#[tokio::test]
async fn a_stream_is_open_until_its_caller_leaves() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let job = rest.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}:watch", job["jobId"].as_str().unwrap());
    let mut watch = rest.request(reqwest::Method::GET, &path).send().await.unwrap();
    watch.chunk().await.unwrap().unwrap();
    let open = r#"postern_rpc_in_flight{method="postern.v1.JobService/WatchJob"}"#;
    metrics_until(&world, |metrics| metrics.get(open) == 1.0).await;
    drop(watch);
    let ended = r#"postern_rpc_requests_total{method="postern.v1.JobService/WatchJob",code="CANCELLED"}"#;
    let metrics = metrics_until(&world, |metrics| metrics.get(ended) == 1.0).await;
    assert_eq!(metrics.get(open), 0.0);
    world.stop().await;
}

/// The names in the tables of docs/metrics.md.
fn documented() -> BTreeSet<String> {
    let text = include_str!("../../docs/metrics.md");
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    cells
        .flat_map(|cell| cell.split('`'))
        .filter(|name| name.contains('_'))
        .map(str::to_owned)
        .collect()
}

/// What is exposed, without what the parts of a histogram add to its name.
fn exposed(metrics: &Metrics) -> BTreeSet<String> {
    let names = metrics.0.keys().map(|name| name.split('{').next().unwrap());
    names
        .map(|name| {
            let part = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|part| name.strip_suffix(part));
            part.unwrap_or(name).to_owned()
        })
        .collect()
}

#[tokio::test]
async fn every_metric_is_documented_and_every_documented_one_is_there() {
    let mut world = World::start().await;
    world.rest("acme").submit(&request("r-1")).await;
    drop(world.consumer().await.task().await);
    // A stack reads how things stand when it starts, and not before a while then.
    world.stack.stop().await.unwrap();
    world.stack = Stack::start(&world.config, false).await.unwrap();
    world.rest("acme").submit(&request("r-2")).await;
    let metrics = metrics_until(&world, |metrics| {
        metrics.get("postern_dispatch_wait_seconds_count") > 0.0
            && metrics.get("postern_vitals_timestamp_seconds") > 0.0
    })
    .await;
    assert_eq!(exposed(&metrics), documented());
    world.stop().await;
}
