//! The tables as sea-orm sees them. `migration` makes them, and says what each is for.
#![allow(
    unreachable_pub,
    reason = "sea-orm's derives make public items of a private room"
)]

pub mod action;
pub mod body;
pub mod counter;
pub mod event;
pub mod job;
pub mod label;
pub mod outcome;
pub mod pause;
pub mod quarantine;
pub mod unique_key;
