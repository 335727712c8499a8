//! What operators do about jobs, each by the real command line against a running stack.

mod away;
mod bulk;
mod desk;
mod help;
mod jobs;
mod refused;
mod states;
mod waiting;
