//! Two replicas do the same, or the opposite, at once: the database decides, and once.

use std::time::Duration;

use postern_server::job::{Cancellation, JobId, State, Timestamp};
use tokio::time::Instant;

use crate::world::{LEASE, Replica, replicas, succeeded};

const RACES: usize = 250;
const SOON: Duration = Duration::from_secs(60);

/// Runs both at once, on threads of their own; every other time the second begins first.
async fn race<A, B>(
    round: usize,
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let (one, other) = if round.is_multiple_of(2) {
        let one = tokio::spawn(one);
        (one, tokio::spawn(other))
    } else {
        let other = tokio::spawn(other);
        (tokio::spawn(one), other)
    };
    (one.await.unwrap(), other.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_cancelled_at_once_or_claimed_and_never_both_nor_neither() {
    let [one, other] = replicas().await;
    let mut cancelled_at_once = 0;
    for round in 0..RACES {
        let job = one.submit().await;
        let (claimant, canceller) = (one.clone(), other.clone());
        let claim = async move { claimant.claim(10, Timestamp::now()).await };
        let cancel = async move { canceller.cancel(job).await };
        let (claimed, cancellation) = race(round, claim, cancel).await;
        let state = other.job(job).await.state;
        match cancellation {
            Cancellation::AtOnce => assert_eq!((claimed, state), (vec![], State::Cancelled)),
            Cancellation::Requested => assert_eq!((claimed, state), (vec![job], State::Queued)),
            Cancellation::Known | Cancellation::TooLate => panic!("{cancellation:?} of a new job"),
        }
        cancelled_at_once += usize::from(cancellation == Cancellation::AtOnce);
        let lease_over = Timestamp::now().plus_millis(LEASE + 1);
        let due_again = one.claim(10, lease_over).await;
        assert_eq!(due_again.contains(&job), cancellation == Cancellation::Requested);
        one.mark_sent(job).await;
    }
    assert!(
        (1..RACES).contains(&cancelled_at_once),
        "no race: {cancelled_at_once} of {RACES} were cancelled at once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_success_that_races_a_cancellation_is_a_success() {
    let [one, other] = replicas().await;
    for round in 0..RACES {
        let job = one.submit().await;
        one.claim(10, Timestamp::now()).await;
        one.mark_sent(job).await;
        let (collector, canceller) = (one.clone(), other.clone());
        let apply = async move { collector.apply(job, succeeded()).await };
        let cancel = async move { canceller.cancel(job).await };
        let ((), cancellation) = race(round, apply, cancel).await;
        let ended = other.job(job).await;
        assert_eq!(ended.state, State::Succeeded);
        match cancellation {
            Cancellation::Requested => assert_eq!((ended.revision, ended.cancel_requested), (3, true)),
            Cancellation::TooLate => assert_eq!((ended.revision, ended.cancel_requested), (2, false)),
            Cancellation::AtOnce | Cancellation::Known => {
                panic!("{cancellation:?} of a job that was handed out")
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_dispatchers_on_one_task_one_has_it() {
    let [one, other] = replicas().await;
    for round in 0..RACES {
        let job = one.submit().await;
        let claim = |replica: &Replica| {
            let replica = replica.clone();
            async move { replica.claim(10, Timestamp::now()).await }
        };
        let (some, others) = race(round, claim(&one), claim(&other)).await;
        assert_eq!([some, others].concat(), [job]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispatchers_at_once_claim_every_task_once() {
    const TASKS: usize = 400;
    let replicas = replicas::<3>().await;
    let mut submitted = Vec::new();
    for _ in 0..TASKS {
        submitted.push(replicas[0].submit().await);
    }
    let deadline = Instant::now() + SOON;
    let mut claimed: Vec<JobId> = Vec::new();
    while claimed.len() < TASKS {
        assert!(
            Instant::now() < deadline,
            "only {} tasks were claimed",
            claimed.len()
        );
        // Odd numbers, so that claims overlap in ever other ways.
        let claims = replicas.iter().zip([7, 11, 13]).map(|(replica, count)| {
            let replica = replica.clone();
            tokio::spawn(async move { replica.claim(count, Timestamp::now()).await })
        });
        for claim in claims.collect::<Vec<_>>() {
            claimed.extend(claim.await.unwrap());
        }
    }
    claimed.sort_unstable();
    submitted.sort_unstable();
    assert_eq!(claimed, submitted);
}

/// The first one's request to SQS took longer than its lease: consumers see the task twice, and it is settled by whoever is first to say so.
#[tokio::test]
async fn a_task_whose_claim_expires_mid_send_is_sent_by_another_and_settled_once() {
    let [slow, quick] = replicas().await;
    let (job, now) = (slow.submit().await, Timestamp::now());
    assert_eq!(slow.claim(10, now).await, [job]);
    assert_eq!(quick.claim(10, now.plus_millis(LEASE - 1)).await, []);
    let lease_over = now.plus_millis(LEASE);
    assert_eq!(quick.claim(10, lease_over).await, [job]);
    slow.mark_sent(job).await;
    // What the second could not send has nothing to come back for.
    quick.release(job, lease_over).await;
    quick.mark_sent(job).await;
    let much_later = now.plus_millis(10 * LEASE);
    assert_eq!(slow.claim(10, much_later).await, []);
    let job = quick.job(job).await;
    assert_eq!((job.dispatch, job.revision), (1, 1));
}
