//! What operators do about jobs, each by the real command line against a running stack.

mod desk;
mod jobs;
mod refused;
