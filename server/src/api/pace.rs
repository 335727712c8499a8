//! How often a reader of changes looks into the database. Knows nothing of what it reads.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// Between two looks of one reader: what changes meanwhile is told together. A partner whose jobs change all the time would otherwise
/// have each of its readers read once a change.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two looks at changes that are held back; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// One reader's pace. The first look after a rest is at once.
#[derive(Debug, Default)]
pub(super) struct Pace {
    not_before: Option<Instant>,
}

impl Pace {
    /// Returns when the reader may look.
    pub(super) async fn turn(&mut self) {
        if let Some(time) = self.not_before {
            sleep_until(time).await;
        }
        self.not_before = Some(Instant::now() + LOOK_EVERY);
    }

    /// The last look left something over: the next is to be at once.
    pub(super) const fn hurry(&mut self) {
        self.not_before = None;
    }
}

/// The time between two looks at changes that are held back: whatever holds them back tells nobody when it ends.
#[derive(Debug, Default)]
pub(super) struct Pause {
    length: Duration,
}

impl Pause {
    /// Returns when to look again; never, where nothing is held back.
    pub(super) async fn after(&mut self, is_held_back: bool) {
        if !is_held_back {
            self.length = Duration::ZERO;
            return std::future::pending().await;
        }
        self.length = (self.length * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        sleep(self.length).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_woken_all_the_time_looks_twenty_times_a_second() {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        for _ in 0..21 {
            pace.turn().await;
        }
        assert_eq!(begin.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_and_while_there_is_more_it_looks_at_once() {
        let mut pace = Pace::default();
        pace.turn().await;
        sleep(LOOK_EVERY).await;
        let begin = Instant::now();
        for _ in 0..100 {
            pace.turn().await;
            pace.hurry();
        }
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
