//! `ListJobChanges`: what changed since a cursor, at once or as soon as there is something.

use postern_proto::postern::v1::{ListJobChangesRequest, ListJobChangesResponse};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status};

use super::cursor::{Feed, cursor_expired};
use super::pace::{Pace, Pause};
use super::page::page_size_or;
use super::problem::Problem;
use super::{Api, caller, convert, wait};
use crate::job::Timestamp;
use crate::store::{Changes, Cursor};

const SIZE_DEFAULT: usize = 100;

impl Api {
    pub(super) async fn list_changes(
        &self,
        request: Request<ListJobChangesRequest>,
    ) -> Result<Response<ListJobChangesResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let longest = wait::longest(request.metadata());
        let request = request.into_inner();
        let mut violations = Vec::new();
        let size = page_size_or(SIZE_DEFAULT, request.page_size, &mut violations);
        let until = wait::until(request.wait.as_ref(), longest, &mut violations);
        let feed = Feed::new(partner, request.job_type, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations).into());
        }
        let cursor = feed.read(&self.seal, &request.cursor, Timestamp::now())?;
        let changes = match until {
            None => self.page(&feed, cursor, size).await?,
            Some(until) => self.wait_for_changes(&feed, cursor, size, until).await?,
        };
        Ok(Response::new(ListJobChangesResponse {
            next_cursor: feed.token(&self.seal, changes.next, Timestamp::now()),
            jobs: changes.jobs.iter().map(|(job, _)| convert::job(job)).collect(),
        }))
    }

    /// What changed after the cursor, or, without one, where changes stand now.
    pub(super) async fn page(
        &self,
        feed: &Feed,
        after: Option<Cursor>,
        size: usize,
    ) -> Result<Changes, Problem> {
        self.store
            .partner()
            .changes(&feed.partner, feed.job_type(), after.as_ref(), size as u64)
            .await?
            .ok_or_else(cursor_expired)
    }

    /// The first changes after the cursor, and when time is up none.
    async fn wait_for_changes(
        &self,
        feed: &Feed,
        after: Option<Cursor>,
        size: usize,
        until: Instant,
    ) -> Result<Changes, Problem> {
        // Before the first reading, so that no change between the two is missed.
        let mut subscription = self.hub.subscribe_all(&feed.partner);
        let mut after = after;
        let (mut pace, mut pause) = (Pace::default(), Pause::default());
        loop {
            pace.turn().await;
            let changes = self.page(feed, after, size).await?;
            if !changes.jobs.is_empty() {
                return Ok(changes);
            }
            after = Some(changes.next);
            tokio::select! {
                () = subscription.changed() => {}
                () = pause.after(changes.is_held_back) => {}
                () = sleep_until(until) => return self.page(feed, after, size).await,
                () = self.shutdown.cancelled() => return Ok(changes),
            }
        }
    }
}
