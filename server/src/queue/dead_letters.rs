//! The dead letters of the queue of tasks: messages that were received too often without being deleted.
//!
//! A queue of dead letters may be shared, and anybody may put anything into it: what is no task of ours is told apart here, as far as its
//! body shows.

use serde_json::Value;

use super::Error;
use super::body::{Members, Unreadable, object};
use super::inbox::{Inbox, Received};
use super::subject::Subject;

/// The queue of dead tasks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DeadLetters(Inbox);

impl DeadLetters {
    pub(super) const fn new(inbox: Inbox) -> Self {
        Self(inbox)
    }

    /// At most ten messages; waits up to 20 s for the first.
    ///
    /// # Errors
    /// When SQS does not answer.
    pub async fn receive(&self) -> Result<Vec<Received>, Error> {
        self.0.receive().await
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
