//! How large payloads may be. The queue of a job type decides, and may be known only after the server has started.

use std::fmt;
use std::sync::Arc;

use crate::catalog::JobType;

/// Tells how many bytes of JSON a payload may have. Cheap to clone.
#[derive(Clone)]
pub struct PayloadLimit(Arc<dyn Fn(&JobType) -> usize + Send + Sync>);

impl PayloadLimit {
    /// What is known of a job type when it is asked for.
    pub fn known(bytes_max: impl Fn(&JobType) -> usize + Send + Sync + 'static) -> Self {
        Self(Arc::new(bytes_max))
    }

    pub(super) fn of(&self, job_type: &JobType) -> usize {
        (self.0)(job_type)
    }
}

/// The same for every job type.
impl From<usize> for PayloadLimit {
    fn from(bytes_max: usize) -> Self {
        Self::known(move |_| bytes_max)
    }
}

impl fmt::Debug for PayloadLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadLimit")
    }
}
