//! Why wire bytes cannot be printed. Its place is put together on the way out of the nested messages, so that printing
//! what is right pays nothing for it.

use std::borrow::Cow;

use crate::wire::Malformed;
use crate::{Error, Reason, Violation, pointer};

#[derive(Debug)]
pub(super) struct Fault {
    reason: Reason,
    description: Cow<'static, str>,
    /// The innermost first.
    parts: Vec<String>,
}

impl Fault {
    pub(super) fn new(reason: Reason, description: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self {
            reason,
            description: description.into(),
            parts: Vec::new(),
        })
    }

    /// The same, one step further from the root.
    pub(super) fn within(mut self: Box<Self>, part: impl Into<String>) -> Box<Self> {
        self.parts.push(part.into());
        self
    }
}

impl From<Malformed> for Box<Fault> {
    fn from(malformed: Malformed) -> Self {
        Fault::new(Reason::MalformedWire, malformed.description())
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let mut pointer = String::new();
        for part in fault.parts.iter().rev() {
            pointer::push(&mut pointer, part);
        }
        Violation {
            pointer,
            reason: fault.reason,
            description: fault.description.into_owned(),
        }
        .into()
    }
}
