//! Batches under a clock that stands still unless all wait, and an SQS that answers when a test says so.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// What entries say to those who ask.
type Answer = Result<Vec<(usize, Failed)>, Failed>;

/// Shows each request, and answers it when it is told to.
struct Shown(UnboundedSender<(Vec<u32>, oneshot::Sender<Answer>)>);

impl Batch for Shown {
    type Entry = u32;

    async fn send(&self, entries: Vec<u32>) -> Answer {
        let (answer, answered) = oneshot::channel();
        self.0.send((entries, answer)).unwrap();
        answered.await.unwrap()
    }
}

struct Stage {
    desk: Desk<u32>,
    requests: UnboundedReceiver<(Vec<u32>, oneshot::Sender<Answer>)>,
    _gathering: AbortOnDropHandle<Infallible>,
}

fn stage(bytes_max: usize) -> Stage {
    let (sender, requests) = unbounded_channel();
    let (desk, gatherer) = gather(Shown(sender), bytes_max);
    let _gathering = AbortOnDropHandle::new(tokio::spawn(gatherer.run()));
    Stage {
        desk,
        requests,
        _gathering,
    }
}

impl Stage {
    /// Asks for these at once; each is as many bytes as its number.
    fn ask(&self, entries: impl IntoIterator<Item = u32>) -> JoinSet<(u32, bool)> {
        let mut asked = JoinSet::new();
        for entry in entries {
            let desk = self.desk.clone();
            asked.spawn(async move { (entry, desk.ask(entry, entry as usize).await.is_ok()) });
        }
        asked
    }

    async fn request(&mut self) -> (Vec<u32>, oneshot::Sender<Answer>) {
        timeout(Duration::from_secs(60), self.requests.recv())
            .await
            .expect("a request is made")
            .unwrap()
    }

    /// Whether there is a request without any time passing.
    async fn request_now(&mut self) -> Option<Vec<u32>> {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        Some(self.requests.try_recv().ok()?.0)
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_request_under_way_an_entry_waits_for_nothing() {
    let mut stage = stage(usize::MAX);
    for entry in 1..4 {
        let began = Instant::now();
        let asked = stage.ask([entry]);
        let (entries, answer) = stage.request().await;
        assert_eq!((entries, began.elapsed()), (vec![entry], Duration::ZERO));
        answer.send(Ok(Vec::new())).unwrap();
        assert_eq!(asked.join_all().await, [(entry, true)]);
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_request_is_under_way_others_gather_until_it_ends_or_they_fill_one() {
    let mut stage = stage(usize::MAX);
    let _first = stage.ask([1]);
    let (_, first_answer) = stage.request().await;
    let _more = stage.ask(2..5);
    assert_eq!(stage.request_now().await, None);
    let _enough = stage.ask(5..13);
    assert_eq!(stage.request_now().await, Some((2..12).collect()));
    assert_eq!(stage.request_now().await, None);
    first_answer.send(Ok(Vec::new())).unwrap();
    // Its own answer is not waited for, that of the full one still is.
    let (entries, _) = stage.request().await;
    assert_eq!(entries, [12]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_holds_others_up_for_a_moment_only() {
    let mut stage = stage(usize::MAX);
    let _first = stage.ask([1]);
    let _hanging = stage.request().await;
    let began = Instant::now();
    let second = stage.ask([2]);
    let (entries, answer) = stage.request().await;
    assert_eq!((entries, began.elapsed()), (vec![2], GATHER_MAX));
    answer.send(Ok(Vec::new())).unwrap();
    assert_eq!(second.join_all().await, [(2, true)]);
}

#[tokio::test(start_paused = true)]
async fn requests_have_a_size_and_what_is_larger_goes_alone() {
    let mut stage = stage(10);
    let _first = stage.ask([1]);
    let _under_way = stage.request().await;
    let _more = stage.ask([4, 5, 3, u32::MAX, 1]);
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(stage.request().await.0);
    }
    assert_eq!(requests, [vec![4, 5], vec![3], vec![u32::MAX], vec![1]]);
}

#[tokio::test(start_paused = true)]
async fn each_entry_has_its_own_answer() {
    let mut stage = stage(usize::MAX);
    let first = stage.ask([1]);
    let (_, answer) = stage.request().await;
    let more = stage.ask(2..5);
    stage.request_now().await;
    answer.send(Err(Failed("away".into()))).unwrap();
    assert_eq!(first.join_all().await, [(1, false)]);
    let (entries, answer) = stage.request().await;
    assert_eq!(entries, [2, 3, 4]);
    answer.send(Ok(vec![(1, Failed("throttled".into()))])).unwrap();
    let mut answers = more.join_all().await;
    answers.sort_unstable();
    assert_eq!(answers, [(2, true), (3, false), (4, true)]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_more_is_not_sent() {
    let mut stage = stage(usize::MAX);
    let _first = stage.ask([1]);
    let (_, answer) = stage.request().await;
    let given_up = stage.ask([2]);
    stage.request_now().await;
    drop(given_up);
    let _third = stage.ask([3]);
    stage.request_now().await;
    answer.send(Ok(Vec::new())).unwrap();
    assert_eq!(stage.request().await.0, [3]);
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_requests_at_a_time() {
    let mut stage = stage(1);
    let asked = stage.ask((0..100).map(|_| 1));
    let mut under_way = Vec::new();
    for _ in 0..REQUESTS_MAX {
        under_way.push(stage.request().await.1);
    }
    let more = timeout(Duration::from_secs(3_600), stage.requests.recv()).await;
    assert!(more.is_err());
    under_way.pop().unwrap().send(Ok(Vec::new())).unwrap();
    stage.request().await;
    drop(asked);
}

#[tokio::test(start_paused = true)]
async fn requests_that_hang_hold_nobody_up_once_their_askers_have_given_up() {
    let mut stage = stage(1);
    let given_up = stage.ask((0..REQUESTS_MAX).map(|_| 1));
    let mut hanging = Vec::new();
    for _ in 0..REQUESTS_MAX {
        hanging.push(stage.request().await);
    }
    let _next = stage.ask([2]);
    assert_eq!(stage.request_now().await, None);
    drop(given_up);
    assert_eq!(stage.request_now().await, Some(vec![2]));
}
