//! A test kit for handlers: no queue, no network, no server. A [`Trial`] makes a task of a payload, runs a handler on it by the same code as a
//! consumer, and tells what would have been told.
//!
//! ```
//! use postern_worker::testing::{End, Trial};
//! # use postern_worker::{Code, Context, Failure, Handler, Task};
//! # use serde_json::{Value, json};
//! #
//! # #[derive(serde::Deserialize)]
//! # struct Greeting { name: String }
//! #
//! # struct Greet;
//! #
//! # impl Handler for Greet {
//! #     const JOB_TYPE: &'static str = "example.greet";
//! #     type Payload = Greeting;
//! #     type Output = Value;
//! #
//! #     async fn handle(&self, task: Task<Greeting>, _context: &Context) -> Result<Value, Failure> {
//! #         if task.payload.name.is_empty() {
//! #             return Err(Failure::new(Code::NotFound, "NOBODY_THERE", "there is nobody to greet"));
//! #         }
//! #         Ok(json!({ "greeting": format!("Hello, {}!", task.payload.name) }))
//! #     }
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let outcome = Trial::new(Greet).payload(json!({ "name": "Ada" })).run().await;
//! assert_eq!(outcome.result(), Some(&json!({ "greeting": "Hello, Ada!" })));
//!
//! let outcome = Trial::new(Greet).payload(json!({ "name": "" })).run().await;
//! assert_eq!((outcome.end(), outcome.reason()), (&End::Failed, Some("NOBODY_THERE")));
//!
//! // What the handler cannot read never reaches it.
//! let outcome = Trial::new(Greet).payload(json!({ "name": 7 })).run().await;
//! assert_eq!((outcome.reason(), outcome.violations()), (Some("PAYLOAD_UNREADABLE"), vec!["/name"]));
//! # }
//! ```
//!
//! Waits are those of tokio's clock, so `#[tokio::test(start_paused = true)]` lets a handler that waits for hours end at once. What the catalog's
//! schema says of a payload is not known here: that is for a contract test, with `postern catalog example`.

mod outcome;
mod running;
mod trial;

pub use crate::context::Progress;
pub use outcome::{End, Outcome};
pub use running::Running;
pub use trial::Trial;
