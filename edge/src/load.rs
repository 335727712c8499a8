//! What an edge carries at once: calls, streams, and the bytes of bodies. Whatever comes beyond is refused at once: a queue
//! would only make everybody late. Knows nothing of what is carried.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Bytes that need no room: they are as little as what a call takes anyhow.
const FREE_BYTES: usize = 4 << 10;

/// The limits, and what is left of them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

/// A call's, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
}

/// The bytes that a call holds.
#[derive(Debug)]
pub(crate) struct Room {
    bytes: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Load {
    pub(crate) fn new(calls_max: usize, streams_max: usize, bytes_max: usize) -> Self {
        let semaphore = |max: usize| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self {
            calls: semaphore(calls_max),
            streams: semaphore(streams_max),
            bytes: semaphore(bytes_max),
        }
    }

    /// A place for a call. Streams have their own: they may last, and must not keep others out.
    pub(crate) fn place(&self, is_stream: bool) -> Result<Place, Problem> {
        let places = if is_stream { &self.streams } else { &self.calls };
        match places.clone().try_acquire_owned() {
            Ok(permit) => Ok(Place { _permit: permit }),
            Err(_) => Err(Problem::overloaded()),
        }
    }

    /// Room for nothing so far.
    pub(crate) fn room(&self) -> Room {
        Room {
            bytes: self.bytes.clone(),
            held: None,
        }
    }
}

impl Room {
    /// Room for so many bytes, instead of those before.
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<(), Problem> {
        let wanted = if bytes > FREE_BYTES { bytes } else { 0 };
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted < held {
            let excess = self.held.as_mut().and_then(|permit| permit.split(held - wanted));
            drop(excess);
        } else if wanted > held {
            let more = u32::try_from(wanted - held).ok();
            let more = more.and_then(|more| self.bytes.clone().try_acquire_many_owned(more).ok());
            let more = more.ok_or_else(Problem::overloaded)?;
            match &mut self.held {
                Some(held) => held.merge(more),
                None => self.held = Some(more),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_back_and_streams_take_none_of_the_calls() {
        let load = Load::new(1, 1, 0);
        let call = load.place(false).unwrap();
        let _stream = load.place(true).unwrap();
        assert!(load.place(false).is_err() && load.place(true).is_err());
        drop(call);
        assert!(load.place(false).is_ok());
    }

    #[test]
    fn room_grows_and_shrinks_and_is_given_back() {
        let load = Load::new(0, 0, 100_000);
        let (mut one, mut other) = (load.room(), load.room());
        one.resize(80_000).unwrap();
        assert!(other.resize(30_000).is_err());
        other.resize(20_000).unwrap();
        assert!(one.resize(80_001).is_err());
        one.resize(FREE_BYTES).unwrap();
        other.resize(100_000).unwrap();
        assert!(one.resize(FREE_BYTES + 1).is_err());
        drop(other);
        one.resize(100_000).unwrap();
    }
}
