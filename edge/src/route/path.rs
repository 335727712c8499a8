//! The path of a request: split first, decoded after.

use std::borrow::Cow;

use super::decode;
use super::template::Variable;

/// A path split at its slashes. Lives as long as the request's URI.
#[derive(Debug)]
pub(crate) struct Path<'a> {
    parts: Vec<Part<'a>>,
    /// The last segment without what follows its last colon, and that.
    verb: Option<(Part<'a>, Cow<'a, str>)>,
}

/// One segment as it was written and, unless it is broken, what it says.
#[derive(Debug, Clone)]
struct Part<'a> {
    raw: &'a str,
    text: Option<Cow<'a, str>>,
}

impl<'a> Path<'a> {
    /// Splits the path of a URI. The path `/` has no segments.
    pub(crate) fn split(path: &'a str) -> Self {
        let path = path.strip_prefix('/').unwrap_or(path);
        let parts: Vec<_> = match path {
            "" => Vec::new(),
            path => path.split('/').map(Part::new).collect(),
        };
        let verb = parts.last().and_then(|last| {
            let (head, verb) = last.raw.rsplit_once(':')?;
            Some((Part::new(head), decode::segment(verb)?))
        });
        Self { parts, verb }
    }

    /// What follows the last colon of the last segment: a verb, if a route says so.
    pub(crate) fn verb(&self) -> Option<&str> {
        self.verb.as_ref().map(|(_, verb)| verb.as_ref())
    }

    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// What a segment says, None when it is escaped badly.
    pub(crate) fn text(&self, at: usize, has_verb: bool) -> Option<&str> {
        self.part(at, has_verb)?.text.as_deref()
    }

    /// Whether a segment is there and not empty.
    pub(crate) fn is_filled(&self, at: usize, has_verb: bool) -> bool {
        self.part(at, has_verb).is_some_and(|part| !part.raw.is_empty())
    }

    /// The value of a variable, None when it is escaped badly.
    pub(crate) fn value(&self, variable: &Variable, has_verb: bool) -> Option<Cow<'_, str>> {
        if !variable.is_multi() {
            return self.text(variable.first, has_verb).map(Cow::Borrowed);
        }
        let end = variable.end.unwrap_or(self.len());
        let raw: Vec<_> = (variable.first..end)
            .filter_map(|at| self.part(at, has_verb))
            .map(|part| part.raw)
            .collect();
        decode::segments(&raw.join("/")).map(|text| Cow::Owned(text.into_owned()))
    }

    fn part(&self, at: usize, has_verb: bool) -> Option<&Part<'a>> {
        match &self.verb {
            Some((head, _)) if has_verb && at + 1 == self.parts.len() => Some(head),
            _ => self.parts.get(at),
        }
    }
}

impl<'a> Part<'a> {
    fn new(raw: &'a str) -> Self {
        Self {
            raw,
            text: decode::segment(raw),
        }
    }
}
