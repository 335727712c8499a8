//! Answers as people read them.

mod action;
mod event;
mod job;
mod quarantine;
mod status;
mod text;

pub(crate) use action::{acted_on, action, actions, pauses};
pub(crate) use event::events;
pub(crate) use job::{is_terminal, job, job_line, jobs, state};
pub(crate) use quarantine::{quarantined, quarantined_message};
pub(crate) use status::status;
