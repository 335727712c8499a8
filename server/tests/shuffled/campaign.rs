//! A few jobs from their submission until nothing more is told of them.

mod check;
mod consumer;

use std::collections::{HashMap, HashSet};

use postern_proto::postern::v1::job_service_server::JobService as _;
use postern_proto::postern::v1::{CancelJobRequest, Job as Shown, Progress, SubmitJobRequest};
use postern_proto::postern::work::v1::work_service_server::WorkService as _;
use postern_proto::postern::work::v1::{BeginTaskRequest, HeartbeatRequest};
use postern_server::job::{JobId, Timestamp};
use postern_server::store::HistoryEntry;
use postern_server::store::system::Sending;
use tonic::Request;

use check::is_outdated;
use consumer::{Message, Task, Told};

use crate::world::{World, ask};

const JOBS: usize = 6;
/// Far more than a campaign takes.
const ROUNDS_MAX: usize = 1_000;
/// Of SQS.
const BATCH_MAX: u64 = 10;

/// What happens to a few jobs, from their submission until nothing more is told of them.
pub(super) struct Campaign<'a> {
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
    pub(super) fn new(world: &'a World, seed: u64) -> Self {
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

    pub(super) async fn run(mut self) {
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
        let bodies: Vec<_> = batch.iter().map(|message| message.body.as_str()).collect();
        self.world.send(&bodies).await;
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
