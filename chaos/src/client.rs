//! A partner's client under load: submits one order after the other until each is acknowledged, and cancels some.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::door::{Answer, Door};
use crate::ledger::Ledger;
use crate::order::Order;
use crate::seen::Seen;

/// Before a call is made again.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// One client.
#[derive(Debug)]
pub(crate) struct Client {
    /// Which one it is.
    pub(crate) number: usize,
    /// Its way in.
    pub(crate) door: Door,
    /// What it decides by.
    pub(crate) dice: Dice,
    /// Where it writes what it was told.
    pub(crate) ledger: Arc<Ledger>,
    /// Who follows one of its jobs at a time.
    pub(crate) watcher: mpsc::Sender<String>,
}

impl Client {
    /// Submits until it is to stop, and then insists on an answer to its last order, unless everybody gives up.
    pub(crate) async fn run(mut self, stop: CancellationToken, give_up: CancellationToken) {
        let mut number = 0;
        while !stop.is_cancelled() {
            let order = Order::next(&mut self.dice, self.number, number);
            number += 1;
            tokio::select! {
                () = self.order(&order) => {}
                () = give_up.cancelled() => {
                    self.ledger.violation(format!("{} was never answered", order.request_id));
                    return;
                }
            }
            // The rate of a client that has other things to do: it leaves the machine room for the others.
            sleep(self.dice.between(100, 400)).await;
        }
    }

    async fn order(&mut self, order: &Order) {
        let acknowledged = if order.is_doubled {
            let (first, second) = tokio::join!(self.submit(order), self.submit(order));
            first.or(second)
        } else {
            self.submit(order).await
        };
        let Some(seen) = acknowledged else {
            return;
        };
        // Busy with another one, it does not follow this one.
        let _ = self.watcher.try_send(seen.job_id.clone());
        if order.is_cancelled {
            sleep(self.dice.between(0, 40)).await;
            self.cancel(&seen.job_id).await;
        } else if order.is_retried && order.must_fail() {
            self.retry(order.partner, &seen.job_id).await;
        }
    }

    /// Until the order is acknowledged; none when it is refused, as none may be.
    async fn submit(&self, order: &Order) -> Option<Seen> {
        loop {
            match self.door.submit(order).await {
                Answer::Done(seen) => {
                    self.ledger.acknowledged(order, &seen);
                    return Some(seen);
                }
                Answer::Refused(reason) => {
                    self.ledger
                        .violation(format!("{} was refused: {reason}", order.request_id));
                    return None;
                }
                Answer::Unknown => self.again().await,
            }
        }
    }

    async fn cancel(&self, job_id: &str) {
        loop {
            match self.door.cancel(job_id).await {
                Answer::Done(seen) => return self.ledger.saw(&seen),
                Answer::Refused(reason) if reason == "JOB_TERMINAL" => return,
                Answer::Refused(reason) => {
                    let what = format!("the cancellation of {job_id} was refused: {reason}");
                    return self.ledger.violation(what);
                }
                Answer::Unknown => self.again().await,
            }
        }
    }

    /// Once the job has failed, twice: a job has one successor.
    async fn retry(&self, partner: &'static str, job_id: &str) {
        let mut answers = 0;
        while answers < 2 {
            match self.door.retry(job_id).await {
                Answer::Done(seen) => {
                    self.ledger.retried(partner, job_id, &seen);
                    answers += 1;
                }
                Answer::Refused(reason) if reason == "JOB_NOT_TERMINAL" => sleep(RETRY_PAUSE).await,
                Answer::Refused(reason) => {
                    let what = format!("the retry of {job_id} was refused: {reason}");
                    return self.ledger.violation(what);
                }
                Answer::Unknown => self.again().await,
            }
        }
    }

    async fn again(&self) {
        self.ledger.unknown();
        sleep(RETRY_PAUSE).await;
    }
}
