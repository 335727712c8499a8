//! Ways to a server that fail when a test says so: [`Link`] is one for any bytes, [`Queues`] one that speaks SQS.

mod link;
mod queues;

pub use link::{Link, Target, Trouble};
pub use queues::{Queues, Refusal};
