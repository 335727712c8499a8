//! A store and the operators' service over it; tests are partner, consumer, loop and clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use postern_proto::google::rpc::{BadRequest, ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1 as pb;
use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_server::api::{Admin, Api};
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{
    DeadLetterPolicy, Event, Job, JobId, Operator, Outcome, PartnerId, RetryPolicy, Timeouts, Timestamp,
};
use postern_server::queue::Census;
use postern_server::seal::Seal;
use postern_server::store::operator::Inspected;
use postern_server::store::system::{DeadTask, Letter, Report, Sending};
use postern_server::store::{
    Config, HistoryEntry, Store, Submission, SubmitError, Submitted, Trace, UniqueKey,
};
use postern_server::vitals::Vitals;
use prost::{Message as _, Name};
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use sea_orm::{ConnectionTrait as _, Database, Statement};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status};

/// Runs each of these on a new database of each kind: there is one contract.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use crate::world::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_sqlite().await).await; })*
        }
        mod postgres {
            use crate::world::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_postgres().await).await; })*
        }
    };
}
pub(crate) use on_both;

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\n\
    unique: [{name: reference, pointers: [/reference]}]\n";
pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    queue_millis: 10_000,
    execution_millis: 1_000,
    retention_millis: 1_000_000,
};

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) api: Api,
    pub(crate) admin: Admin,
    url: String,
    submitted: AtomicU32,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        Self::new(url, Some(folder)).await
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::new(postern_pgtest::database().unwrap(), None).await
    }

    async fn new(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = Store::open(&Config::new(&url)).await.unwrap();
        store.migrate().await.unwrap();
        let files = vec![("a.b.yaml".to_owned(), JOB_TYPE.into())];
        let api = Api {
            store: store.clone(),
            hub: Hub::default(),
            catalog: Arc::new(Catalog::load(&Source::Files(files)).unwrap()),
            seal: Seal::parse(&Seal::generate().unwrap()).unwrap(),
            payload_bytes_max: 10_000.into(),
            vitals: Vitals::new(store.clone(), Census::default(), Arc::default(), Hub::default()),
            shutdown: CancellationToken::new(),
        };
        Self {
            store,
            admin: Admin::new(api.clone()),
            api,
            url,
            submitted: AtomicU32::new(0),
            _folder: folder,
        }
    }

    /// A new job of `acme`, later than all before it.
    pub(crate) async fn submit(&self) -> JobId {
        self.submit_as("acme", "a.b").await
    }

    pub(crate) async fn submit_as(&self, partner: &str, job_type: &str) -> JobId {
        let submission = self.submission(partner, job_type);
        self.store.partner().submit(&submission).await.unwrap();
        submission.job.id
    }

    /// One that holds a unique value.
    pub(crate) async fn submit_unique(&self, value: &str) -> Result<Submitted, SubmitError> {
        let key = UniqueKey {
            name: value.to_owned(),
            digest: [1; 32],
        };
        let submission = Submission {
            unique: vec![key],
            ..self.submission("acme", "a.b")
        };
        self.store.partner().submit(&submission).await
    }

    fn submission(&self, partner: &str, job_type: &str) -> Submission {
        let number = self.submitted.fetch_add(1, Ordering::Relaxed) + 1;
        let now = at(i64::from(number));
        let id = JobId::new(u64::from(number));
        let mut job = Job::new(id, PartnerId::new(partner), TIMEOUTS, now);
        job.job_type = job_type.to_owned();
        Submission {
            job,
            payload: format!(r#"{{"reference":"r-{number}"}}"#),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace {
                traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
                tracestate: String::new(),
            },
        }
    }

    /// A job's history as its partner reads it: what happened, in which words.
    pub(crate) async fn told(&self, job: JobId) -> Vec<[String; 2]> {
        let request = pb::ListJobEventsRequest {
            job_id: job.to_string(),
            ..Default::default()
        };
        let reply = self
            .api
            .list_job_events(called_by("acme", request))
            .await
            .unwrap();
        let events = reply.into_inner().events.into_iter();
        events.map(|event| [event.r#type, event.message]).collect()
    }

    /// Its partner asks for the same as another job.
    pub(crate) async fn resubmit(&self, job: JobId) {
        let original = self.store.operator().original(job).await.unwrap().unwrap();
        let payload: serde_json::Value = serde_json::from_str(&original.payload).unwrap();
        let reference = Value {
            kind: Some(Kind::StringValue(
                payload["reference"].as_str().unwrap().to_owned(),
            )),
        };
        let request = pb::SubmitJobRequest {
            job_type: original.job.job_type,
            payload: Some(Struct {
                fields: [("reference".to_owned(), reference)].into(),
            }),
            ..Default::default()
        };
        self.api.submit_job(called_by("acme", request)).await.unwrap();
    }

    /// The tasks that are due are claimed.
    pub(crate) async fn claim(&self, now: i64) -> Vec<Sending> {
        let claimed = self.store.system().claim(100, 90_000, at(now)).await.unwrap();
        let sending = |job: &Job| Sending {
            job: job.id,
            dispatch: job.dispatch,
        };
        claimed.iter().map(|task| sending(&task.job)).collect()
    }

    /// The tasks that are due go to the queue, each as the message of its job's name.
    pub(crate) async fn send(&self, now: i64) {
        let sent: Vec<_> = self.claim(now).await;
        let sent: Vec<_> = sent.iter().map(|one| (*one, format!("m-{}", one.job))).collect();
        self.store.system().mark_sent(&sent, at(now)).await.unwrap();
    }

    /// A consumer tells of the first dispatch.
    pub(crate) async fn tell(&self, job: JobId, event: Event, now: i64) {
        let outcome = Outcome {
            dispatch: 1,
            event_id: format!("{event:?} {now}"),
            attempt: None,
            seq: None,
            event,
        };
        let letter = Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        };
        let report = Report { job, outcome, letter };
        let policy = |_: &Job| RetryPolicy {
            dispatches: 3,
            backoff_millis: 5_000,
        };
        let applied = self.store.system().apply(&[report], &policy, at(now)).await;
        applied.unwrap();
    }

    pub(crate) async fn succeed(&self, job: JobId, now: i64) {
        let result = serde_json::json!({"done": 1}).as_object().cloned();
        self.tell(
            job,
            Event::Succeeded {
                result,
                outputs: None,
            },
            now,
        )
        .await;
    }

    /// Its task is found among the dead letters.
    pub(crate) async fn bury(&self, job: JobId, policy: DeadLetterPolicy, now: i64) {
        let task = DeadTask {
            job,
            dispatch: 1,
            message_id: format!("dead {job} {now}"),
        };
        self.store
            .system()
            .bury(&task, &|_: &Job| policy, at(now))
            .await
            .unwrap();
    }

    pub(crate) async fn get(&self, job: JobId) -> Inspected {
        self.store.operator().get(job).await.unwrap().unwrap()
    }

    pub(crate) async fn history(&self, job: JobId) -> Vec<HistoryEntry> {
        self.store.operator().history(job, 0, 1000).await.unwrap()
    }

    /// (kind, who did it) of each entry of a job's history.
    pub(crate) async fn deeds(&self, job: JobId) -> Vec<(String, Option<Operator>)> {
        let entries = self.history(job).await;
        entries
            .into_iter()
            .map(|entry| (entry.kind, entry.operator))
            .collect()
    }

    /// (operator, kind, reason) of every action.
    pub(crate) async fn actions(&self) -> Vec<[String; 3]> {
        let database = Database::connect(&self.url).await.unwrap();
        let sql = "SELECT operator, kind, reason FROM operator_actions ORDER BY id";
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let rows = database.query_all_raw(statement).await.unwrap();
        let text = |row: &sea_orm::QueryResult, name| row.try_get::<String>("", name).unwrap();
        rows.iter()
            .map(|row| ["operator", "kind", "reason"].map(|name| text(row, name)))
            .collect()
    }
}

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn jane() -> Operator {
    Operator::new("jane")
}

/// A request of an operator as the door lets it through.
pub(crate) fn by_jane<T>(message: T) -> Request<T> {
    called_by("jane", message)
}

pub(crate) fn called_by<T>(client: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: PartnerId::new(client),
        client_id: client.to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_hours(1),
    });
    request
}

pub(crate) fn reason(status: &Status) -> String {
    detail::<ErrorInfo>(status).reason
}

/// (field, reason) of every violation.
pub(crate) fn violations(status: &Status) -> Vec<(String, String)> {
    detail::<BadRequest>(status)
        .field_violations
        .into_iter()
        .map(|violation| (violation.field, violation.reason))
        .collect()
}

fn detail<M: Name + Default>(status: &Status) -> M {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let found = details.iter().find(|any| any.type_url.ends_with(&M::full_name()));
    found
        .map(|any| M::decode(any.value.as_slice()).unwrap())
        .unwrap_or_default()
}
