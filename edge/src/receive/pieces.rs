//! The body of a request piece by piece, for a stream of messages: bytes as they come, or elements of JSON.
//!
//! Reads on when the next piece is asked for, and not before: whoever takes them slowly slows the caller down.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body as _;
use postern_protojson::Reason;
use tonic::body::Body;

use super::elements::{Elements, Fault, Form};
use super::{PaceLimits, Paced};
use crate::load::Room;
use crate::problem::{Problem, Violation};

/// Bytes of a file in one message at most.
const CHUNK_BYTES_MAX: usize = 64 << 10;

/// Limits of a body that comes in pieces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// One element of JSON.
    pub(crate) element_bytes_max: usize,
    /// All of it.
    pub(crate) bytes_max: u64,
    pub(crate) pace: PaceLimits,
}

/// A body in pieces.
#[derive(Debug)]
pub(crate) struct Pieces {
    body: Paced,
    cut: Cut,
    /// For what has arrived and is not taken.
    room: Room,
    limits: Limits,
    bytes: u64,
    /// Pieces so far.
    count: u64,
    has_ended: bool,
}

#[derive(Debug)]
enum Cut {
    /// What has arrived and is not taken yet.
    Raw(Bytes),
    Elements(Elements),
}

impl Pieces {
    /// The bytes as they come; elements of that form if there is one.
    pub(super) fn new(body: Body, form: Option<Form>, limits: Limits, room: Room) -> Result<Self, Problem> {
        if body.size_hint().lower() > limits.bytes_max {
            return Err(Problem::body_too_large(limits.bytes_max));
        }
        let cut = match form {
            Some(form) => Cut::Elements(Elements::new(form, limits.element_bytes_max)),
            None => Cut::Raw(Bytes::new()),
        };
        Ok(Self {
            body: Paced::new(body, limits.pace),
            cut,
            room,
            limits,
            bytes: 0,
            count: 0,
            has_ended: false,
        })
    }

    /// The next piece, never empty; None behind the last. A problem is the last thing told.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Problem>>> {
        loop {
            match self.take() {
                Ok(None) if self.has_ended => return Poll::Ready(None),
                Ok(None) => self.make_room()?,
                Ok(Some(piece)) => {
                    self.count += 1;
                    return Poll::Ready(Some(Ok(piece)));
                }
                Err(fault) => return Poll::Ready(Some(Err(self.problem(fault)))),
            }
            match ready!(self.body.poll_next(cx))? {
                Some(data) => self.push(data)?,
                None => self.finish(),
            }
        }
    }

    fn take(&mut self) -> Result<Option<Bytes>, Fault> {
        match &mut self.cut {
            Cut::Raw(rest) if rest.is_empty() => Ok(None),
            Cut::Raw(rest) => Ok(Some(rest.split_to(rest.len().min(CHUNK_BYTES_MAX)))),
            Cut::Elements(elements) => elements.next(),
        }
    }

    fn push(&mut self, data: Bytes) -> Result<(), Problem> {
        self.bytes += data.len() as u64;
        if self.bytes > self.limits.bytes_max {
            return Err(Problem::body_too_large(self.limits.bytes_max));
        }
        match &mut self.cut {
            Cut::Raw(rest) => *rest = data,
            Cut::Elements(elements) => elements.push(&data),
        }
        self.make_room()
    }

    fn make_room(&mut self) -> Result<(), Problem> {
        self.room.resize(match &self.cut {
            Cut::Raw(rest) => rest.len(),
            Cut::Elements(elements) => elements.bytes(),
        })
    }

    fn finish(&mut self) {
        self.has_ended = true;
        if let Cut::Elements(elements) = &mut self.cut {
            elements.finish();
        }
    }

    fn problem(&self, fault: Fault) -> Problem {
        match fault {
            Fault::TooLarge => Problem::element_too_large(self.count, self.limits.element_bytes_max),
            Fault::Malformed(description) => Problem::invalid_request(vec![Violation {
                field: format!("/{}", self.count),
                reason: Reason::MalformedJson.as_str(),
                description: description.to_owned(),
            }]),
        }
    }
}
