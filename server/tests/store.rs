//! The store against real databases, SQLite and PostgreSQL: idempotency, unique keys, the outbox, outcomes, cancellation, isolation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use postern_server::job::{
    Cancellation, Code, DeadLetter, DeadLetterPolicy, Event, Execution, Failure, Job, JobId, NotRetried,
    Operator, Outcome, PartnerId, RetryPolicy, State, Timeouts, Timestamp,
};
use postern_server::store::operator::Redriven;
use postern_server::store::system::{DeadTask, Letter, Report, Sending, Verdict};
use postern_server::store::{
    Change, Config, Error, Filter, Retried, Store, Submission, SubmitError, Submitted, Trace, UniqueKey,
};

const POLICY: RetryPolicy = RetryPolicy {
    dispatches: 3,
    backoff_millis: 5_000,
};
const LEASE: i64 = 90_000;

/// Runs each of these on a new database of each kind: there is one contract. One that is left out is dead code, which the lints refuse.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            use super::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_sqlite().await).await; })*
        }
        mod postgres {
            use super::World;
            $(#[tokio::test] async fn $name() { super::$name(World::on_postgres().await).await; })*
        }
    };
}

on_both! {
    two_claimants_at_once_never_have_the_same_task,
    batches_that_meet_in_opposite_order_both_go_through,
    what_is_submitted_can_be_read_whole,
    a_partner_reads_its_own_jobs_only,
    one_key_a_hundred_times_at_once_is_one_job,
    a_key_with_another_request_is_refused,
    a_unique_value_is_held_until_the_job_fails,
    a_refused_submission_leaves_nothing_behind,
    a_claimed_task_is_nobody_elses_until_its_lease_ends,
    large_tasks_are_claimed_a_few_at_a_time_and_all_in_the_end,
    a_sent_task_is_never_claimed_again,
    an_outcome_before_the_mark_settles_the_sending,
    a_retried_dispatch_is_due_after_its_backoff_and_the_mark_of_the_old_one_does_not_touch_it,
    the_same_event_twice_is_one_event,
    the_first_of_two_ends_wins,
    an_outcome_of_a_job_that_is_not_there_is_told_so,
    changes_are_told_after_the_commit,
    lists_are_newest_first_and_go_on_after_a_job,
    every_filter_that_is_set_must_hold,
    a_clock_that_was_set_back_delays_no_task,
    a_job_cancelled_before_its_claim_is_never_sent_and_lets_go_of_its_values,
    a_job_cancelled_after_its_claim_is_asked_to_stop_and_still_reaches_its_consumer,
    a_claim_once_taken_counts_as_sent_for_ever,
    a_job_that_waits_for_its_next_dispatch_is_cancelled_at_once,
    a_claim_and_a_cancellation_at_once_never_both_win,
    a_partner_cancels_its_own_jobs_only,
    a_cancellation_and_a_success_at_once_leave_one_end,
    a_claim_that_expired_while_its_task_was_sent_leaves_two_tasks_and_one_dispatch,
    a_history_that_is_told_the_same_for_ever_has_an_end,
    what_an_operator_did_is_said_however_long_a_history_is,
    a_job_is_retried_once_however_often_at_once,
    a_refused_retry_changes_nothing,
    a_retry_changes_both_jobs,
    a_job_whose_successor_is_gone_can_be_retried_again,
    what_has_not_failed_and_what_is_anothers_is_not_retried,
    a_dead_letter_that_is_seen_again_is_the_same,
    a_dead_letter_of_before_does_not_hold_what_was_sent_again,
    a_late_mark_takes_no_redriven_task_for_sent,
    a_late_report_takes_no_redriven_task_for_sent,
    a_report_of_before_settles_no_task_that_is_being_sent_again,
    an_end_settles_a_redriven_task,
    a_start_that_comes_again_starts_no_redriven_task,
    a_dead_letter_and_a_success_at_once_are_a_success,
    a_dead_letter_that_two_replicas_have_at_once_is_one,
}

struct World {
    store: Store,
    url: String,
    /// Where SQLite's file is.
    folder: Option<tempfile::TempDir>,
}

impl World {
    async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        Self::new(url, Some(folder)).await
    }

    async fn on_postgres() -> Self {
        Self::new(postern_pgtest::database().unwrap(), None).await
    }

    async fn new(url: String, folder: Option<tempfile::TempDir>) -> Self {
        let store = open(&url).await;
        store.migrate().await.unwrap();
        Self { store, url, folder }
    }

    /// As after a crash: whatever was not committed is gone, and the process that held it too.
    async fn restarted(self) -> Self {
        drop(self.store);
        Self {
            store: open(&self.url).await,
            url: self.url,
            folder: self.folder,
        }
    }

    async fn submit(&self, submission: &Submission) -> Job {
        match self.store.partner().submit(submission).await.unwrap() {
            Submitted::New(job) => job,
            Submitted::Known(job) => panic!("{} was known", job.id),
        }
    }

    async fn redrive(&self, job: JobId) -> Option<Redriven> {
        let (operator, now) = (Operator::new("jane"), Timestamp::now());
        let face = self.store.operator();
        let redriven = face.redrive(&operator, job, "again", now);
        redriven.await.unwrap()
    }

    async fn apply(&self, job: JobId, event_id: &str, event: Event) -> Verdict {
        let outcome = Outcome {
            dispatch: 1,
            event_id: event_id.to_owned(),
            attempt: None,
            seq: None,
            event,
        };
        let letter = Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        };
        let report = Report { job, outcome, letter };
        self.store
            .system()
            .apply(&[report], &|_| POLICY, Timestamp::now())
            .await
            .unwrap()[0]
    }

    async fn cancel(&self, partner: &str, id: JobId) -> Option<(Job, Cancellation)> {
        self.store
            .partner()
            .cancel(&PartnerId::new(partner), id, "no longer wanted", Timestamp::now())
            .await
            .unwrap()
    }

    async fn retry(&self, partner: &str, id: JobId) -> Result<Option<Retried>, SubmitError> {
        let successor = successor_of(partner, id);
        let partner = PartnerId::new(partner);
        self.store.partner().retry(&partner, id, &successor).await
    }

    async fn claim(&self, now: Timestamp) -> Vec<JobId> {
        let claimed = self.store.system().claim(10, LEASE, now).await.unwrap();
        claimed.into_iter().map(|task| task.job.id).collect()
    }

    async fn job(&self, partner: &str, id: JobId) -> Option<Job> {
        self.store
            .partner()
            .get(&PartnerId::new(partner), id)
            .await
            .unwrap()
    }
}

async fn open(url: &str) -> Store {
    Store::open(&Config::new(url)).await.unwrap()
}

fn submission(partner: &str, key: Option<&str>) -> Submission {
    let timeouts = Timeouts {
        queue_millis: 1000,
        execution_millis: 1000,
        retention_millis: 1000,
    };
    let now = Timestamp::now();
    let id = JobId::new(u64::try_from(now.millis()).unwrap());
    let mut job = Job::new(id, PartnerId::new(partner), timeouts, now);
    job.job_type = "contacts.import".to_owned();
    job.job_type_version = "1".to_owned();
    job.request_id = key.map(str::to_owned);
    Submission {
        job,
        payload: "{\"a\":1}".to_owned(),
        digest: [1; 32],
        unique: Vec::new(),
        trace: Trace::default(),
    }
}

fn succeeded() -> Event {
    let result = serde_json::json!({"inserted": 1}).as_object().cloned();
    Event::Succeeded {
        result,
        outputs: None,
    }
}

fn failed(retryable: bool) -> Event {
    let failure = Failure {
        code: Code::NotFound,
        reason: "GONE".to_owned(),
        message: "gone".to_owned(),
        violations: Vec::new(),
    };
    Event::Failed {
        failure,
        retryable,
        retry_delay_millis: None,
    }
}

async fn what_is_submitted_can_be_read_whole(world: World) {
    let mut submission = submission("acme", Some("key"));
    submission.job.labels = BTreeMap::from([("team".to_owned(), "crm".to_owned())]);
    let job = world.submit(&submission).await;
    assert_eq!(world.job("acme", job.id).await, Some(submission.job));
}

async fn a_partner_reads_its_own_jobs_only(world: World) {
    let job = world.submit(&submission("acme", Some("key"))).await;
    assert_eq!(world.job("globex", job.id).await, None);
    let globex = PartnerId::new("globex");
    assert!(
        world
            .store
            .partner()
            .list(&globex, &Filter::default(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        world
            .store
            .partner()
            .find_request(&globex, "key")
            .await
            .unwrap()
            .is_none()
    );
    world.submit(&submission("globex", Some("key"))).await;
}

async fn one_key_a_hundred_times_at_once_is_one_job(world: World) {
    let submissions = (0..100).map(|_| async {
        match world
            .store
            .partner()
            .submit(&submission("acme", Some("key")))
            .await
            .unwrap()
        {
            Submitted::New(job) => (true, job.id),
            Submitted::Known(job) => (false, job.id),
        }
    });
    let results = futures::future::join_all(submissions).await;
    assert_eq!(results.iter().filter(|(new, _)| *new).count(), 1);
    assert!(results.iter().all(|(_, id)| *id == results[0].1));
}

async fn a_key_with_another_request_is_refused(world: World) {
    world.submit(&submission("acme", Some("key"))).await;
    let other = Submission {
        digest: [2; 32],
        ..submission("acme", Some("key"))
    };
    assert!(matches!(
        world.store.partner().submit(&other).await,
        Err(SubmitError::RequestIdReused)
    ));
    assert!(matches!(
        world.store.partner().check(&other).await,
        Err(SubmitError::RequestIdReused)
    ));
}

async fn a_unique_value_is_held_until_the_job_fails(world: World) {
    let unique = vec![UniqueKey {
        name: "reference".to_owned(),
        digest: [7; 32],
    }];
    let with_key = |partner| Submission {
        unique: unique.clone(),
        ..submission(partner, None)
    };
    let holder = world.submit(&with_key("acme")).await;
    for result in [
        world.store.partner().submit(&with_key("acme")).await.map(|_| ()),
        world.store.partner().check(&with_key("acme")).await,
    ] {
        let Err(SubmitError::Unique {
            constraint,
            holder: found,
        }) = result
        else {
            panic!("not refused")
        };
        assert_eq!((constraint.as_str(), found), ("reference", holder.id));
    }
    world.submit(&with_key("globex")).await;
    world.apply(holder.id, "e", failed(false)).await;
    let next = world.submit(&with_key("acme")).await;
    world.apply(next.id, "e", succeeded()).await;
    assert!(world.store.partner().submit(&with_key("acme")).await.is_err());
}

async fn a_refused_submission_leaves_nothing_behind(world: World) {
    let unique = vec![UniqueKey {
        name: "reference".to_owned(),
        digest: [7; 32],
    }];
    world
        .submit(&Submission {
            unique: unique.clone(),
            ..submission("acme", None)
        })
        .await;
    let refused = Submission {
        unique,
        ..submission("acme", Some("key"))
    };
    world.store.partner().submit(&refused).await.unwrap_err();
    assert_eq!(world.job("acme", refused.job.id).await, None);
    assert!(
        world
            .store
            .partner()
            .find_request(&refused.job.partner, "key")
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_claimed_task_is_nobody_elses_until_its_lease_ends(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let system = world.store.system();
    let now = Timestamp::now();
    assert_eq!(system.claim(10, LEASE, now).await.unwrap()[0].job.id, job.id);
    assert!(
        system
            .claim(10, LEASE, now.plus_millis(LEASE - 1))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        system.claim(10, LEASE, now.plus_millis(LEASE)).await.unwrap()[0].payload,
        "{\"a\":1}"
    );
}

async fn large_tasks_are_claimed_a_few_at_a_time_and_all_in_the_end(world: World) {
    let large = |_| Submission {
        payload: format!("{{\"a\":\"{}\"}}", "x".repeat(700_000)),
        ..submission("acme", None)
    };
    for submission in (0..25).map(large) {
        world.submit(&submission).await;
    }
    let (system, now) = (world.store.system(), Timestamp::now());
    let mut claims = Vec::new();
    loop {
        match system.claim(50, LEASE, now).await.unwrap().len() {
            0 => break,
            count => claims.push(count),
        }
    }
    assert_eq!(claims, [10, 10, 5]);
}

async fn a_sent_task_is_never_claimed_again(world: World) {
    world.submit(&submission("acme", None)).await;
    let (system, now) = (world.store.system(), Timestamp::now());
    let claimed = system.claim(10, LEASE, now).await.unwrap();
    let sending = Sending {
        job: claimed[0].job.id,
        dispatch: 1,
    };
    system.mark_sent(&[(sending, "m".to_owned())], now).await.unwrap();
    assert!(
        system
            .claim(10, LEASE, now.plus_millis(10 * LEASE))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(system.next_due().await.unwrap(), None);
}

#[tokio::test]
async fn what_a_crash_left_unsent_is_sent_at_the_next_start() {
    let world = World::on_sqlite().await;
    let job = world.submit(&submission("acme", None)).await;
    world
        .store
        .system()
        .claim(10, LEASE, Timestamp::now())
        .await
        .unwrap();
    let world = world.restarted().await;
    let (system, now) = (world.store.system(), Timestamp::now());
    assert!(system.claim(10, LEASE, now).await.unwrap().is_empty());
    assert_eq!(system.release_abandoned(now).await.unwrap(), 1);
    assert_eq!(system.claim(10, LEASE, now).await.unwrap()[0].job.id, job.id);
}

async fn an_outcome_before_the_mark_settles_the_sending(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let (system, now) = (world.store.system(), Timestamp::now());
    system.claim(10, LEASE, now).await.unwrap();
    world.apply(job.id, "e", succeeded()).await;
    assert_eq!(system.next_due().await.unwrap(), None);
    system
        .mark_sent(
            &[(
                Sending {
                    job: job.id,
                    dispatch: 1,
                },
                "m".to_owned(),
            )],
            now,
        )
        .await
        .unwrap();
    assert_eq!(world.job("acme", job.id).await.unwrap().state, State::Succeeded);
}

async fn a_retried_dispatch_is_due_after_its_backoff_and_the_mark_of_the_old_one_does_not_touch_it(
    world: World,
) {
    let job = world.submit(&submission("acme", None)).await;
    let (system, now) = (world.store.system(), Timestamp::now());
    system.claim(10, LEASE, now).await.unwrap();
    world.apply(job.id, "e", failed(true)).await;
    system
        .mark_sent(
            &[(
                Sending {
                    job: job.id,
                    dispatch: 1,
                },
                "m".to_owned(),
            )],
            now,
        )
        .await
        .unwrap();
    assert!(
        system
            .claim(10, LEASE, now.plus_millis(4_000))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        system.release_abandoned(now).await.unwrap(),
        0,
        "a backoff is no abandoned claim"
    );
    let claimed = system.claim(10, LEASE, now.plus_millis(20_000)).await.unwrap();
    assert_eq!(claimed[0].job.dispatch, 2);
}

async fn the_same_event_twice_is_one_event(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.apply(job.id, "e1", Event::Started).await;
    world.apply(job.id, "e1", Event::Started).await;
    assert_eq!(world.job("acme", job.id).await.unwrap().revision, 2);
}

async fn the_first_of_two_ends_wins(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.apply(job.id, "e1", succeeded()).await;
    let ended = world.job("acme", job.id).await.unwrap();
    assert_eq!(world.apply(job.id, "e2", failed(false)).await, Verdict::Settled);
    assert_eq!(world.job("acme", job.id).await.unwrap(), ended);
    assert_eq!(
        world
            .store
            .partner()
            .result(&ended.partner, &ended)
            .await
            .unwrap()
            .as_deref(),
        Some("{\"inserted\":1}")
    );
    let globex = PartnerId::new("globex");
    assert_eq!(world.store.partner().result(&globex, &ended).await.unwrap(), None);
}

async fn an_outcome_of_a_job_that_is_not_there_is_told_so(world: World) {
    assert_eq!(
        world.apply(JobId::new(1), "e", succeeded()).await,
        Verdict::JobUnknown
    );
}

async fn changes_are_told_after_the_commit(world: World) {
    let mut changes = world.store.signals().changes();
    let job = world.submit(&submission("acme", Some("key"))).await;
    let told = || Change::Of(job.partner.clone(), job.id);
    assert_eq!(changes.try_recv().unwrap(), told(), "a new job is a change");
    let again = submission("acme", Some("key"));
    assert!(matches!(
        world.store.partner().submit(&again).await,
        Ok(Submitted::Known(_))
    ));
    assert!(changes.try_recv().is_err(), "nothing is new the second time");
    world.apply(job.id, "e", Event::Started).await;
    assert_eq!(changes.try_recv().unwrap(), told());
    world.apply(job.id, "e", Event::Started).await;
    assert!(changes.try_recv().is_err(), "nothing changed the second time");
}

async fn lists_are_newest_first_and_go_on_after_a_job(world: World) {
    let mut ids = Vec::new();
    for millis in 1..=5 {
        let mut submission = submission("acme", None);
        submission.job.id = JobId::new(millis);
        ids.insert(0, world.submit(&submission).await.id);
    }
    let acme = PartnerId::new("acme");
    let list = |after, count| {
        let (store, acme) = (world.store.clone(), acme.clone());
        async move {
            let jobs = store
                .partner()
                .list(&acme, &Filter::default(), after, count)
                .await
                .unwrap();
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None, 2).await, ids[..2]);
    assert_eq!(list(Some(ids[1]), 10).await, ids[2..]);
}

fn filter(labels: &[(&str, &str)], states: &[State]) -> Filter {
    let labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Filter {
        labels: labels.collect(),
        states: states.to_vec(),
        ..Filter::default()
    }
}

async fn every_filter_that_is_set_must_hold(world: World) {
    let mut labelled = submission("acme", None);
    labelled.job.labels = BTreeMap::from([
        ("team".to_owned(), "crm".to_owned()),
        ("size".to_owned(), "xl".to_owned()),
    ]);
    let labelled = world.submit(&labelled).await;
    let plain = world.submit(&submission("acme", None)).await;
    world.apply(plain.id, "e", Event::Started).await;
    let (team, other) = (("team", "crm"), ("size", "s"));
    let running = vec![State::Running];
    let cases = [
        (filter(&[team], &[]), vec![labelled.id]),
        (filter(&[team, other], &[]), vec![]),
        (filter(&[], &running), vec![plain.id]),
        (filter(&[team], &running), vec![]),
        (
            Filter {
                job_type: Some("other".to_owned()),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                created_before: Some(labelled.create_time),
                ..Filter::default()
            },
            vec![],
        ),
    ];
    for (filter, expected) in cases {
        let jobs = world
            .store
            .partner()
            .list(&PartnerId::new("acme"), &filter, None, 10)
            .await
            .unwrap();
        assert_eq!(
            jobs.into_iter().map(|job| job.id).collect::<Vec<_>>(),
            expected,
            "{filter:?}"
        );
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_says_so() {
    let world = World::on_sqlite().await;
    let url = world.url.clone();
    assert!(matches!(
        Store::open(&Config::new(url)).await,
        Err(Error::InUse(_))
    ));
}

async fn a_clock_that_was_set_back_delays_no_task(world: World) {
    world.submit(&submission("acme", None)).await;
    let earlier = Timestamp::now().plus_millis(-600_000);
    assert_eq!(
        world
            .store
            .system()
            .claim(10, LEASE, earlier)
            .await
            .unwrap()
            .len(),
        1
    );
}

async fn a_job_cancelled_before_its_claim_is_never_sent_and_lets_go_of_its_values(world: World) {
    let unique = vec![UniqueKey {
        name: "reference".to_owned(),
        digest: [7; 32],
    }];
    let with_key = || Submission {
        unique: unique.clone(),
        ..submission("acme", None)
    };
    let job = world.submit(&with_key()).await;
    let mut changes = world.store.signals().changes();
    let (cancelled, what) = world.cancel("acme", job.id).await.unwrap();
    assert_eq!((cancelled.state, what), (State::Cancelled, Cancellation::AtOnce));
    assert_eq!(
        changes.try_recv().unwrap(),
        Change::Of(job.partner.clone(), job.id)
    );
    assert_eq!(world.job("acme", job.id).await, Some(cancelled.clone()));
    let much_later = Timestamp::now().plus_millis(LEASE * 10);
    assert_eq!(world.claim(much_later).await, []);
    assert_eq!(world.store.system().next_due().await.unwrap(), None);
    world.submit(&with_key()).await;
    assert_eq!(
        world.cancel("acme", job.id).await,
        Some((cancelled, Cancellation::Known))
    );
}

async fn a_job_cancelled_after_its_claim_is_asked_to_stop_and_still_reaches_its_consumer(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    assert_eq!(world.claim(Timestamp::now()).await, [job.id]);
    let (asked, what) = world.cancel("acme", job.id).await.unwrap();
    assert_eq!(
        (asked.state, asked.cancel_requested, what),
        (State::Queued, true, Cancellation::Requested)
    );
    let revision = asked.revision;
    let (again, what) = world.cancel("acme", job.id).await.unwrap();
    assert_eq!((again.revision, what), (revision, Cancellation::Known));
    // Whoever claimed it has died: somebody must still be told the task, to say how it ended.
    let lease_over = Timestamp::now().plus_millis(LEASE + 1);
    assert_eq!(world.claim(lease_over).await, [job.id]);
    world.apply(job.id, "e", Event::Cancelled).await;
    assert_eq!(world.job("acme", job.id).await.unwrap().state, State::Cancelled);
}

/// A claim that was given back counts, too: what was sent of it is not known.
async fn a_claim_once_taken_counts_as_sent_for_ever(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.claim(Timestamp::now()).await;
    let sending = Sending {
        job: job.id,
        dispatch: 1,
    };
    let much_later = Timestamp::now().plus_millis(LEASE * 10);
    world
        .store
        .system()
        .release(&[sending], much_later)
        .await
        .unwrap();
    let (_, what) = world.cancel("acme", job.id).await.unwrap();
    assert_eq!(what, Cancellation::Requested);
}

async fn a_job_that_waits_for_its_next_dispatch_is_cancelled_at_once(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.claim(Timestamp::now()).await;
    world.apply(job.id, "e", failed(true)).await;
    let (cancelled, what) = world.cancel("acme", job.id).await.unwrap();
    assert_eq!(
        (cancelled.state, cancelled.dispatch, what),
        (State::Cancelled, 2, Cancellation::AtOnce)
    );
    let much_later = Timestamp::now().plus_millis(LEASE * 10);
    assert_eq!(world.claim(much_later).await, []);
}

async fn a_claim_and_a_cancellation_at_once_never_both_win(world: World) {
    for number in 0..50 {
        let job = world.submit(&submission("acme", None)).await;
        let (claim, cancel) = (world.claim(Timestamp::now()), world.cancel("acme", job.id));
        let (claimed, cancelled) = if number % 2 == 0 {
            tokio::join!(claim, cancel)
        } else {
            let (cancelled, claimed) = tokio::join!(cancel, claim);
            (claimed, cancelled)
        };
        let (_, what) = cancelled.unwrap();
        let expected = if claimed.is_empty() {
            Cancellation::AtOnce
        } else {
            Cancellation::Requested
        };
        assert_eq!(what, expected);
    }
}

/// Whoever is second finds the end, or the wish, of the first; a success that came is never hidden.
async fn a_cancellation_and_a_success_at_once_leave_one_end(world: World) {
    for number in 0..50 {
        let job = world.submit(&submission("acme", None)).await;
        let sent = number % 4 < 2;
        if sent {
            world.claim(Timestamp::now()).await;
        }
        let (success, cancel) = (
            world.apply(job.id, "done", succeeded()),
            world.cancel("acme", job.id),
        );
        let cancelled = if number % 2 == 0 {
            tokio::join!(success, cancel).1
        } else {
            tokio::join!(cancel, success).0
        };
        let (_, what) = cancelled.unwrap();
        let ended = world.job("acme", job.id).await.unwrap();
        let expected = match what {
            Cancellation::AtOnce => (State::Cancelled, false, 2),
            Cancellation::Requested => (State::Succeeded, true, 3),
            Cancellation::TooLate => (State::Succeeded, false, 2),
            Cancellation::Known => panic!("asked once"),
        };
        assert_eq!((ended.state, ended.cancel_requested, ended.revision), expected);
        assert!(
            sent || what != Cancellation::Requested,
            "nobody can have begun it"
        );
    }
}

/// Two replicas send the same; whichever mark comes last, the task is not sent a third time.
async fn a_claim_that_expired_while_its_task_was_sent_leaves_two_tasks_and_one_dispatch(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let now = Timestamp::now();
    assert_eq!(world.claim(now).await, [job.id]);
    let lease_over = now.plus_millis(LEASE + 1);
    assert_eq!(world.claim(lease_over).await, [job.id]);
    let sending = Sending {
        job: job.id,
        dispatch: 1,
    };
    for message in ["second", "first"] {
        let sent = [(sending, message.to_owned())];
        world.store.system().mark_sent(&sent, lease_over).await.unwrap();
    }
    assert_eq!(world.claim(lease_over.plus_millis(LEASE * 10)).await, []);
    assert_eq!(world.job("acme", job.id).await.unwrap().dispatch, 1);
}

async fn a_partner_cancels_its_own_jobs_only(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    assert_eq!(world.cancel("globex", job.id).await, None);
    assert_eq!(world.job("acme", job.id).await, Some(job));
}

async fn two_claimants_at_once_never_have_the_same_task(world: World) {
    let mut submitted = Vec::new();
    for _ in 0..60 {
        submitted.push(world.submit(&submission("acme", None)).await.id);
    }
    let now = Timestamp::now();
    let mut claimed = Vec::new();
    while claimed.len() < submitted.len() {
        let (some, others) = tokio::join!(world.claim(now), world.claim(now));
        assert!(
            !some.is_empty() || !others.is_empty(),
            "tasks are left that nobody claims"
        );
        claimed.extend(some);
        claimed.extend(others);
    }
    claimed.sort_unstable();
    submitted.sort_unstable();
    assert_eq!(claimed, submitted);
}

/// Locked in the order in which they came, two replicas' batches would wait for each other, until the database ends one.
async fn batches_that_meet_in_opposite_order_both_go_through(world: World) {
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(world.submit(&submission("acme", None)).await.id);
    }
    let backwards: Vec<_> = jobs.iter().rev().copied().collect();
    let system = world.store.system();
    for round in 0..5 {
        let (these, those) = (
            started(&jobs, &format!("a{round}")),
            started(&backwards, &format!("b{round}")),
        );
        let (one, other) = tokio::join!(
            system.apply(&these, &|_| POLICY, Timestamp::now()),
            system.apply(&those, &|_| POLICY, Timestamp::now()),
        );
        assert_eq!((one.unwrap().len(), other.unwrap().len()), (20, 20));
    }
}

fn started(jobs: &[JobId], event_id: &str) -> Vec<Report> {
    let report = |job: &JobId| Report {
        job: *job,
        outcome: Outcome {
            dispatch: 1,
            event_id: event_id.to_owned(),
            attempt: None,
            seq: None,
            event: Event::Started,
        },
        letter: Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        },
    };
    jobs.iter().map(report).collect()
}

async fn what_an_operator_did_is_said_however_long_a_history_is(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let reports: Vec<_> = (0..1010)
        .flat_map(|number| started(&[job.id], &format!("a{number}")))
        .collect();
    let (system, now) = (world.store.system(), Timestamp::now());
    system.apply(&reports, &|_| POLICY, now).await.unwrap();
    let dead = DeadTask {
        job: job.id,
        dispatch: 1,
        message_id: "m".to_owned(),
    };
    system
        .bury(&dead, &|_| DeadLetterPolicy::Hold, now)
        .await
        .unwrap();
    let (operator, who) = (world.store.operator(), Operator::new("olga"));
    operator.redrive(&who, job.id, "mended", now).await.unwrap();
    let history = operator.history(job.id, 999, 100).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.kind.as_str(), &last.operator), ("redriven", &Some(who)));
}

/// Neither a consumer that starts its task for ever nor one that goes on about an ended job fills the database; how a job ended is kept all the same.
async fn a_history_that_is_told_the_same_for_ever_has_an_end(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let mut reports = Vec::new();
    for number in 0..1010 {
        reports.extend(started(&[job.id], &format!("a{number}")));
    }
    let system = world.store.system();
    system
        .apply(&reports, &|_| POLICY, Timestamp::now())
        .await
        .unwrap();
    world.apply(job.id, "end", succeeded()).await;
    world.apply(job.id, "late", failed(false)).await;
    let acme = PartnerId::new("acme");
    let history = world.store.partner().history(&acme, job.id, 0, 10_000).await;
    let history = history.unwrap();
    let last = history.last().unwrap();
    assert_eq!((history.len(), last.kind.as_str()), (1001, "succeeded"));
    assert_eq!((last.revision, last.number), (1012, 1001));
    let page = world.store.partner().history(&acme, job.id, 999, 1).await;
    assert_eq!(page.unwrap(), history[999..1000]);
    let globex = PartnerId::new("globex");
    let page = world.store.partner().history(&globex, job.id, 0, 1).await;
    assert_eq!(page.unwrap(), []);
}

fn successor_of(partner: &str, id: JobId) -> Submission {
    let mut successor = submission(partner, None);
    successor.job.retried_from = Some(id);
    successor
}

async fn a_job_is_retried_once_however_often_at_once(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.apply(job.id, "e", failed(false)).await;
    let retries = (0..100).map(|_| world.retry("acme", job.id));
    let mut made = Vec::new();
    let mut found = Vec::new();
    for retried in futures::future::join_all(retries).await {
        match retried.unwrap().unwrap() {
            Retried::New(successor) => made.push(successor.id),
            Retried::Known(successor) => found.push(successor.id),
            Retried::Refused(why, _) => panic!("{why:?}"),
        }
    }
    assert_eq!((made.len(), found.len()), (1, 99));
    assert!(found.iter().all(|id| *id == made[0]));
    let all = world
        .store
        .partner()
        .list(&PartnerId::new("acme"), &Filter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(world.job("acme", job.id).await.unwrap().retried_by, Some(made[0]));
}

fn with_value(submission: Submission) -> Submission {
    let unique = UniqueKey {
        name: "reference".to_owned(),
        digest: [7; 32],
    };
    Submission {
        unique: vec![unique],
        ..submission
    }
}

async fn a_refused_retry_changes_nothing(world: World) {
    let acme = PartnerId::new("acme");
    let job = world.submit(&with_value(submission("acme", None))).await;
    world.apply(job.id, "e", failed(false)).await;
    let old = world.job("acme", job.id).await.unwrap();
    let holder = world.submit(&with_value(submission("acme", None))).await;
    let mut changes = world.store.signals().changes();
    let retry = with_value(successor_of("acme", job.id));
    let refused = world.store.partner().retry(&acme, job.id, &retry).await;
    assert!(matches!(refused, Err(SubmitError::Unique { holder: found, .. }) if found == holder.id));
    assert_eq!(world.job("acme", job.id).await, Some(old));
    assert_eq!(world.job("acme", retry.job.id).await, None);
    assert!(changes.try_recv().is_err());
}

async fn a_retry_changes_both_jobs(world: World) {
    let acme = PartnerId::new("acme");
    let job = world.submit(&with_value(submission("acme", None))).await;
    world.claim(Timestamp::now()).await;
    world.apply(job.id, "e", failed(false)).await;
    let old = world.job("acme", job.id).await.unwrap();
    let partner = world.store.partner();
    let original = partner.original(&acme, job.id).await.unwrap().unwrap();
    assert_eq!(
        (&original.job, original.payload.as_str(), &original.successor),
        (&old, "{\"a\":1}", &None)
    );
    let mut changes = world.store.signals().changes();
    let retry = with_value(successor_of("acme", job.id));
    let retried = partner.retry(&acme, job.id, &retry).await;
    let Ok(Some(Retried::New(successor))) = retried else {
        panic!("{retried:?}");
    };
    assert_eq!(world.job("acme", successor.id).await, Some(successor.clone()));
    assert_eq!(successor.retried_from, Some(job.id));
    assert_eq!(world.claim(Timestamp::now()).await, [successor.id]);
    let new = world.job("acme", job.id).await.unwrap();
    let expected = Job {
        retried_by: Some(successor.id),
        revision: old.revision + 1,
        update_time: new.update_time,
        ..old
    };
    assert_eq!(new, expected);
    let mut told = Vec::new();
    while let Ok(Change::Of(_, id)) = changes.try_recv() {
        told.push(id);
    }
    told.sort_unstable();
    assert_eq!(told, [job.id, successor.id]);
    let history = partner.history(&acme, successor.id, 0, 1).await;
    assert_eq!(
        history.unwrap()[0].message,
        format!("accepted, to retry {}", job.id)
    );
    assert!(partner.submit(&retry).await.is_err(), "the value is held");
}

async fn a_job_whose_successor_is_gone_can_be_retried_again(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    world.apply(job.id, "e", failed(false)).await;
    let Some(Retried::New(first)) = world.retry("acme", job.id).await.unwrap() else {
        panic!("not retried")
    };
    world.apply(first.id, "e", failed(false)).await;
    let (partner, acme) = (world.store.partner(), PartnerId::new("acme"));
    let deleted = partner.delete(&acme, first.id, Timestamp::now()).await.unwrap();
    assert!(deleted.is_some());
    let Some(Retried::New(second)) = world.retry("acme", job.id).await.unwrap() else {
        panic!("not retried")
    };
    assert_ne!(first.id, second.id);
    let old = world.job("acme", job.id).await.unwrap();
    assert_eq!((old.retried_by, old.revision), (Some(second.id), 4));
}

async fn what_has_not_failed_and_what_is_anothers_is_not_retried(world: World) {
    let job = world.submit(&submission("acme", None)).await;
    let refused = async || match world.retry("acme", job.id).await.unwrap() {
        Some(Retried::Refused(why, _)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused().await, NotRetried::NotTerminal);
    world.apply(job.id, "e", succeeded()).await;
    assert_eq!(refused().await, NotRetried::Succeeded);
    assert!(world.retry("globex", job.id).await.unwrap().is_none());
    let globex = PartnerId::new("globex");
    assert!(
        world
            .store
            .partner()
            .original(&globex, job.id)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(world.job("acme", job.id).await.unwrap().retried_by, None);
}

const HOLD: DeadLetterPolicy = DeadLetterPolicy::Hold;
const FAIL: DeadLetterPolicy = DeadLetterPolicy::Fail { grace_millis: 60_000 };

/// A job whose task was sent, as the queue says by this message.
async fn sent(world: &World, message_id: &str) -> (Job, DeadTask) {
    let job = world.submit(&submission("acme", None)).await;
    let now = Timestamp::now();
    world.claim(now).await;
    let task = DeadTask {
        job: job.id,
        dispatch: 1,
        message_id: message_id.to_owned(),
    };
    (job, task)
}

async fn bury(world: &World, task: &DeadTask, policy: DeadLetterPolicy) -> Verdict {
    let system = world.store.system();
    system.bury(task, &|_| policy, Timestamp::now()).await.unwrap()
}

async fn kinds(world: &World, id: JobId) -> Vec<String> {
    let acme = PartnerId::new("acme");
    let history = world.store.partner().history(&acme, id, 0, 100).await.unwrap();
    history.into_iter().map(|entry| entry.kind).collect()
}

/// The first sight is what is committed: its message may be seen again, and so may another one of the same dispatch.
async fn a_dead_letter_that_is_seen_again_is_the_same(world: World) {
    let (job, task) = sent(&world, "m-1").await;
    let mut changes = world.store.signals().changes();
    assert_eq!(bury(&world, &task, FAIL).await, Verdict::Settled);
    let first = world.job("acme", job.id).await.unwrap();
    assert_eq!(
        (first.state, first.dead_letter),
        (State::Queued, Some(DeadLetter::Failing))
    );
    assert_eq!(first.revision, 1);
    assert!(changes.try_recv().is_err(), "nothing that a reader could see");
    let twin = DeadTask {
        message_id: "m-2".to_owned(),
        ..task.clone()
    };
    for again in [&task, &twin] {
        assert_eq!(bury(&world, again, HOLD).await, Verdict::Settled);
    }
    assert_eq!(world.job("acme", job.id).await, Some(first));
    assert_eq!(kinds(&world, job.id).await, ["submitted", "dead_lettered"]);
    // It was sent, then: nobody sends it again.
    assert_eq!(world.store.system().next_due().await.unwrap(), None);
    let gone = DeadTask {
        job: JobId::new(1),
        ..task
    };
    assert_eq!(bury(&world, &gone, FAIL).await, Verdict::JobUnknown);
}

/// Its message was not deleted when the server died, and comes again after the operator has sent the task once more.
async fn a_dead_letter_of_before_does_not_hold_what_was_sent_again(world: World) {
    let (job, task) = sent(&world, "m-1").await;
    bury(&world, &task, HOLD).await;
    let now = Timestamp::now();
    assert!(matches!(world.redrive(job.id).await, Some(Redriven::Due(_))));
    bury(&world, &task, HOLD).await;
    assert_eq!(world.job("acme", job.id).await.unwrap().dead_letter, None);
    assert_eq!(world.claim(now).await, [job.id]);
    assert!(world.redrive(JobId::new(1)).await.is_none());
}

/// Whoever claimed a task may be so slow that it has died and been redriven meanwhile.
async fn a_late_mark_takes_no_redriven_task_for_sent(world: World) {
    let (job, task) = sent(&world, "m-1").await;
    bury(&world, &task, HOLD).await;
    let (system, now) = (world.store.system(), Timestamp::now());
    world.redrive(job.id).await;
    let sending = Sending {
        job: job.id,
        dispatch: 1,
    };
    system
        .mark_sent(&[(sending, "m-1".to_owned())], now)
        .await
        .unwrap();
    system.release(&[sending], now.plus_millis(LEASE)).await.unwrap();
    assert_eq!(world.claim(now).await, [job.id]);
}

/// An execution of before may still be at it, and tell so before the task is claimed again.
async fn a_late_report_takes_no_redriven_task_for_sent(world: World) {
    let execution = Execution {
        dispatch: 1,
        attempt: None,
    };
    let now = Timestamp::now();
    for report in 0..4 {
        let (job, task) = sent(&world, "m-1").await;
        bury(&world, &task, HOLD).await;
        world.redrive(job.id).await;
        let work = world.store.work();
        match report {
            0 => drop(world.apply(job.id, "e", Event::Started).await),
            1 => drop(world.apply(job.id, "e", Event::Progress(None)).await),
            2 => drop(work.begin(job.id, execution, now).await.unwrap()),
            _ => drop(work.heartbeat(job.id, execution, None, now).await.unwrap()),
        }
        // Tells nothing that a reader could see.
        work.heartbeat(job.id, execution, None, now).await.unwrap();
        assert_eq!(world.job("acme", job.id).await.unwrap().state, State::Running);
        assert_eq!(world.claim(now).await, [job.id], "report {report}");
    }
}

/// Nor does it once the task is claimed, for it may never get to the queue.
async fn a_report_of_before_settles_no_task_that_is_being_sent_again(world: World) {
    let now = Timestamp::now();
    for fails in [true, false] {
        let (job, task) = sent(&world, "m-1").await;
        bury(&world, &task, HOLD).await;
        world.redrive(job.id).await;
        assert_eq!(world.claim(now).await, [job.id]);
        world.apply(job.id, "e", Event::Started).await;
        let sending = Sending {
            job: job.id,
            dispatch: 1,
        };
        let system = world.store.system();
        let due = if fails {
            system.release(&[sending], now).await.unwrap();
            vec![job.id]
        } else {
            let mark = (sending, "m-2".to_owned());
            system.mark_sent(&[mark], now).await.unwrap();
            vec![]
        };
        assert_eq!(world.claim(now.plus_millis(2 * LEASE)).await, due);
        world.apply(job.id, "f", succeeded()).await;
    }
}

async fn an_end_settles_a_redriven_task(world: World) {
    let (job, task) = sent(&world, "m-1").await;
    bury(&world, &task, HOLD).await;
    let now = Timestamp::now();
    world.redrive(job.id).await;
    world.apply(job.id, "e", succeeded()).await;
    assert_eq!(world.claim(now).await, []);
}

/// A redrive forgets attempts and positions, so the event's id alone tells that the start is one of before.
async fn a_start_that_comes_again_starts_no_redriven_task(world: World) {
    let (job, task) = sent(&world, "m-1").await;
    let started = |event_id: &str| Report {
        job: job.id,
        outcome: Outcome {
            dispatch: 1,
            event_id: event_id.to_owned(),
            attempt: Some(1),
            seq: Some(1),
            event: Event::Started,
        },
        letter: Letter {
            message_id: "m".to_owned(),
            body: "{}".to_owned(),
        },
    };
    let (system, now) = (world.store.system(), Timestamp::now());
    system.apply(&[started("e")], &|_| POLICY, now).await.unwrap();
    bury(&world, &task, HOLD).await;
    world.redrive(job.id).await;
    for (event_id, state) in [("e", State::Queued), ("another", State::Running)] {
        system
            .apply(&[started(event_id)], &|_| POLICY, now)
            .await
            .unwrap();
        assert_eq!(world.job("acme", job.id).await.unwrap().state, state);
    }
}

async fn a_dead_letter_and_a_success_at_once_are_a_success(world: World) {
    for number in 0..50 {
        let (job, task) = sent(&world, "m-1").await;
        let (bury, apply) = (bury(&world, &task, FAIL), world.apply(job.id, "e", succeeded()));
        if number % 2 == 0 {
            tokio::join!(bury, apply);
        } else {
            tokio::join!(apply, bury);
        }
        let job = world.job("acme", job.id).await.unwrap();
        assert_eq!(
            (job.state, job.revision, job.dead_letter),
            (State::Succeeded, 2, None)
        );
        let mut kinds = kinds(&world, job.id).await;
        kinds.sort();
        let (early, late) = ("dead_lettered", "late_dead_letter");
        assert!(
            kinds == [early, "submitted", "succeeded"] || kinds == [late, "submitted", "succeeded"],
            "{kinds:?}"
        );
    }
}

/// SQS may hand a message out twice.
async fn a_dead_letter_that_two_replicas_have_at_once_is_one(world: World) {
    for _ in 0..20 {
        let (job, task) = sent(&world, "m-1").await;
        tokio::join!(bury(&world, &task, HOLD), bury(&world, &task, HOLD));
        assert_eq!(kinds(&world, job.id).await, ["submitted", "dead_lettered"]);
    }
}
