//! The dead letters of the queues of tasks: messages that were received too often without being deleted.
//!
//! A queue of dead letters may be shared, and anybody may put anything into it: what is no task of ours is told apart here, as far as its
//! body shows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Error;
use super::body::{Members, Unreadable, object};
use super::inbox::{Inbox, Received};
use super::place::{Arn, Place};
use super::subject::Subject;

const WAIT: Duration = Duration::from_secs(20);

/// Where the tasks of all queues of tasks go that were received too often. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    tasks: Vec<Place>,
}

/// A queue of dead tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue(Inbox);

/// Looks for the dead-letter queue of one queue of tasks.
#[derive(Debug)]
pub struct Search {
    tasks: Place,
    /// What searches of the other queues have seen, and this one.
    seen: Arc<Mutex<Vec<Arn>>>,
    is_mine: bool,
}

impl DeadLetters {
    pub(super) const fn new(tasks: Vec<Place>) -> Self {
        Self { tasks }
    }

    /// One search for each queue of tasks: where one cannot be found, the others go on. Together they find each dead-letter queue once,
    /// however many queues of tasks share it.
    #[must_use]
    pub fn searches(&self) -> Vec<Search> {
        let seen = Arc::default();
        let search = |tasks: &Place| Search {
            tasks: tasks.clone(),
            seen: Arc::clone(&seen),
            is_mine: false,
        };
        self.tasks.iter().map(search).collect()
    }

    /// Every dead-letter queue, if all can be found.
    ///
    /// # Errors
    /// When SQS does not answer, or a queue cannot be found.
    pub async fn queues(&self) -> Result<Vec<DeadLetterQueue>, Error> {
        let mut queues = Vec::new();
        for mut search in self.searches() {
            queues.extend(search.find().await?);
        }
        Ok(queues)
    }
}

impl Search {
    /// The queue, unless there is none, or another search has it. Without one tasks are received for ever, and with one that does not exist
    /// nobody learns of them: their jobs then expire.
    ///
    /// # Errors
    /// When SQS does not answer, or a queue cannot be found: the search may go on.
    pub async fn find(&mut self) -> Result<Option<DeadLetterQueue>, Error> {
        let Some(arn) = &self.tasks.found().await?.dead_letters else {
            tracing::warn!(
                queue = self.tasks.name(),
                "a queue of tasks has no dead-letter queue: a task that kills its consumers comes again until its job expires"
            );
            return Ok(None);
        };
        self.is_mine = self.is_mine || is_first(&self.seen, arn);
        if !self.is_mine {
            return Ok(None);
        }
        match Place::of(self.tasks.client().clone(), arn).await {
            Ok(place) => Ok(Some(DeadLetterQueue(Inbox::new(place)))),
            Err(Error::Missing(queue)) => {
                tracing::warn!(queue, "the dead-letter queue of a queue of tasks does not exist");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_first(seen: &Mutex<Vec<Arn>>, arn: &Arn) -> bool {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = !seen.contains(arn);
    if is_first {
        seen.push(arn.clone());
    }
    is_first
}

impl DeadLetterQueue {
    /// At most ten messages; waits up to 20 s for the first.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn receive(&self) -> Result<Vec<Received>, Error> {
        self.0.receive(WAIT).await
    }

    /// Deletes messages. Those that SQS keeps come again: it returns how many.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn delete(&self, receipts: &[String]) -> Result<usize, Error> {
        self.0.delete(receipts).await
    }
}

/// The task that the body of a dead letter is. Whether it is authentic, its token says.
///
/// # Errors
/// When it cannot be a task.
pub fn read_dead_letter(body: &str) -> Result<Subject, Unreadable> {
    let object = object(body)?;
    let members = Members(&object);
    // Outcomes carry the same token, and may end in the same queue.
    if members.get("event").is_some_and(Value::is_string) {
        return Err(Unreadable::NoTask);
    }
    Subject::of(&members)
}
