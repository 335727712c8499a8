//! An hour without SQS, with the clock passed in: what the store is asked meanwhile, and what is left to send afterwards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use postern_server::job::{Job, JobId, PartnerId, Timeouts, Timestamp};
use postern_server::store::system::{Overdue, Sending};
use postern_server::store::{Config, Store, Submission, Submitted, Trace};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
/// The longest that `dispatch` waits after it failed.
const PAUSE: i64 = 15 * SECOND;
const LEASE: i64 = 30 * SECOND;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

async fn submit(store: &Store, now: Timestamp) -> JobId {
    let timeouts = Timeouts {
        // The defaults of a job type.
        queue_millis: 7 * 24 * HOUR,
        execution_millis: HOUR,
        retention_millis: 30 * 24 * HOUR,
    };
    let id = JobId::new(u64::try_from(now.millis()).unwrap());
    let submission = Submission {
        job: Job::new(id, PartnerId::new("acme"), timeouts, now),
        payload: "{}".to_owned(),
        digest: [0; 32],
        unique: Vec::new(),
        trace: Trace::default(),
    };
    match store.partner().submit(&submission).await.unwrap() {
        Submitted::New(job) => job.id,
        Submitted::Known(job) => panic!("{} was known", job.id),
    }
}

/// A dispatcher's round: none of what it claims can be sent, and all of it is given back.
async fn fail_to_send(store: &Store, now: Timestamp) -> usize {
    let claimed = store.system().claim(50, LEASE, now).await.unwrap();
    let sendings: Vec<_> = claimed
        .iter()
        .map(|task| Sending {
            job: task.job.id,
            dispatch: task.job.dispatch,
        })
        .collect();
    store
        .system()
        .release(&sendings, now.plus_millis(PAUSE))
        .await
        .unwrap();
    sendings.len()
}

/// Submits once a minute for an hour in which nothing can be sent, then lets everything through.
async fn an_hour_without_sqs(url: String) {
    let store = Store::open(&Config::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    let (mut acknowledged, mut attempts) = (BTreeSet::new(), 0);
    for second in (0..3_600).step_by(15) {
        let now = at(second * SECOND);
        if second % 60 == 0 {
            acknowledged.insert(submit(&store, now).await);
        }
        attempts += fail_to_send(&store, now).await;
        let overdue = Overdue {
            deadline: now,
            created: None,
        };
        assert_eq!(store.system().expire(overdue, 100, now).await.unwrap(), 0);
    }
    assert_eq!(acknowledged.len(), 60);
    assert!(attempts > 1_000, "{attempts}: it went on trying");

    let after = at(HOUR);
    let mut sent = BTreeSet::new();
    loop {
        let claimed = store.system().claim(50, LEASE, after).await.unwrap();
        if claimed.is_empty() {
            break;
        }
        let mut marks = Vec::new();
        for task in claimed {
            assert!(task.job.deadline > after, "it expired");
            assert!(sent.insert(task.job.id), "sent twice");
            let dispatch = task.job.dispatch;
            assert_eq!(dispatch, 1);
            marks.push((
                Sending {
                    job: task.job.id,
                    dispatch,
                },
                "m".to_owned(),
            ));
        }
        store.system().mark_sent(&marks, after).await.unwrap();
    }
    assert_eq!(sent, acknowledged);
    assert_eq!(store.system().next_due().await.unwrap(), None);
}

#[tokio::test]
async fn an_hour_without_sqs_loses_and_doubles_nothing_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    an_hour_without_sqs(format!("sqlite:{}", folder.path().join("test.sqlite").display())).await;
}

#[tokio::test]
async fn an_hour_without_sqs_loses_and_doubles_nothing_on_postgres() {
    an_hour_without_sqs(postern_pgtest::database().unwrap()).await;
}
