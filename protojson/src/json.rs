//! A strict reader of JSON text (RFC 8259): pulls one token after the other. Knows nothing of protobuf.

pub(crate) mod number;
pub(crate) mod text;

use std::borrow::Cow;

use number::Number;

/// Text that is no JSON: what was expected, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) expected: &'static str,
    pub(crate) offset_bytes: usize,
}

/// Reads a text from left to right. A copy is a look ahead.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    pos: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(json: &'a [u8]) -> Result<Self, Malformed> {
        match std::str::from_utf8(json) {
            Ok(text) => Ok(Self { text, pos: 0 }),
            Err(error) => Err(Malformed {
                expected: "UTF-8",
                offset_bytes: error.valid_up_to(),
            }),
        }
    }

    /// The first byte of the next token, white space skipped.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.pos) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.pos += 1,
                next => return next.copied(),
            }
        }
    }

    /// Takes one punctuation byte if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// The key of the next member of an object whose brace was taken, up to its colon; None at the closing brace.
    #[inline]
    pub(crate) fn member(&mut self, is_first: bool) -> Result<Option<Cow<'a, str>>, Malformed> {
        if self.take(b'}') {
            return Ok(None);
        }
        if !is_first && !self.take(b',') {
            return Err(self.expected("a comma or a closing brace"));
        }
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let key = self.string()?;
        if !self.take(b':') {
            return Err(self.expected("a colon"));
        }
        Ok(Some(key))
    }

    /// Whether an array whose bracket was taken has another element.
    #[inline]
    pub(crate) fn element(&mut self, is_first: bool) -> Result<bool, Malformed> {
        if self.take(b']') {
            return Ok(false);
        }
        if !is_first && !self.take(b',') {
            return Err(self.expected("a comma or a closing bracket"));
        }
        Ok(true)
    }

    /// A string, its opening quote being next. Borrowed unless it has escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let start = self.pos + 1;
        let end = start + text::plain_length(&self.text.as_bytes()[start..]);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.pos = end + 1;
            return Ok(Cow::Borrowed(&self.text[start..end]));
        }
        let mut unescaped = Vec::new();
        self.pos = text::unescape(self.text.as_bytes(), start, &mut unescaped)?;
        let unescaped = String::from_utf8(unescaped).expect("unescaping UTF-8 text gives UTF-8 text");
        Ok(Cow::Owned(unescaped))
    }

    /// A number, its first byte being next.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<Number<'a>, Malformed> {
        let rest = &self.text[self.pos..];
        match Number::prefix_of(rest) {
            Some(number) => {
                self.pos += number.text().len();
                Ok(number)
            }
            None => Err(self.expected("a number")),
        }
    }

    /// Takes `true`, `false` or `null`.
    pub(crate) fn literal(&mut self, word: &'static str) -> Result<(), Malformed> {
        if !self.text.as_bytes()[self.pos..].starts_with(word.as_bytes()) {
            return Err(self.expected("a JSON value"));
        }
        self.pos += word.len();
        Ok(())
    }

    /// Reads over one value, checking it. `depth_left` limits its nesting; false when it does not suffice.
    pub(crate) fn skip(&mut self, depth_left: usize) -> Result<bool, Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| true),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| true),
            Some(b't') => self.literal("true").map(|()| true),
            Some(b'f') => self.literal("false").map(|()| true),
            Some(b'n') => self.literal("null").map(|()| true),
            Some(b'{' | b'[') if depth_left == 0 => Ok(false),
            Some(b'{') => self.skip_object(depth_left - 1),
            Some(b'[') => self.skip_array(depth_left - 1),
            _ => Err(self.expected("a JSON value")),
        }
    }

    /// Nothing but white space may be left.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    pub(crate) fn expected(&self, expected: &'static str) -> Malformed {
        Malformed {
            expected,
            offset_bytes: self.pos,
        }
    }

    fn skip_object(&mut self, depth_left: usize) -> Result<bool, Malformed> {
        self.pos += 1;
        let mut is_first = true;
        while self.member(is_first)?.is_some() {
            is_first = false;
            if !self.skip(depth_left)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn skip_array(&mut self, depth_left: usize) -> Result<bool, Malformed> {
        self.pos += 1;
        let mut is_first = true;
        while self.element(is_first)? {
            is_first = false;
            if !self.skip(depth_left)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
