//! Dead letters, against a real SQS endpoint: tasks that no consumer brings to an outcome, and what else may lie among them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "sqs/endpoint.rs"]
mod endpoint;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use endpoint::Sqs;
use postern_server::catalog::{Catalog, Source};
use postern_server::dispatch::Dispatch;
use postern_server::job::{
    Code, DeadLetter, Event, Job, JobId, Operator, Outcome, PartnerId, RetryPolicy, State, Timeouts,
    Timestamp,
};
use postern_server::queue;
use postern_server::seal::Seal;
use postern_server::store::operator::Redriven;
use postern_server::store::system::{Letter, Overdue, Report};
use postern_server::store::{self, HistoryEntry, Store, Submission, Trace};
use postern_server::sweep::{DeadLetterReader, DeadLetters, GRACE};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Where a dead letter wakes no poll, it comes with the next, after 20 s.
const SOON: Duration = Duration::from_secs(60);
const QUEUE_MILLIS: i64 = 10_000_000;

/// A store and queues, with the loops that send tasks and read dead letters. Tests are consumer, partner and clock.
struct World {
    store: Store,
    url: String,
    seal: Seal,
    sqs: Sqs,
    jobs: String,
    dead: String,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Where jobs wait for an operator, if they are to be held.
    async fn start(on_dead_letter: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let sqs = Sqs::start(&mut tasks, &shutdown).await;
        queue::create(&sqs.config, []).await.unwrap();
        let jobs = sqs.url(&sqs.config.jobs).await;
        let dead = sqs.url(&format!("{}-dlq", sqs.config.jobs)).await;
        die_at_first(&sqs.client, &jobs).await;

        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&store::Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        let seal = Seal::parse(&Seal::generate().unwrap()).unwrap();
        let catalog = Arc::new(catalog(on_dead_letter));
        let queues = queue::open(&sqs.config, []).await.unwrap();
        let dispatch = Dispatch {
            store: store.clone(),
            jobs: queues.jobs,
            catalog: Arc::clone(&catalog),
            seal: seal.clone(),
            meters: Default::default(),
        };
        let dead_letters = DeadLetters {
            store: store.clone(),
            letters: queues.dead_letters,
            reader: DeadLetterReader {
                catalog,
                seal: seal.clone(),
                grace: GRACE,
            },
            meters: Default::default(),
        };
        tasks.spawn(dispatch.run(shutdown.clone()));
        tasks.spawn(dead_letters.run(shutdown.clone()));
        Self {
            store,
            url,
            seal,
            sqs,
            jobs,
            dead,
            shutdown,
            tasks,
            _folder: folder,
        }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    async fn submit(&self) -> JobId {
        let now = Timestamp::now();
        let timeouts = Timeouts {
            queue_millis: QUEUE_MILLIS,
            execution_millis: 1_000,
            retention_millis: 1_000_000,
        };
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let mut job = Job::new(id, acme(), timeouts, now);
        job.job_type = "a.b".to_owned();
        let submission = Submission {
            job,
            payload: "{\"a\":1}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        self.store.partner().submit(&submission).await.unwrap();
        id
    }

    /// The next task, as a consumer receives it that then dies; the next receive finds it received too often.
    async fn die(&self) -> Value {
        let task = self.receive(20).await.expect("no task came");
        let give_back = self.sqs.client.change_message_visibility().queue_url(&self.jobs);
        give_back
            .receipt_handle(task.receipt_handle().unwrap())
            .visibility_timeout(0)
            .send()
            .await
            .unwrap();
        assert!(self.receive(0).await.is_none());
        serde_json::from_str(task.body().unwrap()).unwrap()
    }

    async fn receive(&self, wait_seconds: i32) -> Option<Message> {
        let receive = self.sqs.client.receive_message().queue_url(&self.jobs);
        let reply = receive.wait_time_seconds(wait_seconds).send().await.unwrap();
        reply.messages.unwrap_or_default().into_iter().next()
    }

    async fn put_among_the_dead(&self, body: &str) {
        let send = self.sqs.client.send_message().queue_url(&self.dead);
        send.message_body(body).send().await.unwrap();
    }

    async fn redrive(&self, id: JobId) -> Option<Redriven> {
        let (operator, now) = (Operator::new("jane"), Timestamp::now());
        let face = self.store.operator();
        let redriven = face.redrive(&operator, id, "again", now);
        redriven.await.unwrap()
    }

    /// Waits until no dead letter is left.
    async fn buried(&self) {
        use QueueAttributeName::{ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible};
        let names = vec![ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let read = self.sqs.client.get_queue_attributes().queue_url(&self.dead);
            let reply = read
                .set_attribute_names(Some(names.clone()))
                .send()
                .await
                .unwrap();
            if reply.attributes().unwrap().values().all(|count| count == "0") {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "dead letters stay in the queue"
            );
            tokio::task::yield_now().await;
        }
    }

    async fn job(&self, id: JobId) -> Job {
        self.store.partner().get(&acme(), id).await.unwrap().unwrap()
    }

    /// The job and its history once its task has been found among the dead letters so many times.
    async fn dead(&self, id: JobId, times: usize) -> (Job, Vec<HistoryEntry>) {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let history = self.store.partner().history(&acme(), id, 0, 100).await.unwrap();
            let is_dead = |kind: &str| ["dead_lettered", "late_dead_letter"].contains(&kind);
            let found = history.iter().filter(|entry| is_dead(&entry.kind));
            if found.count() == times {
                return (self.job(id).await, history);
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "its task was not found: {history:?}"
            );
            tokio::task::yield_now().await;
        }
    }

    async fn tell(&self, id: JobId, dispatch: i32, event: Event) {
        let outcome = Outcome {
            dispatch,
            event_id: format!("{event:?}"),
            attempt: None,
            seq: None,
            event,
        };
        let letter = Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        };
        let report = Report {
            job: id,
            outcome,
            letter,
        };
        let policy = RetryPolicy {
            dispatches: 3,
            backoff_millis: 0,
        };
        let system = self.store.system();
        system
            .apply(&[report], &|_| policy, Timestamp::now())
            .await
            .unwrap();
    }

    /// Ends what is overdue when this time has passed.
    async fn pass(&self, millis: i64) -> u64 {
        let now = Timestamp::now().plus_millis(millis);
        let overdue = Overdue {
            deadline: now,
            created: None,
        };
        self.store.system().expire(overdue, 10, now).await.unwrap()
    }

    /// Reason and size of the body of whatever is quarantined.
    async fn quarantined(&self) -> Vec<(String, i64)> {
        let other = sea_orm::Database::connect(&self.url).await.unwrap();
        let select = "SELECT reason, length(body) AS size FROM quarantine ORDER BY reason";
        let select = sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, select);
        let rows = other.query_all_raw(select).await.unwrap();
        rows.iter()
            .map(|row| {
                (
                    row.try_get("", "reason").unwrap(),
                    row.try_get("", "size").unwrap(),
                )
            })
            .collect()
    }
}

/// So that one receive is one too many.
async fn die_at_first(client: &Client, jobs: &str) {
    let name = QueueAttributeName::RedrivePolicy;
    let read = client.get_queue_attributes().queue_url(jobs);
    let reply = read.attribute_names(name.clone()).send().await.unwrap();
    let mut policy: Value = serde_json::from_str(&reply.attributes().unwrap()[&name]).unwrap();
    policy["maxReceiveCount"] = json!(1);
    let write = client.set_queue_attributes().queue_url(jobs);
    write.attributes(name, policy.to_string()).send().await.unwrap();
}

fn catalog(on_dead_letter: &str) -> Catalog {
    let file = format!(
        "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {{type: object}}\non_dead_letter: {on_dead_letter}\n"
    );
    Catalog::load(&Source::Files(vec![("a.b.yaml".to_owned(), file.into())])).unwrap()
}

fn acme() -> PartnerId {
    PartnerId::new("acme")
}

fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn kinds(history: &[HistoryEntry]) -> Vec<&str> {
    history.iter().map(|entry| entry.kind.as_str()).collect()
}

#[tokio::test]
async fn a_task_that_kills_its_consumers_fails_its_job_after_the_grace() {
    let world = World::start("fail").await;
    let id = world.submit().await;
    world.die().await;
    let (job, history) = world.dead(id, 1).await;
    assert_eq!((job.state, job.revision), (State::Queued, 1));
    assert_eq!(kinds(&history), ["submitted", "sent", "dead_lettered"]);
    let seen = history[2].time;
    assert_eq!(job.deadline, seen.plus_millis(60_000));
    // The commit has taken it over: nothing is left to come again.
    world.buried().await;
    assert_eq!(world.pass(50_000).await, 0);
    assert_eq!(world.pass(60_001).await, 1);
    let job = world.job(id).await;
    let failure = job.failure.unwrap();
    assert_eq!((job.state, job.revision), (State::Failed, 2));
    assert_eq!(
        (failure.code, failure.reason.as_str()),
        (Code::Aborted, "TASK_DEAD_LETTERED")
    );
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_that_comes_within_the_grace_decides() {
    let world = World::start("fail").await;
    let id = world.submit().await;
    world.die().await;
    world.dead(id, 1).await;
    // What was under way before it brings it back to nothing.
    world.tell(id, 1, Event::Started).await;
    let (job, _) = world.dead(id, 1).await;
    assert_eq!(
        (job.state, job.dead_letter),
        (State::Running, Some(DeadLetter::Failing))
    );
    assert!(
        job.deadline > Timestamp::now().plus_millis(10_000),
        "an execution has a second"
    );
    world.tell(id, 1, succeeded()).await;
    assert_eq!(world.pass(1_000_000).await, 0);
    assert_eq!(world.job(id).await.state, State::Succeeded);
    world.stop().await;
}

#[tokio::test]
async fn a_held_job_waits_for_an_operator_and_is_sent_again_as_it_was() {
    let world = World::start("hold").await;
    let id = world.submit().await;
    let first = world.die().await;
    let (job, history) = world.dead(id, 1).await;
    assert_eq!(
        (job.state, job.revision, job.dead_letter),
        (State::Queued, 1, Some(DeadLetter::Held))
    );
    assert_eq!(
        job.deadline,
        history.last().unwrap().time.plus_millis(QUEUE_MILLIS)
    );
    world.buried().await;
    assert_eq!(world.pass(QUEUE_MILLIS - 60_000).await, 0);

    // Nothing that an earlier execution reported stands in the way of the next.
    world.tell(id, 1, Event::Started).await;
    let redriven = world.redrive(id).await;
    let Some(Redriven::Due(job)) = redriven else {
        panic!("{redriven:?}")
    };
    assert_eq!((job.state, job.dispatch, job.revision), (State::Queued, 1, 3));
    assert_eq!((job.start_time, job.dead_letter), (None, None));
    let again = world.redrive(id).await;
    assert!(matches!(again, Some(Redriven::NotHeld(_))));

    let mut second = world.die().await;
    assert_ne!(second["deadline"], first["deadline"]);
    second["deadline"] = first["deadline"].clone();
    assert_eq!(second, first);
    let (job, history) = world.dead(id, 2).await;
    assert_eq!(job.dead_letter, Some(DeadLetter::Held));
    assert!(kinds(&history).contains(&"redriven"), "{history:?}");
    world.tell(id, 1, succeeded()).await;
    assert_eq!(world.job(id).await.state, State::Succeeded);
    let ended = world.redrive(id).await;
    assert!(matches!(ended, Some(Redriven::NotHeld(_))));
    world.stop().await;
}

#[tokio::test]
async fn a_held_job_expires_when_no_operator_comes() {
    let world = World::start("hold").await;
    let id = world.submit().await;
    world.die().await;
    world.dead(id, 1).await;
    assert_eq!(world.pass(QUEUE_MILLIS + 1).await, 1);
    let job = world.job(id).await;
    assert_eq!(
        (job.state, job.failure.unwrap().reason.as_str()),
        (State::Expired, "QUEUE_TIMEOUT")
    );
    world.stop().await;
}

#[tokio::test]
async fn what_is_no_task_of_ours_is_quarantined_and_holds_up_no_other() {
    let world = World::start("fail").await;
    let id = world.submit().await;
    let token = world.seal.outcome_token(id, 1);
    let gone = JobId::new(1);
    let outcome = json!({"outcomeToken": token, "event": "SUCCEEDED"}).to_string();
    let unknown = json!({"outcomeToken": world.seal.outcome_token(gone, 2), "payload": {"secret": 1}});
    for body in [
        "not json",
        "[]",
        "{}",
        &outcome,
        &json!({"outcomeToken": "forged"}).to_string(),
        &json!({"outcomeToken": token, "dispatch": 2}).to_string(),
        &unknown.to_string(),
    ] {
        world.put_among_the_dead(body).await;
    }
    world.die().await;
    world.dead(id, 1).await;
    world.buried().await;
    let quarantined = world.quarantined().await;
    let reasons: Vec<_> = quarantined.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "an outcome, and no task",
            "job or dispatch disagree with the outcome token",
            "no outcome token",
            &format!("no such job: {gone}, dispatch 2"),
            "not a JSON object: another kind of value",
            "not a JSON object: expected ident at line 1 column 2",
            "the outcome token is not authentic",
        ]
    );
    // What belonged to a job that was deleted is not kept by another way.
    assert!(
        quarantined
            .iter()
            .all(|(reason, size)| (*size == 0) == reason.starts_with("no such job"))
    );
    world.stop().await;
}

#[tokio::test]
async fn what_died_of_an_older_dispatch_or_an_ended_job_changes_nothing() {
    let world = World::start("fail").await;
    let id = world.submit().await;
    let first = world.receive(20).await.unwrap();
    let retryable = Event::Failed {
        failure: postern_server::job::Failure::outcome_invalid("x"),
        retryable: true,
        retry_delay_millis: Some(0),
    };
    world.tell(id, 1, retryable).await;
    let delete = world.sqs.client.delete_message().queue_url(&world.jobs);
    let receipt = first.receipt_handle().unwrap();
    delete.receipt_handle(receipt).send().await.unwrap();
    world.put_among_the_dead(first.body().unwrap()).await;
    let (job, history) = world.dead(id, 1).await;
    assert_eq!(
        (job.state, job.dispatch, job.dead_letter),
        (State::Queued, 2, None)
    );
    assert!(
        history.last().unwrap().message.contains("dispatch 1"),
        "{history:?}"
    );
    world.tell(id, 2, succeeded()).await;
    let ended = world.job(id).await;
    world.die().await;
    let (job, _) = world.dead(id, 2).await;
    assert_eq!(job, ended);
    world.buried().await;
    world.stop().await;
}

#[tokio::test]
async fn without_dead_letters_a_queue_serves_and_nothing_reads_them() {
    let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let sqs = Sqs::start(&mut tasks, &shutdown).await;
    for name in [&sqs.config.jobs, &sqs.config.results] {
        sqs.client.create_queue().queue_name(name).send().await.unwrap();
    }
    let queues = queue::open(&sqs.config, []).await.unwrap();
    assert!(queues.dead_letters.queues().await.unwrap().is_empty());
    shutdown.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
