//! An embeddable, durable SQS endpoint for development, tests and one-machine installs.
//!
//! [`Endpoint::open`] opens a data folder, [`Endpoint::serve`] answers HTTP/1.1 on a listener with both protocols that
//! SDKs speak: the JSON protocol (`application/x-amz-json-1.0`) and, for older ones, Query/XML. A message that was
//! acknowledged is on disk: SQLite, synchronous, many concurrent sends in one transaction; `kill -9` loses nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use postern_localsqs::{Config, Endpoint};
//! use tokio_util::sync::CancellationToken;
//!
//! let endpoint = Endpoint::open(Config::new(".postern")).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9324").await?;
//! endpoint.serve(listener, CancellationToken::new()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The account is always `000000000000`; queue URLs are `http://<Host header>/000000000000/<name>`, and of a queue URL
//! in a request only the path counts. The region of an ARN is the one the client signed for.
//!
//! # What it does not do
//!
//! - **It checks no signature**: any credentials and any region will do. Bind it to a loopback address. Requests with an
//!   `Origin` header are refused, so that web pages cannot reach it there.
//! - FIFO queues, tags (accepted on creation and dropped), permissions, policies and encryption:
//!   refused with `UnsupportedOperation` or `InvalidAttributeName`, never silently half done.
//! - The limit of 120,000 messages in flight is not enforced, counts are exact rather than approximate, a deleted
//!   queue's name may be used again at once, and a purge or a message move task is finished when it is answered, however
//!   few messages a second it was to move.
//! - `MessageGroupId` is kept and returned; nothing is made fairer by it.
//! - One process a data folder; a second one is refused. No clustering, no TLS, no HTTP/2.
//!
//! # Map
//!
//! `serve` accepts connections, `wire` turns HTTP into a call and an answer back into either protocol, `api` answers
//! calls, `queue`, `message`, `receipt` hold the rules of SQS and know no I/O, `store` is all of SQL and the group
//! commit, `line` lets long polls wait without asking the database again and again.

mod api;
mod endpoint;
mod fault;
mod line;
mod message;
mod queue;
mod receipt;
mod serve;
mod store;
mod timestamp;
mod wire;

pub use endpoint::{Config, Endpoint, Error};
