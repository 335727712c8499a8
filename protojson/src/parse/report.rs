//! Where the reading is, and what it found wrong so far.

use std::borrow::Cow;

use super::scalar::Problem;
use crate::json::Malformed;
use crate::{Error, Reason, Violation, pointer};

/// Why reading stops before the end of the text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Halt {
    Malformed(Malformed),
    TooDeep,
    TooLarge,
    /// As many violations as anybody wants to know.
    Enough,
}

impl From<Malformed> for Halt {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// A step from a message, map or list into what it holds.
#[derive(Debug, Clone)]
pub(super) enum Part<'a> {
    Name(&'a str),
    Key(Cow<'a, str>),
    Index(usize),
}

/// The path to the value being read, and the violations.
#[derive(Debug)]
pub(super) struct Report<'a> {
    path: Vec<Part<'a>>,
    violations: Vec<Violation>,
    violations_max: usize,
}

impl<'a> Report<'a> {
    pub(super) fn new(violations_max: usize) -> Self {
        Self {
            path: Vec::new(),
            violations: Vec::new(),
            violations_max: violations_max.max(1),
        }
    }

    #[inline]
    pub(super) fn enter(&mut self, part: Part<'a>) {
        self.path.push(part);
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.path.pop();
    }

    /// Notes a violation of the value being read.
    pub(super) fn note(&mut self, problem: Problem) -> Result<(), Halt> {
        if self.violations.len() >= self.violations_max {
            return Err(Halt::Enough);
        }
        let Problem { reason, description } = problem;
        let violation = Violation {
            pointer: self.pointer(),
            reason,
            description: description.into_owned(),
        };
        self.violations.push(violation);
        Ok(())
    }

    /// The outcome, once reading is over or was halted at the path as it is.
    pub(super) fn finish(mut self, read: Result<(), Halt>) -> Result<(), Error> {
        let is_truncated = read.is_err();
        let noted = match read {
            Ok(()) | Err(Halt::Enough) => Ok(()),
            Err(Halt::Malformed(Malformed {
                expected,
                offset_bytes,
            })) => {
                let description = format!("malformed JSON: expected {expected} at byte {offset_bytes}");
                self.note(Problem::new(Reason::MalformedJson, description))
            }
            Err(Halt::TooDeep) => self.note(Problem::new(Reason::TooDeep, "nested too deeply")),
            Err(Halt::TooLarge) => self.note(Problem::new(Reason::TooLarge, "the message is too large")),
        };
        if self.violations.is_empty() {
            return Ok(());
        }
        Err(Error::new(self.violations, is_truncated || noted.is_err()))
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for part in &self.path {
            match part {
                Part::Name(name) => pointer::push(&mut pointer, name),
                Part::Key(key) => pointer::push(&mut pointer, key),
                Part::Index(index) => pointer::push(&mut pointer, &index.to_string()),
            }
        }
        pointer
    }
}
