//! `WatchJobs`: all jobs of a partner in one stream: first those that are not terminal, if asked for, then each change.
//!
//! Poll-driven like a watch of one job: the next page is read when the reader has taken the last one, and what it did not take in time is read
//! anew, so a slow reader gets the newest state of each job and never a backlog.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, stream};
use postern_proto::postern::v1::{WatchJobsRequest, WatchJobsResponse};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, Span};

use super::cursor::Feed;
use super::pace::{Pace, Pause};
use super::problem::Problem;
use super::term::Term;
use super::{Api, caller, convert};
use crate::hub::Subscription;
use crate::job::{Job, JobId, Timestamp};
use crate::store::Cursor;

/// When nothing changes for so long, the cursor alone is sent.
const REPEAT_AFTER: Duration = Duration::from_secs(30);
/// Jobs that are read at once: they are in memory until the reader takes them.
const PAGE_SIZE: usize = 100;
/// What was read longer ago is not told any more, but read again.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The stream of a watch of all jobs.
pub(super) type WatchedJobs = Pin<Box<dyn Stream<Item = Result<WatchJobsResponse, Status>> + Send>>;

impl Api {
    pub(super) async fn watch_all(
        &self,
        request: Request<WatchJobsRequest>,
    ) -> Result<Response<WatchedJobs>, Status> {
        let caller = caller(&request)?.clone();
        let request = request.into_inner();
        let mut violations = Vec::new();
        let feed = Feed::new(caller.partner.clone(), request.job_type, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations).into());
        }
        let cursor = feed.read(&self.seal, &request.cursor, Timestamp::now())?;
        // Before the first reading, so that no change between the two is missed.
        let subscription = self.hub.subscribe_all(&feed.partner);
        let changes = self.page(&feed, cursor, PAGE_SIZE).await?;
        let watch = WatchAll {
            api: self.clone(),
            feed,
            term: Term::new(&caller, &self.shutdown),
            subscription,
            pace: Pace::default(),
            pause: Pause::default(),
            stage: match cursor {
                Some(_) => Stage::Changes,
                None if request.snapshot => Stage::Snapshot { after: None },
                None => Stage::Begin,
            },
            cursor: cursor.unwrap_or(changes.next),
            page: Page::of_changes(changes.jobs),
            over: false,
        };
        // What goes wrong later is logged under the call's request id too.
        let span = Span::current();
        let next = move |watch: WatchAll| watch.next().instrument(span.clone());
        Ok(Response::new(Box::pin(stream::unfold(watch, next))))
    }
}

/// One reader's place.
struct WatchAll {
    api: Api,
    feed: Feed,
    term: Term,
    subscription: Subscription,
    pace: Pace,
    pause: Pause,
    stage: Stage,
    /// Up to here the reader has been told everything, once the snapshot is over.
    cursor: Cursor,
    page: Page,
    over: bool,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Stage {
    /// The jobs that are not terminal and come after this one in their list.
    Snapshot { after: Option<JobId> },
    /// The first cursor, which was taken before all else.
    Begin,
    /// What changed after the cursor.
    Changes,
}

/// What was read, and the reader has not taken yet.
struct Page {
    jobs: VecDeque<(Job, Option<Cursor>)>,
    read_at: Instant,
}

impl WatchAll {
    async fn next(mut self) -> Option<(Result<WatchJobsResponse, Status>, Self)> {
        if self.over {
            return None;
        }
        let item = self.message().await;
        self.over = item.is_err();
        Some((item.map_err(Status::from), self))
    }

    async fn message(&mut self) -> Result<WatchJobsResponse, Problem> {
        // There may be no end of changes to tell.
        self.term.check()?;
        if let Stage::Snapshot { after } = self.stage {
            if let Some(job) = self.active(after).await? {
                self.stage = Stage::Snapshot { after: Some(job.id) };
                return Ok(tell(Some(&job), String::new()));
            }
            self.stage = Stage::Begin;
        }
        let job = match self.stage {
            Stage::Begin => None,
            Stage::Snapshot { .. } | Stage::Changes => self.changed().await?,
        };
        self.stage = Stage::Changes;
        let cursor = self.feed.token(&self.api.seal, self.cursor, Timestamp::now());
        Ok(tell(job.as_ref(), cursor))
    }

    /// The next job that is not terminal.
    async fn active(&mut self, after: Option<JobId>) -> Result<Option<Job>, Problem> {
        if let Some((job, _)) = self.page.take() {
            return Ok(Some(job));
        }
        let store = self.api.store.partner();
        let jobs = store
            .active(&self.feed.partner, self.feed.job_type(), after, PAGE_SIZE as u64)
            .await?;
        self.page = Page::new(jobs.into_iter().map(|job| (job, None)).collect());
        Ok(self.page.take().map(|(job, _)| job))
    }

    /// The next job that changed; none when nothing did for long.
    async fn changed(&mut self) -> Result<Option<Job>, Problem> {
        let repeat = Instant::now() + REPEAT_AFTER;
        loop {
            if let Some((job, cursor)) = self.page.take() {
                self.cursor = cursor.unwrap_or(self.cursor);
                return Ok(Some(job));
            }
            tokio::select! {
                () = self.pace.turn() => {}
                problem = self.term.over() => return Err(problem),
            }
            let changes = self.api.page(&self.feed, Some(self.cursor), PAGE_SIZE).await?;
            if changes.jobs.len() == PAGE_SIZE {
                self.pace.hurry();
            }
            if !changes.jobs.is_empty() {
                self.page = Page::of_changes(changes.jobs);
                continue;
            }
            self.cursor = changes.next;
            tokio::select! {
                () = self.subscription.changed() => {}
                () = self.pause.after(changes.is_held_back) => {}
                () = sleep_until(repeat) => return Ok(None),
                problem = self.term.over() => return Err(problem),
            }
        }
    }
}

impl Page {
    fn new(jobs: VecDeque<(Job, Option<Cursor>)>) -> Self {
        Self {
            jobs,
            read_at: Instant::now(),
        }
    }

    fn of_changes(jobs: Vec<(Job, Cursor)>) -> Self {
        Self::new(
            jobs.into_iter()
                .map(|(job, cursor)| (job, Some(cursor)))
                .collect(),
        )
    }

    fn take(&mut self) -> Option<(Job, Option<Cursor>)> {
        if self.read_at.elapsed() > FRESH_FOR {
            self.jobs.clear();
        }
        self.jobs.pop_front()
    }
}

fn tell(job: Option<&Job>, cursor: String) -> WatchJobsResponse {
    WatchJobsResponse {
        job: job.map(convert::job),
        cursor,
    }
}
