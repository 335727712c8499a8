//! Two servers on one PostgreSQL, as processes of their own: no leader, and either may go.

use std::path::Path;
use std::time::{Duration, Instant};

use postern_issuer::Issuer;
use serde_json::json;
use tokio::process::Command;

use crate::consumer::{Consumer, Task};
use crate::process::{Process, command, output};
use crate::roles;
use crate::watch::Stream;
use crate::world::{Rest, install_crypto, request};

/// A watch repeats what has not changed after half a minute: only a signal comes so soon.
const SIGNAL_MAX: Duration = Duration::from_secs(5);

struct Cluster {
    folder: tempfile::TempDir,
    database: String,
    issuer: Issuer,
    sqs: Process,
    consumer: Consumer,
}

impl Cluster {
    /// A database with its schema, queues and an issuer. Nobody serves yet.
    async fn start() -> Self {
        install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let sqs = Process::start(command(folder.path(), &["sqs"]), "sqs").await;
        let cluster = Self {
            database: postern_pgtest::database().unwrap(),
            issuer: roles::real_issuer().await,
            consumer: Consumer::create(&sqs.address).await,
            folder,
            sqs,
        };
        // As when several replicas are deployed at once.
        let (mut one, mut other) = (cluster.migration(), cluster.migration());
        for migrated in <[_; 2]>::from(tokio::join!(output(&mut one), output(&mut other))) {
            assert!(migrated.status.success(), "{migrated:?}");
        }
        cluster
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn migration(&self) -> Command {
        let mut migration = command(self.folder(), &["migrate"]);
        migration.env("POSTERN_DATABASE_URL", &self.database);
        migration
    }

    async fn server(&self) -> Process {
        let mut server = roles::server(self.folder(), &self.sqs.address, &self.issuer);
        server.env("POSTERN_DATABASE_URL", &self.database);
        Process::start(server, "grpc").await
    }

    /// A partner's view through an edge in front of these.
    async fn edge(&self, servers: &[&Process]) -> (Process, Rest) {
        let upstream: Vec<_> = servers
            .iter()
            .map(|server| format!("http://{}", server.address))
            .collect();
        let args = ["edge", "--upstream", &upstream.join(",")];
        let edge = Process::start(command(self.folder(), &args), "edge").await;
        let token = self.issuer.token("acme", None, Duration::from_hours(1)).unwrap();
        let rest = Rest::new(&edge.address, &token);
        (edge, rest)
    }

    /// The task of this job; those of others are left to nobody.
    async fn task(&self, job_id: &str) -> Task {
        loop {
            let task = self.consumer.task().await;
            if task.body["jobId"] == job_id {
                return task;
            }
        }
    }
}

fn id(job: &serde_json::Value) -> &str {
    job["jobId"].as_str().unwrap()
}

#[tokio::test]
async fn what_one_server_changes_is_seen_at_the_other_and_either_may_go() {
    let cluster = Cluster::start().await;
    let (one, other) = tokio::join!(cluster.server(), cluster.server());
    let (_edge, here) = cluster.edge(&[&one]).await;
    let (_edge, there) = cluster.edge(&[&other]).await;
    let (_edge, either) = cluster.edge(&[&one, &other]).await;

    let job = here.submit(&request("r-1")).await;
    let path = format!("/v1/jobs/{}", id(&job));
    let mut watch = Stream::open(
        &there,
        &format!("{path}:watch"),
        &[("accept", "text/event-stream")],
    )
    .await;
    assert_eq!(watch.event().await.unwrap().data["revision"], 1);
    let asked = Instant::now();
    let cancelled = here.post(&format!("{path}:cancel"), &json!({})).await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.body);
    assert_eq!(watch.event().await.unwrap().data["revision"], 2);
    assert!(asked.elapsed() < SIGNAL_MAX, "{:?}", asked.elapsed());

    let before = here.submit(&request("r-2")).await;
    let task = cluster.task(id(&before)).await;
    one.kill().await;
    let after = either.submit(&request("r-3")).await;
    cluster.consumer.send(&task.outcome("SUCCEEDED")).await;
    let task = cluster.task(id(&after)).await;
    cluster.consumer.send(&task.outcome("SUCCEEDED")).await;
    for job in [before, after] {
        there.until(id(&job), "JOB_STATE_SUCCEEDED").await;
    }
}
