//! What time alone does to jobs: deadlines, and what is kept no longer.
//!
//! Every replica sweeps, and none leads: the database gives each row to one of them. Knows nothing of partners, nor of how consumers are
//! told.

mod deadlines;
mod retention;

use tokio_util::sync::CancellationToken;

pub use deadlines::{Deadlines, Error};
pub use retention::Retention;

/// The loops of the sweep.
#[derive(Debug)]
pub struct Sweep {
    /// Ends what nobody told of in time.
    pub deadlines: Deadlines,
    /// Deletes what has been kept long enough.
    pub retention: Retention,
}

impl Sweep {
    /// Sweeps until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::join!(self.deadlines.run(shutdown.clone()), self.retention.run(shutdown));
    }
}
