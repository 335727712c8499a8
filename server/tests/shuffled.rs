//! Whole lives of jobs under a queue that keeps no order: what consumers truly tell is shuffled, told twice, delayed past the end and mixed with
//! forgeries, and reaches the real `Collect` over HTTP while partners and consumers call the API. What must hold is looked at after every step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures::FutureExt as _;
use postern_localsqs::Endpoint;
use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{
    CancelJobRequest, GetJobRequest, Job as Shown, JobState, ListJobChangesRequest, Progress,
    SubmitJobRequest,
};
use postern_proto::postern::work::v1::work_service_server::WorkService as _;
use postern_proto::postern::work::v1::{BeginTaskRequest, HeartbeatRequest};
use postern_server::api::Api;
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::collect::Collect;
use postern_server::hub::Hub;
use postern_server::job::{Job, JobId, PartnerId, State, Timestamp};
use postern_server::listening::Listening;
use postern_server::queue::{self, Results};
use postern_server::seal::Seal;
use postern_server::store::system::Sending;
use postern_server::store::{self, HistoryEntry, Store};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Request;

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\ndispatches: 3\n";
const DISPATCHES: i32 = 3;
const SEEDS: u64 = 5;
const JOBS: usize = 6;
/// Far more than a campaign takes.
const ROUNDS_MAX: usize = 1_000;
/// Of SQS.
const BATCH_MAX: u64 = 10;
const SOON: Duration = Duration::from_secs(30);

mod sqlite {
    #[tokio::test]
    async fn no_order_of_outcomes_shows_anything_untrue() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        super::no_order_of_outcomes_shows_anything_untrue(&url).await;
    }
}

mod postgres {
    #[tokio::test]
    async fn no_order_of_outcomes_shows_anything_untrue() {
        super::no_order_of_outcomes_shows_anything_untrue(&postern_pgtest::database().unwrap()).await;
    }
}

async fn no_order_of_outcomes_shows_anything_untrue(url: &str) {
    let world = World::start(url).await;
    for seed in 1..=SEEDS {
        let campaign = AssertUnwindSafe(Campaign::new(&world, seed).run()).catch_unwind();
        if let Err(panic) = campaign.await {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            panic!("seed {seed}: {}", text.unwrap_or_default());
        }
    }
    world.stop().await;
}

/// A database, a results queue, and the loop between them. Tests are consumer and partner, and hand tasks out.
struct World {
    api: Api,
    url: String,
    client: Client,
    queue: String,
    results: Results,
    /// Of another installation.
    foreign: Seal,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start(url: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let endpoint = endpoint(&folder, &mut tasks, &shutdown).await;
        let config = queue::Config {
            endpoint: Some(endpoint.clone()),
            jobs: "jobs".to_owned(),
            results: "results".to_owned(),
        };
        queue::create(&config).await.unwrap();
        let client = client(&endpoint);
        let queue = client.get_queue_url().queue_name("results").send().await.unwrap();
        let results = queue::open(&config).await.unwrap().results;

        let store = Store::open(&store::Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        store.mark_start(Timestamp::now()).await.unwrap();
        let files = vec![("a.b.yaml".to_owned(), JOB_TYPE.into())];
        let api = Api {
            store,
            hub: Hub::default(),
            catalog: Arc::new(Catalog::load(&Source::Files(files)).unwrap()),
            seal: new_seal(),
            payload_bytes_max: 10_000,
            shutdown: shutdown.clone(),
        };
        let collect = Collect {
            store: api.store.clone(),
            results: results.clone(),
            catalog: Arc::clone(&api.catalog),
            seal: api.seal.clone(),
            listening: Listening::new(Timestamp::now()),
        };
        tasks.spawn(collect.run(shutdown.clone()));
        Self {
            api,
            url: url.to_owned(),
            client,
            queue: queue.queue_url.unwrap(),
            results,
            foreign: new_seal(),
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

    async fn job(&self, id: JobId) -> Job {
        self.api.store.partner().get(&acme(), id).await.unwrap().unwrap()
    }

    async fn send(&self, messages: &[Message]) {
        let entries = messages.iter().enumerate().map(|(index, message)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
            entry.message_body(&message.body).build().unwrap()
        });
        let send = self.client.send_message_batch().queue_url(&self.queue);
        let reply = send.set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!(reply.failed().len(), 0);
    }

    /// Waits until every message was dealt with and deleted.
    async fn drained(&self) {
        let deadline = Instant::now() + SOON;
        while self.results.waiting().await.unwrap().messages > 0 {
            assert!(Instant::now() < deadline, "messages stay in the queue");
            tokio::task::yield_now().await;
        }
    }

    /// What lies in quarantine, which is empty then: reasons and bodies.
    async fn take_quarantined(&self) -> Vec<(String, String)> {
        let other = sea_orm::Database::connect(&self.url).await.unwrap();
        let select = "SELECT reason, body FROM quarantine".to_owned();
        let select = Statement::from_string(other.get_database_backend(), select);
        let rows = other.query_all_raw(select).await.unwrap();
        let system = self.api.store.system();
        let later = Timestamp::now().plus_millis(1_000);
        system.prune_quarantine(1_000, later).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            let body: Vec<u8> = row.try_get("", "body").unwrap();
            (
                row.try_get("", "reason").unwrap(),
                String::from_utf8(body).unwrap(),
            )
        };
        rows.iter().map(read).collect()
    }
}

/// A dispatch as its consumer got it.
struct Task {
    job: JobId,
    dispatch: i32,
    token: String,
    /// How often its consumer tries.
    attempts: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    FailedForNow,
    Cancelled,
}

/// How a consumer says that an attempt ended.
#[derive(Debug, Clone)]
struct Told {
    job: JobId,
    dispatch: i32,
    attempt: i32,
    end: End,
    /// What result or failure say.
    text: String,
}

/// A message for the results queue.
#[derive(Debug, Clone)]
struct Message {
    body: String,
    /// Whose it is and what it decides, where it is authentic and an end.
    end: Option<Told>,
}

/// What happens to a few jobs, from their submission until nothing more is told of them.
struct Campaign<'a> {
    world: &'a World,
    random: Random,
    jobs: Vec<JobId>,
    tasks: Vec<Task>,
    /// Not yet sent.
    pool: Vec<Message>,
    /// Sent when all jobs have ended.
    late: Vec<Message>,
    /// The reason that each forgery is to be quarantined with, and its body.
    forged: Vec<(&'static str, String)>,
    /// Jobs whose cancellation their partner has asked for.
    withdrawn: HashSet<JobId>,
    shown: HashMap<JobId, Shown>,
    histories: HashMap<JobId, Vec<HistoryEntry>>,
    cursor: String,
    /// The revisions that the changes have told.
    changes: HashMap<String, i32>,
}

impl<'a> Campaign<'a> {
    fn new(world: &'a World, seed: u64) -> Self {
        Self {
            world,
            random: Random(seed),
            jobs: Vec::new(),
            tasks: Vec::new(),
            pool: Vec::new(),
            late: Vec::new(),
            forged: Vec::new(),
            withdrawn: HashSet::new(),
            shown: HashMap::new(),
            histories: HashMap::new(),
            cursor: String::new(),
            changes: HashMap::new(),
        }
    }

    async fn run(mut self) {
        self.read_changes().await;
        for _ in 0..JOBS {
            let asked = SubmitJobRequest {
                job_type: "a.b".to_owned(),
                ..Default::default()
            };
            let reply = self.world.api.submit_job(ask(asked)).await.unwrap();
            let id = reply.into_inner().job.unwrap().job_id;
            self.jobs.push(id.parse().unwrap());
        }
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "this never ends");
            if self.pool.is_empty() || self.random.below(3) == 0 {
                self.hand_out().await;
            }
            if self.pool.is_empty() {
                break;
            }
            let batch = self.deal();
            self.round(batch).await;
        }
        for id in self.jobs.clone() {
            let job = self.world.job(id).await;
            assert!(job.state.is_terminal(), "all was told, and no end: {job:?}");
        }
        self.pool = std::mem::take(&mut self.late);
        while !self.pool.is_empty() {
            let batch = self.deal();
            self.round(batch).await;
        }
        self.check_changes().await;
        self.check_quarantine().await;
    }

    /// Claims what is due, as `dispatch` does, and makes up what its consumers will tell.
    async fn hand_out(&mut self) {
        let now = Timestamp::now();
        let count = 1 + self.random.below(4);
        let system = self.world.api.store.system();
        for claimed in system.claim(count, 90_000, now).await.unwrap() {
            let (job, dispatch) = (claimed.job.id, claimed.job.dispatch);
            let sent = (Sending { job, dispatch }, "m".to_owned());
            system.mark_sent(&[sent], now).await.unwrap();
            let task = Task {
                job,
                dispatch,
                token: self.world.api.seal.outcome_token(job, dispatch),
                attempts: 1 + i32::try_from(self.random.below(2)).unwrap(),
            };
            for attempt in 1..=task.attempts {
                self.tell(&task, attempt);
            }
            self.tasks.push(task);
        }
    }

    /// Adds what is told of one attempt, the last of which always tells its end in time.
    fn tell(&mut self, task: &Task, attempt: i32) {
        self.report(task, attempt, 0, json!({"event": "STARTED"}));
        for seq in 1..=i64::try_from(self.random.below(4)).unwrap() {
            let text = format!("{}/{}/{attempt}", task.job, task.dispatch);
            let progress = json!({"completed": seq, "total": 9, "message": text});
            self.report(
                task,
                attempt,
                seq,
                json!({"event": "PROGRESS", "progress": progress}),
            );
        }
        let is_last = attempt == task.attempts;
        if !is_last && self.random.below(2) == 0 {
            return;
        }
        let ends = match self.random.below(2) {
            0 => [End::FailedForNow].as_slice(),
            _ => &[End::Succeeded, End::Succeeded, End::Failed, End::Cancelled],
        };
        let end = self.random.pick(ends);
        let told = Told {
            job: task.job,
            dispatch: task.dispatch,
            attempt,
            end,
            text: format!("{}/{}/{attempt}", task.job, task.dispatch),
        };
        let body = with_token(task, attempt, said(end, &told.text));
        self.add(body, Some(&told), !is_last);
    }

    fn report(&mut self, task: &Task, attempt: i32, seq: i64, mut body: Value) {
        body["seq"] = json!(seq);
        self.add(with_token(task, attempt, body), None, true);
    }

    /// Adds a message and what may become of it on its way: it comes twice, it is told twice, it comes when all is over, it is imitated.
    fn add(&mut self, mut body: Value, end: Option<&Told>, may_be_late: bool) {
        let event_id = format!("e-{}", self.random.below(u64::MAX));
        if self.random.below(4) > 0 {
            body["eventId"] = json!(event_id);
        }
        let message = |body: &Value| Message {
            body: body.to_string(),
            end: end.cloned(),
        };
        if may_be_late && self.random.below(6) == 0 {
            self.late.push(message(&body));
        } else {
            self.pool.push(message(&body));
        }
        if self.random.below(3) == 0 {
            self.pool.push(message(&body));
        }
        if self.random.below(4) == 0 {
            self.late.push(message(&body));
        }
        if self.random.below(3) == 0 {
            let mut again = body.clone();
            again["eventId"] = json!(format!("{event_id}-again"));
            self.pool.push(message(&again));
        }
        if self.random.below(3) == 0 {
            self.forge(body, &event_id);
        }
    }

    /// Adds what looks like this message, says something else, and must change nothing.
    fn forge(&mut self, mut body: Value, event_id: &str) {
        let dispatch = body["dispatch"].as_i64().unwrap();
        let job: JobId = body["jobId"].as_str().unwrap().parse().unwrap();
        body["event"] = json!("SUCCEEDED");
        body["result"] = json!({"of": format!("forged {}", self.forged.len())});
        body["eventId"] = json!(event_id);
        let mut cut = None;
        let reason = match self.random.below(6) {
            0 => {
                let dispatch = i32::try_from(dispatch).unwrap();
                body["outcomeToken"] = json!(self.world.foreign.outcome_token(job, dispatch));
                "the outcome token is not authentic"
            }
            1 => {
                body["jobId"] = json!(JobId::new(1).to_string());
                "job or dispatch disagree with the outcome token"
            }
            2 => {
                body["dispatch"] = json!(dispatch + 1);
                "job or dispatch disagree with the outcome token"
            }
            3 => {
                body.as_object_mut().unwrap().remove("outcomeToken");
                "no outcome token"
            }
            4 => {
                body["event"] = json!("FORGED");
                "unknown event"
            }
            _ => {
                let whole = body.to_string();
                cut = Some(whole[..whole.len() - 1].to_owned());
                "not a JSON object"
            }
        };
        let body = cut.unwrap_or_else(|| body.to_string());
        self.forged.push((reason, body.clone()));
        self.pool.push(Message { body, end: None });
    }

    /// Takes the next messages, from anywhere; often just one, so that what comes first is known.
    fn deal(&mut self) -> Vec<Message> {
        let count = match self.random.below(2) {
            0 => 1,
            _ => 1 + self.random.below(BATCH_MAX),
        };
        let mut batch = Vec::new();
        while (batch.len() as u64) < count && !self.pool.is_empty() {
            let index = self.random.index(self.pool.len());
            batch.push(self.pool.swap_remove(index));
        }
        batch
    }

    /// Sends messages, calls the API while they are collected, and looks at what has become of all jobs.
    async fn round(&mut self, batch: Vec<Message>) {
        let mut before = Vec::new();
        for id in &self.jobs {
            before.push(self.world.job(*id).await);
        }
        self.world.send(&batch).await;
        for _ in 0..self.random.below(5) {
            self.call().await;
        }
        self.world.drained().await;
        for old in before {
            self.look(old.id).await;
            let new = self.world.job(old.id).await;
            let of_job = |end: &&Told| end.job == old.id && end.dispatch == old.dispatch;
            let ends: Vec<_> = batch
                .iter()
                .filter_map(|message| message.end.as_ref())
                .filter(of_job)
                .filter(|end| !is_outdated(end, &old))
                .collect();
            self.check(&old, &new, &ends).await;
            self.check_history(&new).await;
        }
    }

    async fn call(&mut self) {
        let id = self.random.pick(&self.jobs);
        let kind = self.random.below(16);
        let api = &self.world.api;
        if kind == 0 {
            let (job_id, reason) = (id.to_string(), "no longer wanted".to_owned());
            let asked = ask(CancelJobRequest { job_id, reason });
            // Refused where the job has ended otherwise.
            if api.cancel_job(asked).await.is_ok() {
                self.withdrawn.insert(id);
            }
        } else if kind <= 4 && !self.tasks.is_empty() {
            let index = self.random.index(self.tasks.len());
            let attempt = self.random.below(2);
            let task = &self.tasks[index];
            let outcome_token = task.token.clone();
            let attempt = task.attempts - i32::try_from(attempt).unwrap().min(task.attempts - 1);
            if kind <= 2 {
                let asked = BeginTaskRequest {
                    outcome_token,
                    attempt,
                };
                api.begin_task(Request::new(asked)).await.unwrap();
            } else {
                let progress = Progress {
                    message: format!("{}/{}/beat", task.job, task.dispatch),
                    ..Default::default()
                };
                let asked = HeartbeatRequest {
                    outcome_token,
                    attempt,
                    progress: Some(progress),
                };
                api.heartbeat(Request::new(asked)).await.unwrap();
            }
        } else if kind <= 6 {
            self.read_changes().await;
        } else {
            self.look(id).await;
        }
    }

    /// What a partner sees of a job, held against what was seen before.
    async fn look(&mut self, id: JobId) {
        let asked = GetJobRequest {
            job_id: id.to_string(),
            ..Default::default()
        };
        let reply = self.world.api.get_job(ask(asked)).await.unwrap();
        let new = reply.into_inner().job.unwrap();
        assert!(!format!("{new:?}").contains("forged"), "{new:?}");
        if let Some(progress) = &new.progress {
            let own = format!("{id}/{}/", new.dispatch);
            assert!(progress.message.starts_with(&own), "{new:?}");
        }
        if let Some(old) = self.shown.insert(id, new.clone()) {
            assert!(new.revision >= old.revision, "{old:?}\n{new:?}");
            assert!(!is_final(&old) || old == new, "{old:?}\n{new:?}");
            let is_same = still(&old) == still(&new);
            assert!(new.revision > old.revision || is_same, "{old:?}\n{new:?}");
        }
    }

    /// What a job has become must follow from these ends of its dispatch, of which nobody knows which came first.
    async fn check(&self, old: &Job, new: &Job, ends: &[&Told]) {
        let context = || format!("{old:?}\n{ends:?}\n{new:?}");
        if old.state.is_terminal() {
            assert_eq!(old, new);
            return;
        }
        let is_told = |kind: End| ends.iter().any(|told| told.end == kind);
        if new.dispatch != old.dispatch {
            assert_eq!(new.dispatch, old.dispatch + 1, "{}", context());
            assert!(
                new.dispatch <= DISPATCHES && is_told(End::FailedForNow),
                "{}",
                context()
            );
            assert!(
                matches!(new.state, State::Queued | State::Cancelled),
                "{}",
                context()
            );
            return;
        }
        let is_withdrawn = self.withdrawn.contains(&old.id);
        let is_true = match new.state {
            State::Queued | State::Running => ends.iter().all(|told| is_outdated(told, new)),
            State::Succeeded => {
                let partner = self.world.api.store.partner();
                let result = partner.result(&acme(), new).await.unwrap().unwrap();
                let result: Value = serde_json::from_str(&result).unwrap();
                let is_it = |told: &&Told| told.end == End::Succeeded && result == json!({"of": told.text});
                ends.iter().any(is_it)
            }
            State::Failed => {
                let text = &new.failure.as_ref().unwrap().message;
                let is_last = new.dispatch == DISPATCHES || new.cancel_requested;
                ends.iter().any(|told| {
                    told.text == *text
                        && (told.end == End::Failed || told.end == End::FailedForNow && is_last)
                })
            }
            State::Cancelled => is_told(End::Cancelled) || is_withdrawn,
            // Nobody looks at deadlines.
            State::Expired => false,
        };
        assert!(is_true, "{}", context());
    }

    async fn check_history(&mut self, job: &Job) {
        let partner = self.world.api.store.partner();
        let history = partner.history(&acme(), job.id, 0, 1_000).await.unwrap();
        let context = || format!("{job:?}\n{history:?}");
        let numbers = history.iter().map(|entry| entry.number);
        assert!(numbers.eq((1..).take(history.len())), "{}", context());
        let rises = history.is_sorted_by_key(|entry| (entry.dispatch, entry.revision));
        assert!(rises && !context().contains("forged"), "{}", context());
        let count = |kind: &str| history.iter().filter(|entry| entry.kind == kind).count();
        assert_eq!(i32::try_from(count("retry_scheduled")).unwrap(), job.dispatch - 1);
        let ends = ["succeeded", "failed", "cancelled"]
            .map(count)
            .iter()
            .sum::<usize>();
        assert_eq!(ends, usize::from(job.state.is_terminal()), "{}", context());
        let last = history.last().unwrap();
        assert_eq!(
            (last.state, last.dispatch),
            (job.state, job.dispatch),
            "{}",
            context()
        );
        if let Some(old) = self.histories.insert(job.id, history.clone()) {
            assert!(history.starts_with(&old), "{}", context());
        }
    }

    /// A job is told again only when it has changed again.
    async fn read_changes(&mut self) {
        let asked = ListJobChangesRequest {
            cursor: self.cursor.clone(),
            ..Default::default()
        };
        let reply = self.world.api.list_job_changes(ask(asked)).await.unwrap();
        let reply = reply.into_inner();
        self.cursor = reply.next_cursor;
        for job in reply.jobs {
            let told = self.changes.insert(job.job_id.clone(), job.revision);
            assert!(told.is_none_or(|told| told < job.revision), "{job:?}");
        }
    }

    /// Whoever reads on is told of everything.
    async fn check_changes(&mut self) {
        let deadline = Instant::now() + SOON;
        for id in self.jobs.clone() {
            let revision = self.world.job(id).await.revision;
            while self.changes.get(&id.to_string()) != Some(&revision) {
                assert!(Instant::now() < deadline, "{id} is not told: {:?}", self.changes);
                self.read_changes().await;
            }
        }
    }

    async fn check_quarantine(&mut self) {
        let mut found = self.world.take_quarantined().await;
        for (reason, body) in &self.forged {
            let index = found
                .iter()
                .position(|(told, kept)| told.starts_with(reason) && kept == body);
            found.swap_remove(index.unwrap_or_else(|| panic!("{reason}: not quarantined: {body}")));
        }
        assert!(found.is_empty(), "what is true is quarantined: {found:?}");
    }
}

/// Whether this is a failure of an attempt before the one that is known to run, which decides nothing.
fn is_outdated(told: &Told, job: &Job) -> bool {
    matches!(told.end, End::Failed | End::FailedForNow) && Some(told.attempt) < job.attempt
}

fn is_final(job: &Shown) -> bool {
    match job.state() {
        JobState::Unspecified | JobState::Queued | JobState::Running => false,
        JobState::Succeeded | JobState::Failed | JobState::Cancelled | JobState::Expired => true,
    }
}

/// All but the deadline, which moves without a revision.
fn still(job: &Shown) -> Shown {
    Shown {
        deadline: None,
        ..job.clone()
    }
}

fn with_token(task: &Task, attempt: i32, mut body: Value) -> Value {
    body["outcomeToken"] = json!(task.token);
    body["jobId"] = json!(task.job.to_string());
    body["dispatch"] = json!(task.dispatch);
    body["attempt"] = json!(attempt);
    body
}

fn said(end: End, text: &str) -> Value {
    let error = json!({"code": "UNAVAILABLE", "reason": "AWAY", "message": text});
    match end {
        End::Succeeded => json!({"event": "SUCCEEDED", "result": {"of": text}}),
        End::Failed => json!({"event": "FAILED", "error": error}),
        End::FailedForNow => {
            json!({"event": "FAILED", "error": error, "retryable": true, "retryDelaySeconds": 0})
        }
        End::Cancelled => json!({"event": "CANCELLED"}),
    }
}

/// A request as the door lets it through.
fn ask<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: acme(),
        client_id: "acme".to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_hours(1),
    });
    request
}

fn acme() -> PartnerId {
    PartnerId::new("acme")
}

fn new_seal() -> Seal {
    Seal::parse(&Seal::generate().unwrap()).unwrap()
}

async fn endpoint(folder: &tempfile::TempDir, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> String {
    let config = postern_localsqs::Config::new(folder.path());
    let endpoint = Endpoint::open(config).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = stop.clone();
    tasks.spawn(async move { endpoint.serve(listener, stop).await.unwrap() });
    url
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("any", "any", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }
}
