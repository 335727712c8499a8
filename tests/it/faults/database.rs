//! What partners notice while the way to PostgreSQL is bad: an honest 503 or 504, and one job for each key once it is well again.

use std::path::Path;
use std::time::Duration;

use postern_chaos::faults::{Link, Target, Trouble};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::world::{Answer, Rest, World, request};

/// A stack whose way to the database leads through what a test can break.
struct Stage {
    world: World,
    rest: Rest,
    link: Link,
}

impl Stage {
    async fn start() -> Self {
        let database = tokio::task::spawn_blocking(postern_pgtest::database)
            .await
            .unwrap()
            .unwrap();
        let (address, folder) = database.split_once("?host=").unwrap();
        let name = address.rsplit('/').next().unwrap();
        let socket = Path::new(folder).join(".s.PGSQL.5432");
        let link = Link::start(Target::Unix(socket)).await.unwrap();
        let url = format!("postgres://postern@{}/{name}", link.address);
        let world = World::start_with(|settings| settings.database_url = Some(url)).await;
        Self {
            rest: world.rest("acme"),
            world,
            link,
        }
    }

    async fn submit(&self, key: &str) -> Answer {
        let post = self.rest.request(reqwest::Method::POST, "/v1/jobs");
        let post = post
            .header("idempotency-key", key)
            .header("x-server-timeout", "3");
        Answer::read(post.json(&request(key))).await
    }

    /// Until it is acknowledged, as a partner does who does not know what came of it.
    async fn insist(&self, key: &str) -> Value {
        loop {
            let answer = self.submit(key).await;
            match answer.status {
                202 => return answer.body,
                503 | 504 => {}
                other => panic!("{other} {}", answer.body),
            }
        }
    }

    /// The keys of all jobs, in order.
    async fn keys(&self) -> Vec<String> {
        let page = self.rest.get("/v1/jobs?pageSize=1000").await.body;
        let jobs = page["jobs"].as_array().unwrap();
        let mut keys: Vec<_> = jobs
            .iter()
            .map(|job| job["requestId"].as_str().unwrap().to_owned())
            .collect();
        keys.sort();
        keys
    }
}

#[tokio::test]
async fn without_its_database_a_server_says_so_and_acknowledges_nothing() {
    let stage = Stage::start().await;
    stage.link.set(Trouble::Reset);
    let answer = stage.submit("away").await;
    assert_eq!((answer.status, answer.reason()), (503, "BACKEND_UNAVAILABLE"));
    stage.link.set(Trouble::None);
    stage.insist("back").await;
    assert_eq!(stage.keys().await, ["back"]);
    stage.world.stop().await;
}

#[tokio::test]
async fn a_database_that_never_answers_costs_a_call_no_more_than_its_deadline() {
    let stage = Stage::start().await;
    stage.insist("before").await;
    stage.link.set(Trouble::HalfOpen);
    let answer = stage.submit("meanwhile").await;
    assert!(
        [503, 504].contains(&answer.status),
        "{} {}",
        answer.status,
        answer.body
    );
    stage.link.set(Trouble::None);
    stage.insist("meanwhile").await;
    assert_eq!(stage.keys().await, ["before", "meanwhile"]);
    stage.world.stop().await;
}

/// The answer to a commit may be what is lost: then the job is there, and the key says so.
#[tokio::test]
async fn a_submission_that_is_cut_off_at_any_moment_is_one_job_in_the_end() {
    let stage = Stage::start().await;
    let mut keys = Vec::new();
    for moment in 0..24 {
        let key = format!("cut-{moment:02}");
        // Slow enough that the moments lie all over the transaction.
        stage.link.set(Trouble::Latency(Duration::from_millis(4)));
        let cut = async {
            sleep(Duration::from_millis(moment * 8)).await;
            stage.link.set(Trouble::Reset);
        };
        let (answer, ()) = tokio::join!(stage.submit(&key), cut);
        stage.link.set(Trouble::None);
        let job = stage.insist(&key).await;
        if answer.status == 202 {
            assert_eq!(answer.body["jobId"], job["jobId"]);
        }
        keys.push(key);
    }
    assert_eq!(stage.keys().await, keys);
    stage.world.stop().await;
}

#[tokio::test]
async fn outcomes_that_meet_a_bad_way_to_the_database_are_applied_once() {
    let stage = Stage::start().await;
    let consumer = stage.world.consumer().await;
    let job = stage.insist("r-1").await;
    let task = consumer.task().await;
    stage.link.set(Trouble::Reset);
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    // Received, and held: were it given back, it would soon be a dead letter.
    consumer.received().await;
    stage.link.set(Trouble::None);
    let done = stage
        .rest
        .until(job["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;
    assert_eq!(done["revision"], 2);
    stage.world.stop().await;
}
