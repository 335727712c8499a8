//! A stream in gzip, every message of it readable at once.
//!
//! Each is compressed for itself: between two of them only a checksum is kept, where a compressor would hold a quarter
//! of a megabyte for every stream that is open.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::{Crc, FlushCompress};

use super::{HEADER, deflate, end};
use crate::render;

/// Stored as it is; deflating costs more than it saves.
const STORED_BYTES_MAX: u16 = 128;

/// The rendered messages, compressed.
pub(crate) struct Stream {
    inner: render::Stream,
    crc: Crc,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Beginning,
    Running,
    Ended,
}

impl Stream {
    pub(crate) fn new(inner: render::Stream) -> Self {
        Self {
            inner,
            crc: Crc::new(),
            state: State::Beginning,
        }
    }

    /// The next bytes; None behind the end.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.state == State::Ended {
            return Poll::Ready(None);
        }
        let chunk = ready!(self.inner.poll_chunk(cx));
        let mut out = Vec::new();
        if self.state == State::Beginning {
            self.state = State::Running;
            out.extend_from_slice(&HEADER);
        }
        match chunk {
            Some(chunk) => {
                self.crc.update(&chunk);
                write(&chunk, &mut out);
            }
            None => {
                self.state = State::Ended;
                // A last block, stored, with nothing in it.
                out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
                end(&self.crc, &mut out);
            }
        }
        Poll::Ready(Some(out.into()))
    }
}

/// Blocks that begin and end at a byte, and refer to nothing before them.
fn write(chunk: &[u8], out: &mut Vec<u8>) {
    match u16::try_from(chunk.len()) {
        Ok(length) if length <= STORED_BYTES_MAX => {
            out.push(0);
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&(!length).to_le_bytes());
            out.extend_from_slice(chunk);
        }
        _ => deflate(chunk, FlushCompress::Sync, out),
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
