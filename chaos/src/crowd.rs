//! Everybody who uses an installation at once: clients that submit, and readers of every kind.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::dice::Dice;
use crate::follower::{Follower, Way};
use crate::ledger::Ledger;
use crate::order::PARTNERS;
use crate::verdict::{self, Doors};
use crate::watcher::{self, Watcher};

/// How long what was killed last, and what waits for it, may take to be up.
pub(crate) const UP_MAX: Duration = Duration::from_secs(60);
/// How long the last jobs may take once all is up: a server that was killed may have claimed tasks, which others take over when the claim
/// ends.
const SETTLED_MAX: Duration = Duration::from_secs(150);

/// All who are there.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    clients: JoinSet<()>,
    readers: JoinSet<()>,
    followers: JoinSet<Follower>,
    /// No more orders.
    stop: CancellationToken,
    /// Nothing changes any more.
    settled: CancellationToken,
    /// Who has not got an answer by now gets none.
    give_up: CancellationToken,
}

impl Crowd {
    /// So many clients, and their readers.
    ///
    /// # Errors
    /// When a reader has no place to begin.
    pub(crate) async fn gather(
        clients: usize,
        doors: &Doors,
        ledger: &Arc<Ledger>,
        dice: &mut Dice,
    ) -> anyhow::Result<Self> {
        let mut crowd = Self::default();
        for (partner, door) in doors {
            for way in [Way::Polls, Way::Watches] {
                let (door, ledger, dice) = (door.clone(), Arc::clone(ledger), dice.split());
                let follower = Follower::new(way, partner, door, ledger, dice).await?;
                crowd.followers.spawn(follower.run(crowd.settled.clone()));
            }
            let listing = watcher::list(door.clone(), Arc::clone(ledger), crowd.stop.clone());
            crowd.readers.spawn(listing);
        }
        for number in 0..clients {
            let door = &doors[PARTNERS[number % PARTNERS.len()]];
            let (watched, jobs) = mpsc::channel(1);
            let client = Client {
                number,
                door: door.clone(),
                dice: dice.split(),
                ledger: Arc::clone(ledger),
                watcher: watched,
            };
            let watcher = Watcher {
                door: door.clone(),
                ledger: Arc::clone(ledger),
                jobs,
            };
            crowd
                .clients
                .spawn(client.run(crowd.stop.clone(), crowd.give_up.clone()));
            crowd.readers.spawn(watcher.run(crowd.give_up.clone()));
        }
        Ok(crowd)
    }

    /// The clients get their last answers, the last jobs come to their ends, and then the readers have seen them.
    ///
    /// # Errors
    /// When one of them broke off.
    pub(crate) async fn leave(mut self, doors: &Doors, ledger: &Ledger) -> anyhow::Result<Vec<Follower>> {
        self.stop.cancel();
        if timeout(UP_MAX, all(&mut self.clients)).await.is_err() {
            self.give_up.cancel();
        }
        all(&mut self.clients).await?;
        verdict::settled(doors, SETTLED_MAX).await?;
        self.settled.cancel();
        if timeout(UP_MAX, all(&mut self.readers)).await.is_err() {
            self.give_up.cancel();
        }
        all(&mut self.readers).await?;
        let followers = timeout(UP_MAX, all(&mut self.followers)).await;
        followers.unwrap_or_else(|_| {
            ledger.violation("a reader of all jobs never came to an end".to_owned());
            Ok(Vec::new())
        })
    }
}

async fn all<T: 'static>(tasks: &mut JoinSet<T>) -> anyhow::Result<Vec<T>> {
    let mut results = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        results.push(ended.context("a client or a reader broke off")?);
    }
    Ok(results)
}
