//! Stores on a database of a test's own, as many as there are replicas, and what they do all day.

use postern_server::job::{
    Cancellation, Event, Job, JobId, Outcome, PartnerId, RetryPolicy, Timeouts, Timestamp,
};
use postern_server::store::system::{Letter, Report, Sending, Verdict};
use postern_server::store::{Config, Store, Submission, Submitted, Trace};

pub(crate) const LEASE: i64 = 90_000;
const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 3,
    backoff_millis: 5_000,
};

/// One server's view of the database.
#[derive(Clone)]
pub(crate) struct Replica {
    pub(crate) store: Store,
}

/// So many on a new database that has its schema.
pub(crate) async fn replicas<const COUNT: usize>() -> [Replica; COUNT] {
    let url = postern_pgtest::database().unwrap();
    let mut replicas = Vec::new();
    for _ in 0..COUNT {
        replicas.push(Replica::open(&url).await);
    }
    replicas[0].store.migrate().await.unwrap();
    replicas.try_into().ok().unwrap()
}

impl Replica {
    pub(crate) async fn open(url: &str) -> Self {
        Self {
            store: Store::open(&Config::new(url)).await.unwrap(),
        }
    }

    pub(crate) async fn submit(&self) -> JobId {
        let timeouts = Timeouts {
            queue_millis: 1000,
            execution_millis: 1000,
            retention_millis: 1000,
        };
        let now = Timestamp::now();
        let id = JobId::new(u64::try_from(now.millis()).unwrap());
        let submission = Submission {
            job: Job::new(id, acme(), timeouts, now),
            payload: "{}".to_owned(),
            digest: [1; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        match self.store.partner().submit(&submission).await.unwrap() {
            Submitted::New(job) => job.id,
            Submitted::Known(job) => panic!("{} was known", job.id),
        }
    }

    pub(crate) async fn claim(&self, count: u64, now: Timestamp) -> Vec<JobId> {
        let claimed = self.store.system().claim(count, LEASE, now).await.unwrap();
        claimed.into_iter().map(|task| task.job.id).collect()
    }

    pub(crate) async fn mark_sent(&self, job: JobId) {
        let sent = [(first(job), "m".to_owned())];
        self.store
            .system()
            .mark_sent(&sent, Timestamp::now())
            .await
            .unwrap();
    }

    pub(crate) async fn release(&self, job: JobId, due: Timestamp) {
        self.store.system().release(&[first(job)], due).await.unwrap();
    }

    pub(crate) async fn cancel(&self, job: JobId) -> Cancellation {
        let cancelled = self
            .store
            .partner()
            .cancel(&acme(), job, "", Timestamp::now())
            .await;
        cancelled.unwrap().unwrap().1
    }

    pub(crate) async fn apply(&self, job: JobId, event: Event) {
        let report = Report {
            job,
            outcome: Outcome {
                dispatch: 1,
                event_id: format!("{event:?}"),
                attempt: None,
                seq: None,
                event,
            },
            letter: Letter {
                message_id: "m".to_owned(),
                body: "{}".to_owned(),
            },
        };
        let verdicts = self
            .store
            .system()
            .apply(&[report], &|_| POLICY, Timestamp::now())
            .await;
        assert_eq!(verdicts.unwrap(), [Verdict::Settled]);
    }

    pub(crate) async fn job(&self, job: JobId) -> Job {
        self.store.partner().get(&acme(), job).await.unwrap().unwrap()
    }
}

pub(crate) fn acme() -> PartnerId {
    PartnerId::new("acme")
}

pub(crate) fn succeeded() -> Event {
    Event::Succeeded {
        result: None,
        outputs: None,
    }
}

fn first(job: JobId) -> Sending {
    Sending { job, dispatch: 1 }
}
