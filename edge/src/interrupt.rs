//! What may end an answer that lasts, beside the upstream: the server's shutdown, a deadline, the caller's own messages.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::problem::Problem;
use crate::requests::Faults;
use crate::serve::Shutdown;

/// The first of them.
#[derive(Debug, Default)]
pub(crate) struct Interrupt {
    faults: Faults,
    deadline: Option<Pin<Box<Sleep>>>,
    shutdown: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl Interrupt {
    /// What is wrong with the caller's own messages.
    pub(crate) fn new(faults: Faults) -> Self {
        Self {
            faults,
            ..Self::default()
        }
    }

    /// `DEADLINE_EXCEEDED` then, if there is a deadline.
    pub(crate) fn at(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
        self
    }

    /// `SHUTTING_DOWN` when the server does.
    pub(crate) fn on(mut self, shutdown: Option<&Shutdown>) -> Self {
        self.shutdown = shutdown.map(|shutdown| Box::pin(shutdown.0.clone().cancelled_owned()));
        self
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Problem> {
        if let Some(shutdown) = &mut self.shutdown
            && shutdown.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Problem::shutting_down());
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Problem::deadline_exceeded());
        }
        self.faults.poll(cx)
    }
}
