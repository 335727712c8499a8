//! Answers as people read them.

mod event;
mod job;
mod text;

pub(crate) use event::events;
pub(crate) use job::{is_terminal, job, job_row, jobs, state};
