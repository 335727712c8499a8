//! Cuts NDJSON or a JSON array into its elements, as their bytes arrive.
//!
//! Knows where an element ends, and leaves it to whoever reads it whether it is JSON. Holds one element at a time.

use bytes::{Buf as _, Bytes, BytesMut};

/// How elements are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One a line; empty lines are skipped.
    Lines,
    Array,
}

/// What cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Malformed(&'static str),
    TooLarge,
}

/// The elements of a text that is not complete yet.
#[derive(Debug)]
pub(super) struct Elements {
    place: Place,
    bytes_max: usize,
    buffer: BytesMut,
    /// How far the buffer was looked at.
    scanned: usize,
    nesting: Nesting,
    has_ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Lines,
    /// Before the array.
    Before,
    /// Behind its bracket: there may be no element at all.
    First,
    /// Behind a comma.
    Next,
    /// Behind the array.
    Behind,
}

/// Where in an element of an array the next byte stands.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    is_string: bool,
    is_escaped: bool,
}

impl Elements {
    /// Elements of at most `bytes_max` bytes each.
    pub(super) fn new(form: Form, bytes_max: usize) -> Self {
        Self {
            place: match form {
                Form::Lines => Place::Lines,
                Form::Array => Place::Before,
            },
            bytes_max,
            buffer: BytesMut::new(),
            scanned: 0,
            nesting: Nesting::default(),
            has_ended: false,
        }
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Bytes that are not taken yet.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// There is nothing more to come.
    pub(super) fn finish(&mut self) {
        self.has_ended = true;
    }

    /// The next element; None when more bytes are needed, or behind the last.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let element = match self.place {
            Place::Lines => self.line(),
            Place::Before => self.open()?,
            Place::First | Place::Next => self.element()?,
            Place::Behind => self.close()?,
        };
        match &element {
            Some(element) if element.len() > self.bytes_max => Err(Fault::TooLarge),
            None if self.buffer.len() > self.bytes_max => Err(Fault::TooLarge),
            _ => Ok(element),
        }
    }

    fn line(&mut self) -> Option<Bytes> {
        loop {
            let end = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n');
            let Some(end) = end.map(|end| self.scanned + end) else {
                self.scanned = self.buffer.len();
                let is_last = self.has_ended && !self.buffer.is_empty();
                let last = is_last.then(|| self.take(self.scanned))?;
                return Some(last).filter(|line| !line.is_empty());
            };
            let line = self.take(end);
            self.buffer.advance(1);
            if !line.is_empty() {
                return Some(line);
            }
        }
    }

    fn open(&mut self) -> Result<Option<Bytes>, Fault> {
        self.skip_space();
        match self.buffer.first() {
            Some(b'[') => {
                self.buffer.advance(1);
                self.place = Place::First;
                self.element()
            }
            Some(_) => Err(Fault::Malformed("an array is expected")),
            None => Ok(None),
        }
    }

    fn element(&mut self) -> Result<Option<Bytes>, Fault> {
        while let Some(byte) = self.buffer.get(self.scanned).copied() {
            if self.nesting.pass(byte) {
                self.scanned += 1;
                continue;
            }
            let is_first = self.place == Place::First;
            let element = self.take(self.scanned);
            self.buffer.advance(1);
            self.place = match byte {
                b',' => Place::Next,
                b']' => Place::Behind,
                _ => return Err(Fault::Malformed("a brace closes nothing")),
            };
            if !element.is_empty() {
                return Ok(Some(element));
            }
            return match is_first && self.place == Place::Behind {
                true => self.close(),
                false => Err(Fault::Malformed("an element is missing")),
            };
        }
        match self.has_ended {
            true => Err(Fault::Malformed("the array is not closed")),
            false => Ok(None),
        }
    }

    fn close(&mut self) -> Result<Option<Bytes>, Fault> {
        self.skip_space();
        match self.buffer.is_empty() {
            true => Ok(None),
            false => Err(Fault::Malformed("something follows the array")),
        }
    }

    /// Takes what stands before `end`, without the space around it.
    fn take(&mut self, end: usize) -> Bytes {
        let taken = self.buffer.split_to(end).freeze();
        self.scanned = 0;
        let is_space = |byte: &u8| byte.is_ascii_whitespace();
        let start = taken
            .iter()
            .position(|byte| !is_space(byte))
            .unwrap_or(taken.len());
        let end = taken
            .iter()
            .rposition(|byte| !is_space(byte))
            .map_or(start, |last| last + 1);
        taken.slice(start..end)
    }

    fn skip_space(&mut self) {
        let space = self
            .buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        self.buffer.advance(space);
    }
}

impl Nesting {
    /// Whether a byte belongs to the element; the one that does not stands behind it.
    fn pass(&mut self, byte: u8) -> bool {
        if self.is_string {
            self.is_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return true;
        }
        match byte {
            b'"' => self.is_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => self.depth -= 1,
            b',' if self.depth > 0 => {}
            b',' | b']' | b'}' => return false,
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All elements of a text that comes in pieces of this size.
    fn cut(form: Form, text: &str, size: usize) -> Result<Vec<String>, Fault> {
        let mut elements = Elements::new(form, 20);
        let mut found = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            elements.push(piece);
            while let Some(element) = elements.next()? {
                found.push(String::from_utf8(element.to_vec()).unwrap());
            }
        }
        elements.finish();
        while let Some(element) = elements.next()? {
            found.push(String::from_utf8(element.to_vec()).unwrap());
        }
        Ok(found)
    }

    #[test]
    fn elements_are_found_however_the_text_is_cut() {
        let array = r#" [ {"a":[1,"],\""]} ,"\\", 3 ,[]] "#;
        let lines = "{\"a\":1}\r\n\n  \n 2 \n\"last\"";
        for size in 1..=array.len() {
            assert_eq!(
                cut(Form::Array, array, size).unwrap(),
                [r#"{"a":[1,"],\""]}"#, r#""\\""#, "3", "[]"],
                "{size}"
            );
            assert_eq!(
                cut(Form::Lines, lines, size).unwrap(),
                [r#"{"a":1}"#, "2", "\"last\""],
                "{size}"
            );
        }
    }

    #[test]
    fn nothing_and_an_empty_array_have_no_elements() {
        for text in ["", " ", "[]", " [ ] \n"] {
            assert_eq!(cut(Form::Array, text, 1).unwrap(), [""; 0], "{text}");
        }
        assert_eq!(cut(Form::Lines, "\n \n", 1).unwrap(), [""; 0]);
    }

    #[test]
    fn what_is_no_array_is_refused() {
        for text in ["{}", "[1", "[1,]", "[,1]", "[1,,2]", "[1}", "[1] 2", "[", "[\"]"] {
            for size in [1, text.len()] {
                assert!(
                    matches!(cut(Form::Array, text, size), Err(Fault::Malformed(_))),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn an_element_is_bounded_before_it_is_complete() {
        for form in [Form::Lines, Form::Array] {
            let mut elements = Elements::new(form, 20);
            elements.push(b"[\"012345678901234567");
            assert_eq!(elements.next(), Ok(None));
            elements.push(b"9012345");
            assert_eq!(elements.next(), Err(Fault::TooLarge));
        }
    }
}
