//! What becomes of jobs that nobody tells of: dead letters, deadlines, and what is kept no longer.
//!
//! Every replica sweeps, and none leads: the database gives each row to one of them. Knows nothing of partners, nor of how consumers are
//! told.

mod dead_letters;
mod deadlines;
mod retention;

use tokio_util::sync::CancellationToken;

pub use dead_letters::{DeadLetters, GRACE, Reader as DeadLetterReader};
pub use deadlines::{Deadlines, Error};
pub use retention::Retention;

/// The loops of the sweep.
#[derive(Debug)]
pub struct Sweep {
    /// Finds what nobody will receive again.
    pub dead_letters: DeadLetters,
    /// Ends what nobody told of in time.
    pub deadlines: Deadlines,
    /// Deletes what has been kept long enough.
    pub retention: Retention,
}

impl Sweep {
    /// Sweeps until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        tokio::join!(
            self.dead_letters.run(shutdown.clone()),
            self.deadlines.run(shutdown.clone()),
            self.retention.run(shutdown)
        );
    }
}
