//! WatchJob: a job now, then again at every change, until it is terminal.
//!
//! Poll-driven: the next state is read when the reader asks for it, so a slow reader gets the newest and never a backlog.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, stream};
use postern_proto::postern::v1::{WatchJobRequest, WatchJobResponse};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status};
use tracing::{Instrument as _, Span};

use super::get::job_id;
use super::problem::Problem;
use super::term::Term;
use super::{Api, caller};
use crate::hub::Subscription;
use crate::job::{Job, JobId, PartnerId};

/// When nothing changes for so long, the newest state is repeated.
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// The stream of a watch.
pub(super) type Watched = Pin<Box<dyn Stream<Item = Result<WatchJobResponse, Status>> + Send>>;

impl Api {
    pub(super) async fn watch(&self, request: Request<WatchJobRequest>) -> Result<Response<Watched>, Status> {
        let caller = caller(&request)?.clone();
        let request = request.into_inner();
        let id = job_id(&request.job_id)?;
        // Before the first reading, so that no change between the two is missed.
        let subscription = self.hub.subscribe(id);
        self.read(&caller.partner, id, request.after_revision).await?;
        let watch = Watch {
            api: self.clone(),
            term: Term::new(&caller, &self.shutdown),
            partner: caller.partner,
            id,
            subscription,
            seen: request.after_revision,
            over: false,
        };
        // What goes wrong later is logged under the call's request id too.
        let span = Span::current();
        let next = move |watch: Watch| watch.next().instrument(span.clone());
        Ok(Response::new(Box::pin(stream::unfold(watch, next))))
    }
}

/// One reader's place.
struct Watch {
    api: Api,
    partner: PartnerId,
    id: JobId,
    subscription: Subscription,
    seen: Option<i32>,
    term: Term,
    over: bool,
}

impl Watch {
    async fn next(mut self) -> Option<(Result<WatchJobResponse, Status>, Self)> {
        if self.over {
            return None;
        }
        let item = match self.newer().await {
            Ok(Some(job)) => self.tell(&job).await,
            Ok(None) => return None,
            Err(problem) => Err(problem),
        };
        self.over |= item.is_err();
        Some((item.map_err(Status::from), self))
    }

    /// The job once its revision is one the reader has not seen, or has not been told for long; none once there will be no more.
    async fn newer(&mut self) -> Result<Option<Job>, Problem> {
        let repeat = Instant::now() + REPEAT_AFTER;
        loop {
            // There may always be something newer for a slow reader.
            self.term.check()?;
            let job = self.api.read(&self.partner, self.id, None).await?;
            if self.seen.is_none_or(|seen| job.revision > seen) {
                return Ok(Some(job));
            }
            if job.state.is_terminal() {
                return Ok(None);
            }
            tokio::select! {
                () = self.subscription.changed() => {}
                // Read anew: what is no revision, as a deadline that moved on, wakes nobody.
                () = sleep_until(repeat) => return self.api.read(&self.partner, self.id, None).await.map(Some),
                problem = self.term.over() => return Err(problem),
            }
        }
    }

    async fn tell(&mut self, job: &Job) -> Result<WatchJobResponse, Problem> {
        self.seen = Some(job.revision);
        self.over = job.state.is_terminal();
        Ok(WatchJobResponse {
            job: Some(self.api.with_result(&self.partner, job).await?),
        })
    }
}
