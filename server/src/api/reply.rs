//! Response metadata that any edge can honour: status, headers of HTTP. contract: `http-status`, `location`, `etag`, `retry-after`, `cache-control`.

use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

use super::problem::Problem;
use crate::job::Job;

/// Seconds after which polling again is sensible.
const POLL_SECONDS: u32 = 2;

/// A reply that is being given its metadata.
pub(super) struct Reply<T>(Response<T>);

impl<T> Reply<T> {
    pub(super) fn new(message: T) -> Self {
        Self(Response::new(message))
    }

    /// A job was taken in: 202, and where it is.
    pub(super) fn accepted(self, job: &Job) -> Result<Self, Status> {
        self.with("http-status", "202")?
            .with("location", &format!("/v1/jobs/{}", job.id))?
            .etag(job)
    }

    /// It is done, and that is all.
    pub(super) fn nothing_to_tell(self) -> Result<Self, Status> {
        self.with("http-status", "204")
    }

    /// A job as it is now: its revision as validator, and when to ask again while it can change.
    pub(super) fn polled(self, job: &Job) -> Result<Self, Status> {
        let reply = self.etag(job)?.with("cache-control", "no-store")?;
        if job.state.is_terminal() {
            Ok(reply)
        } else {
            reply.with("retry-after", &POLL_SECONDS.to_string())
        }
    }

    pub(super) fn done(self) -> Response<T> {
        self.0
    }

    fn etag(self, job: &Job) -> Result<Self, Status> {
        self.with("etag", &format!("\"{}\"", job.revision))
    }

    fn with(mut self, name: &'static str, value: &str) -> Result<Self, Status> {
        let value: MetadataValue<_> = value
            .parse()
            .map_err(|_invalid| Status::from(Problem::internal()))?;
        self.0.metadata_mut().insert(name, value);
        Ok(self)
    }
}
