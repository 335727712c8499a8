//! What partners do about a job that did not go as they wished, as a client's messages reach the services: they read its history,
//! and retry it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use postern_proto::google::rpc::{ErrorInfo, Status as RpcStatus};
use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{
    GetJobRequest, Job, JobState, ListJobEventsRequest, ListJobEventsResponse, RetryJobRequest,
    SubmitJobRequest,
};
use postern_server::api::Api;
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::hub::Hub;
use postern_server::job::{Code as FailureCode, Event, Failure, Outcome, PartnerId, RetryPolicy, Timestamp};
use postern_server::queue::Census;
use postern_server::seal::Seal;
use postern_server::store::system::{Letter, Report, Sending};
use postern_server::store::{Config, Store};
use postern_server::vitals::Vitals;
use prost::{Message as _, Name as _};
use prost_types::value::Kind;
use prost_types::{Duration as ProtoDuration, Struct, Value};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\n";

struct World {
    api: Api,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&Config::new(url)).await.unwrap();
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
        Self { api, _folder: folder }
    }

    /// As after a restart with another catalog.
    fn change_catalog(&mut self, files: &[(&str, &str)]) {
        let files = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        let catalog = Catalog::load(&Source::Files(files.collect())).unwrap();
        self.api.catalog = Arc::new(catalog);
    }

    async fn retry(&self, partner: &str, job: &Job) -> Result<Job, Status> {
        let request = RetryJobRequest {
            job_id: job.job_id.clone(),
        };
        let reply = self.api.retry_job(ask(partner, request)).await?;
        let location = format!("/v1/jobs/{}", reply.get_ref().job.as_ref().unwrap().job_id);
        let said = |name| reply.metadata().get(name).unwrap().to_str().unwrap();
        assert_eq!(
            (said("http-status"), said("location")),
            ("202", location.as_str())
        );
        Ok(reply.into_inner().job.unwrap())
    }

    async fn get(&self, job: &Job) -> Job {
        let request = GetJobRequest {
            job_id: job.job_id.clone(),
            ..Default::default()
        };
        let reply = self.api.get_job(ask("acme", request)).await.unwrap();
        reply.into_inner().job.unwrap()
    }

    async fn submit(&self) -> Job {
        self.submit_as(submission()).await
    }

    async fn submit_as(&self, message: SubmitJobRequest) -> Job {
        let reply = self.api.submit_job(ask("acme", message)).await.unwrap();
        reply.into_inner().job.unwrap()
    }

    /// Its task is sent, and its consumer tells this.
    async fn work(&self, job: &Job, event: Event) {
        let (id, now, system) = (
            job.job_id.parse().unwrap(),
            Timestamp::now(),
            self.api.store.system(),
        );
        system.claim(10, 90_000, now).await.unwrap();
        let sending = Sending { job: id, dispatch: 1 };
        let sent = [(sending, "message-1".to_owned())];
        system.mark_sent(&sent, now).await.unwrap();
        let outcome = Outcome {
            dispatch: 1,
            event_id: "1".to_owned(),
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
        system.apply(&[report], &|_| POLICY, now).await.unwrap();
    }

    async fn events(
        &self,
        partner: &str,
        request: ListJobEventsRequest,
    ) -> Result<ListJobEventsResponse, Status> {
        let reply = self.api.list_job_events(ask(partner, request)).await?;
        Ok(reply.into_inner())
    }
}

const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 1,
    backoff_millis: 0,
};

fn submission() -> SubmitJobRequest {
    SubmitJobRequest {
        job_type: "a.b".to_owned(),
        ..Default::default()
    }
}

/// A request as the door lets it through.
fn ask<T>(partner: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: PartnerId::new(partner),
        client_id: partner.to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_hours(1),
    });
    request
}

fn failed() -> Event {
    let failure = Failure {
        code: FailureCode::NotFound,
        reason: "GONE".to_owned(),
        message: "gone".to_owned(),
        violations: Vec::new(),
    };
    Event::Failed {
        failure,
        retryable: false,
        retry_delay_millis: None,
    }
}

fn reason(status: &Status) -> String {
    let details = RpcStatus::decode(status.details()).unwrap().details;
    let info = details
        .iter()
        .find(|any| any.type_url.ends_with(&ErrorInfo::full_name()));
    ErrorInfo::decode(info.unwrap().value.as_slice()).unwrap().reason
}

fn events_of(job: &Job) -> ListJobEventsRequest {
    ListJobEventsRequest {
        job_id: job.job_id.clone(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_history_is_told_oldest_first_without_what_is_the_operators() {
    let world = World::new().await;
    let job = world.submit().await;
    world.work(&job, failed()).await;
    let history = world.events("acme", events_of(&job)).await.unwrap();
    assert_eq!(history.next_page_token, "");
    let told: Vec<_> = history
        .events
        .iter()
        .map(|event| (event.r#type.as_str(), event.state(), event.revision))
        .collect();
    assert_eq!(
        told,
        [
            ("submitted", JobState::Queued, 1),
            ("sent", JobState::Queued, 1),
            ("failed", JobState::Failed, 2),
        ]
    );
    for event in &history.events {
        assert!(event.time.is_some() && event.dispatch == 1);
        assert!(
            !event.message.is_empty() && !event.message.contains("message-1"),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn a_history_comes_in_pages_whose_tokens_are_of_one_job_and_partner() {
    let world = World::new().await;
    let (job, other) = (world.submit().await, world.submit().await);
    world.work(&job, failed()).await;
    let (mut kinds, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListJobEventsRequest {
            page_size: 1,
            page_token: token.clone(),
            ..events_of(&job)
        };
        let page = world.events("acme", request).await.unwrap();
        kinds.extend(page.events.into_iter().map(|event| event.r#type));
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    assert_eq!(kinds, ["submitted", "sent", "failed"]);
    for (job, page_token) in [(&other, token), (&job, "nonsense".to_owned())] {
        let request = ListJobEventsRequest {
            page_token,
            ..events_of(job)
        };
        let status = world.events("acme", request).await.unwrap_err();
        assert_eq!(reason(&status), "PAGE_TOKEN_INVALID");
    }
    let request = ListJobEventsRequest {
        page_size: -1,
        ..events_of(&job)
    };
    let status = world.events("acme", request).await.unwrap_err();
    assert_eq!(reason(&status), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_history_of_no_job_of_the_partner_is_not_found() {
    let world = World::new().await;
    let job = world.submit().await;
    for (partner, job_id) in [
        ("globex", job.job_id.as_str()),
        ("acme", "job_00000000000000000000000000"),
        ("acme", "nonsense"),
        ("acme", ""),
    ] {
        let request = ListJobEventsRequest {
            job_id: job_id.to_owned(),
            ..Default::default()
        };
        let status = world.events(partner, request).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::NotFound, "JOB_NOT_FOUND")
        );
    }
}

/// What a partner may ask for beside the type.
fn elaborate() -> SubmitJobRequest {
    // One that a reader in a hurry takes for its neighbour.
    let number = Value {
        kind: Some(Kind::NumberValue(0.945_270_695_553_922_3)),
    };
    let hours = |hours: i64| {
        Some(ProtoDuration {
            seconds: hours * 3600,
            nanos: 0,
        })
    };
    SubmitJobRequest {
        payload: Some(Struct {
            fields: [("a".to_owned(), number)].into(),
        }),
        request_id: "order-1".to_owned(),
        labels: [("team".to_owned(), "crm".to_owned())].into(),
        queue_timeout: hours(5),
        execution_timeout: hours(1),
        ..submission()
    }
}

#[tokio::test]
async fn a_job_that_failed_is_asked_for_again_as_it_was() {
    let world = World::new().await;
    let job = world.submit_as(elaborate()).await;
    world.work(&job, failed()).await;
    let old = world.get(&job).await;
    let new = world.retry("acme", &job).await.unwrap();
    assert_ne!(new.job_id, job.job_id);
    assert_eq!(
        (new.state(), new.revision, new.dispatch, new.request_id.as_str()),
        (JobState::Queued, 1, 1, "")
    );
    assert_eq!((&new.labels, &new.job_type), (&job.labels, &job.job_type));
    assert_eq!(
        (&new.retried_from, &new.retried_by),
        (&job.job_id, &String::new())
    );
    let waits = |job: &Job| {
        let (deadline, created) = (job.deadline.unwrap(), job.create_time.unwrap());
        (deadline.seconds - created.seconds, deadline.nanos - created.nanos)
    };
    assert_eq!(waits(&new), waits(&job));
    let system = world.api.store.system();
    let claimed = system.claim(10, 90_000, Timestamp::now()).await.unwrap();
    assert_eq!(
        (claimed.len(), claimed[0].payload.as_str()),
        (1, "{\"a\":0.9452706955539223}")
    );
    assert_eq!(claimed[0].job.timeouts.execution_millis, 3_600_000);

    let retried = world.get(&job).await;
    assert_eq!(
        (retried.revision, &retried.retried_by),
        (old.revision + 1, &new.job_id)
    );
    assert_eq!((retried.state(), &retried.error), (JobState::Failed, &old.error));
    assert_eq!(world.retry("acme", &job).await.unwrap(), new);
    // The key is still the first job's.
    assert_eq!(world.submit_as(elaborate()).await.job_id, job.job_id);
}

#[tokio::test]
async fn what_is_not_there_or_has_not_failed_is_not_retried() {
    let world = World::new().await;
    let job = world.submit().await;
    let unknown = Job {
        job_id: "job_00000000000000000000000000".to_owned(),
        ..Default::default()
    };
    for (partner, job, code, expected) in [
        ("acme", &unknown, Code::NotFound, "JOB_NOT_FOUND"),
        ("acme", &Job::default(), Code::NotFound, "JOB_NOT_FOUND"),
        ("globex", &job, Code::NotFound, "JOB_NOT_FOUND"),
        ("acme", &job, Code::FailedPrecondition, "JOB_NOT_TERMINAL"),
    ] {
        let status = world.retry(partner, job).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, expected));
    }
    let succeeded = Event::Succeeded {
        result: None,
        outputs: None,
    };
    world.work(&job, succeeded).await;
    let status = world.retry("acme", &job).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::FailedPrecondition, "JOB_SUCCEEDED")
    );
}

#[tokio::test]
async fn a_retry_is_checked_by_the_catalog_of_today() {
    let mut world = World::new().await;
    let job = world.submit_as(elaborate()).await;
    world.work(&job, failed()).await;
    for (catalog, expected) in [
        (JOB_TYPE.replace("a.b", "c.d"), "JOB_TYPE_UNKNOWN"),
        (
            JOB_TYPE.replace("{type: object}", "{type: object, required: [b]}"),
            "PAYLOAD_INVALID",
        ),
    ] {
        world.change_catalog(&[("t.yaml", &catalog)]);
        let status = world.retry("acme", &job).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::InvalidArgument, expected)
        );
    }
    world.api.payload_bytes_max = 10.into();
    world.change_catalog(&[("t.yaml", JOB_TYPE)]);
    let status = world.retry("acme", &job).await.unwrap_err();
    assert_eq!(reason(&status), "PAYLOAD_TOO_LARGE");
    world.api.payload_bytes_max = 10_000.into();

    let newer = JOB_TYPE.replace("\"1\"", "\"2\"") + "queue_timeout: 1h\nexecution_timeout: 2h\n";
    world.change_catalog(&[("t.yaml", &newer)]);
    let new = world.retry("acme", &job).await.unwrap();
    assert_eq!(new.job_type_version, "2");
    let system = world.api.store.system();
    let claimed = system.claim(1, 90_000, Timestamp::now()).await.unwrap();
    let clocks = claimed[0].job.timeouts;
    assert_eq!(
        (clocks.queue_millis, clocks.execution_millis),
        (3_600_000, 3_600_000),
        "shorter where the job type is, and no longer than it was asked for"
    );
    // What was made is found, whatever the catalog says.
    world.change_catalog(&[("t.yaml", &JOB_TYPE.replace("a.b", "c.d"))]);
    assert_eq!(world.retry("acme", &job).await.unwrap(), new);
}
