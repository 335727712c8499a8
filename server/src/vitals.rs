//! How things stand: what waits in the database, by job type, and what lies in the queues. Read every quarter of a minute for metrics, and
//! anew for whoever asks.
//!
//! Reads alone; changes nothing, and decides nothing. Every server reads the same, so whoever adds up takes one of them.

mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, JobType};
use crate::hub::Hub;
use crate::job::Timestamp;
use crate::queue::Census;
use crate::store::{self, Standing, Store, TypeStanding};
use shown::Shown;

pub use crate::queue::{Counted, Role};

const EVERY: Duration = Duration::from_secs(15);
/// Where a reading takes long, because much waits, it takes no more than this part of the time.
const SHARE: u32 = 20;
/// What was read longer ago is not shown any more, be it that the next reading is due later.
const FRESH_FOR: Duration = Duration::from_mins(5);

/// Reads how things stand. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vitals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    census: Census,
    catalog: Arc<Catalog>,
    hub: Hub,
    last: watch::Sender<Option<Arc<Reading>>>,
    /// Whoever reads.
    turn: Mutex<()>,
}

/// How things stood at a time.
#[derive(Debug)]
pub struct Reading {
    /// When it was begun.
    pub time: Timestamp,
    /// What waits, of every job type of the catalog and of those besides that have jobs which have not ended; and what could not be used.
    pub standing: Standing,
    /// What lies in the queues.
    pub queues: Vec<Counted>,
    began: Instant,
    took: Duration,
}

impl Reading {
    /// Whether it still tells how things stand: this process may have lost its database, while others have theirs.
    fn is_fresh(&self) -> bool {
        self.began.elapsed() < FRESH_FOR.max(2 * pause_after(self.took))
    }
}

/// How long to wait until the next reading.
fn pause_after(took: Duration) -> Duration {
    EVERY.max(took * SHARE)
}

impl Vitals {
    /// Of these parts. Nothing has been read yet.
    #[must_use]
    pub fn new(store: Store, census: Census, catalog: Arc<Catalog>, hub: Hub) -> Self {
        Self(Arc::new(Inner {
            store,
            census,
            catalog,
            hub,
            last: watch::Sender::new(None),
            turn: Mutex::new(()),
        }))
    }

    /// Shows the last reading in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(Shown(self.clone())));
    }

    /// Reads how things stand, in a few seconds at most where a queue does not answer. Of many who ask at once, the first two read.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self) -> Result<Arc<Reading>, store::Error> {
        let asked = Instant::now();
        let _turn = self.0.turn.lock().await;
        if let Some(reading) = self.last()
            && reading.began >= asked
        {
            return Ok(reading);
        }
        let (time, began) = (Timestamp::now(), Instant::now());
        let (standing, queues) = tokio::join!(self.standing(time), self.0.census.count());
        let reading = Arc::new(Reading {
            time,
            standing: standing?,
            queues,
            began,
            took: began.elapsed(),
        });
        self.0.last.send_replace(Some(Arc::clone(&reading)));
        Ok(reading)
    }

    /// Which of the queues the tasks of a job type go to.
    #[must_use]
    pub fn queue_of(&self, job_type: &str) -> &str {
        let job_type = self.0.catalog.get(job_type);
        self.0.census.name(job_type.and_then(JobType::queue))
    }

    /// Reads again and again until it is told to stop.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            let began = Instant::now();
            let read = tokio::select! {
                read = self.read() => read,
                () = shutdown.cancelled() => return,
            };
            if let Err(error) = read {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "how things stand could not be read"
                );
            }
            tokio::select! {
                () = tokio::time::sleep(pause_after(began.elapsed())) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn last(&self) -> Option<Arc<Reading>> {
        self.0.last.borrow().clone()
    }

    async fn standing(&self, now: Timestamp) -> Result<Standing, store::Error> {
        let standing = self.0.store.system().standing(now).await?;
        let nothing = self.0.catalog.iter().map(|job_type| TypeStanding {
            job_type: job_type.name().to_owned(),
            ..TypeStanding::default()
        });
        let types: BTreeMap<_, _> = nothing
            .chain(standing.types)
            .map(|of_type| (of_type.job_type.clone(), of_type))
            .collect();
        Ok(Standing {
            types: types.into_values().collect(),
            ..standing
        })
    }
}
