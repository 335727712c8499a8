//! Finds heads of HTTP/1 that tell the end of their body in two ways: what is smuggled past a proxy in front hides there.
//!
//! hyper goes by the chunks, hides the length and closes the connection behind the answer, as RFC 9112, section 6.1 allows; what
//! somebody in front may have read otherwise is better refused, as the same section allows. A head that is sent before the
//! answer to the request in front of it is not seen here: there it stays with what hyper does. Knows nothing else of heads.

const LENGTH: &[u8] = b"content-length";
const CODING: &[u8] = b"transfer-encoding";
/// As long as the longer of them.
const NAME_BYTES_MAX: usize = 17;

/// Reads along in one head.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// How the line begins.
    name: [u8; NAME_BYTES_MAX],
    /// Bytes of the line, while it may still be one of the names.
    line_bytes: usize,
    line: Line,
    /// Of the lines before the head.
    empty_bytes: usize,
    has_length: bool,
    has_coding: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Line {
    /// There may be empty lines before a head.
    #[default]
    BeforeHead,
    Name,
    /// Neither of the names.
    Rest,
    BehindHead,
}

impl Framing {
    /// Whether anything of the head came. One empty line before it is nothing: of clients that end a body so (RFC 9112,
    /// section 2.2).
    pub(super) fn has_begun(&self) -> bool {
        self.line != Line::BeforeHead || self.empty_bytes > b"\r\n".len()
    }

    /// Where the second way begins, if this part of the head has it: the colon behind its name.
    pub(super) fn contradiction(&mut self, data: &[u8]) -> Option<usize> {
        let mut index = 0;
        while self.line != Line::BehindHead
            && let Some(byte) = data.get(index)
        {
            match (byte, &self.line) {
                (b'\r' | b'\n', Line::BeforeHead) => self.empty_bytes += 1,
                (b'\n', _) => self.end_line(),
                (b'\r', _) => {}
                (_, Line::Rest) => {
                    let rest = data[index..].iter().position(|byte| *byte == b'\n')?;
                    index += rest;
                    continue;
                }
                (b':', _) => {
                    self.end_name();
                    if self.has_length && self.has_coding {
                        self.line = Line::BehindHead;
                        return Some(index);
                    }
                }
                (byte, _) => self.push(*byte),
            }
            index += 1;
        }
        None
    }

    fn push(&mut self, byte: u8) {
        self.line = Line::Rest;
        if let Some(place) = self.name.get_mut(self.line_bytes) {
            *place = byte.to_ascii_lowercase();
            self.line_bytes += 1;
            self.line = Line::Name;
        }
    }

    fn end_name(&mut self) {
        let name = &self.name[..self.line_bytes];
        self.has_length |= name == LENGTH;
        self.has_coding |= name == CODING;
        self.line = Line::Rest;
    }

    fn end_line(&mut self) {
        self.line = match self.line {
            Line::Name if self.line_bytes == 0 => Line::BehindHead,
            Line::Name | Line::Rest => Line::Name,
            Line::BeforeHead | Line::BehindHead => return,
        };
        self.line_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it is found, however the bytes are cut.
    fn contradiction(head: &str) -> Option<usize> {
        let found: Vec<_> = (1..=head.len())
            .map(|size| {
                let mut framing = Framing::default();
                let pieces = head.as_bytes().chunks(size).enumerate();
                pieces
                    .filter_map(|(number, piece)| Some(number * size + framing.contradiction(piece)?))
                    .next()
            })
            .collect();
        assert!(found.iter().all(|one| *one == found[0]), "{head}: {found:?}");
        found[0]
    }

    #[test]
    fn two_ways_are_found_whatever_stands_around_them() {
        for head in [
            "POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding|: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nhost: x\r\nCONTENT-LENGTH|: 4\r\n\r\n",
            "\r\n\r\nPOST / HTTP/1.1\ncontent-length:4\ntransfer-encoding|:chunked\n\n",
        ] {
            let expected = head.find('|');
            assert_eq!(contradiction(&head.replace('|', "")), expected, "{head}");
        }
    }

    #[test]
    fn one_way_is_fine_and_so_is_what_only_looks_like_two() {
        for head in [
            "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\ntransfer-encoding: chunked\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx-content-length: 4\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nx: content-length: 4\r\n\r\n",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-lengths: 4\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encodings: 4\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 4\r\ncontent-length: 4\r\n\r\n",
        ] {
            assert_eq!(contradiction(head), None, "{head}");
        }
    }
}
