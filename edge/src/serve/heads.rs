//! Where the bytes of a connection stand: within the head of a request, or not. Pure; knows nothing of what heads say.

/// How every HTTP/2 connection begins (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Follows one connection.
#[derive(Debug)]
pub(super) enum Heads {
    /// So many bytes of the preface, and nothing else.
    Unknown(usize),
    /// Where a head ends is known to whoever parses it.
    Http1,
    Http2(Frames),
}

/// Where HTTP/2 stands (RFC 9113, section 4.1).
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; FRAME_HEADER_BYTES],
    header_bytes: usize,
    payload_bytes: usize,
    is_data: bool,
    /// The preface is not complete before its SETTINGS, nor are the headers of a stream before their last CONTINUATION.
    is_block_open: bool,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self::Unknown(0)
    }

    /// These bytes came. Whether they reach beyond a head of HTTP/2.
    pub(super) fn pass(&mut self, mut data: &[u8]) -> bool {
        if let Self::Unknown(known) = self {
            let size = data.len().min(PREFACE.len() - *known);
            if data[..size] != PREFACE[*known..*known + size] {
                *self = Self::Http1;
                return false;
            }
            *known += size;
            if *known < PREFACE.len() {
                return false;
            }
            *self = Self::Http2(Frames::new());
            data = &data[size..];
        }
        match self {
            Self::Http2(frames) => frames.pass(data),
            Self::Unknown(_) | Self::Http1 => false,
        }
    }
}

impl Frames {
    fn new() -> Self {
        Self {
            header: [0; FRAME_HEADER_BYTES],
            header_bytes: 0,
            payload_bytes: 0,
            is_data: false,
            is_block_open: true,
        }
    }

    /// Whether something is to be completed before anybody is served: everything but a body.
    pub(super) fn is_within(&self) -> bool {
        self.header_bytes > 0 || self.is_block_open || self.payload_bytes > 0 && !self.is_data
    }

    fn pass(&mut self, mut data: &[u8]) -> bool {
        let mut has_ended = false;
        while !data.is_empty() {
            if self.payload_bytes > 0 {
                let passed = data.len().min(self.payload_bytes);
                self.payload_bytes -= passed;
                data = &data[passed..];
            } else {
                let passed = data.len().min(FRAME_HEADER_BYTES - self.header_bytes);
                let end = self.header_bytes + passed;
                self.header[self.header_bytes..end].copy_from_slice(&data[..passed]);
                self.header_bytes = end;
                data = &data[passed..];
                if end == FRAME_HEADER_BYTES {
                    self.begin();
                }
            }
            has_ended |= !self.is_within();
        }
        has_ended
    }

    fn begin(&mut self) {
        let [a, b, c, kind, flags, ..] = self.header;
        self.header_bytes = 0;
        self.payload_bytes = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        self.is_data = kind == DATA;
        match kind {
            SETTINGS => self.is_block_open = false,
            HEADERS | CONTINUATION => self.is_block_open = flags & END_HEADERS == 0,
            _ => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let size = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        [&[0, 0, size, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn is_within(heads: &Heads) -> bool {
        match heads {
            Heads::Http2(frames) => frames.is_within(),
            Heads::Unknown(_) | Heads::Http1 => panic!("{heads:?}"),
        }
    }

    #[test]
    fn headers_are_complete_with_their_last_frame_however_the_bytes_are_cut() {
        let frames = [
            (frame(SETTINGS, 0, b"settin"), false),
            (frame(HEADERS, END_HEADERS, b"head"), false),
            (frame(DATA, 0, b"data"), false),
            (frame(HEADERS, 0, b"head"), true),
            (frame(CONTINUATION, 0, b""), true),
            (frame(CONTINUATION, END_HEADERS, b"ers"), false),
            (frame(6, 0, b"pingping"), false),
        ];
        for size in 1..40 {
            let mut heads = Heads::new();
            for piece in PREFACE.chunks(size) {
                heads.pass(piece);
            }
            assert!(is_within(&heads));
            for (frame, expected) in &frames {
                let mut has_ended = false;
                for piece in frame.chunks(size) {
                    has_ended = heads.pass(piece);
                }
                assert_eq!(is_within(&heads), *expected, "{frame:?} by {size}");
                assert_eq!(has_ended, !expected, "{frame:?} by {size}");
            }
        }
    }

    #[test]
    fn a_frame_that_is_cut_is_a_head_unless_it_is_data() {
        for (kind, expected) in [(HEADERS, true), (SETTINGS, true), (DATA, false)] {
            let mut heads = Heads::new();
            heads.pass(PREFACE);
            heads.pass(&frame(SETTINGS, 0, b""));
            let frame = frame(kind, END_HEADERS, b"payload");
            heads.pass(&frame[..5]);
            assert!(is_within(&heads));
            heads.pass(&frame[5..12]);
            assert_eq!(is_within(&heads), expected, "{kind}");
        }
    }

    #[test]
    fn what_does_not_begin_like_http2_is_http1() {
        for (pieces, is_http1) in [
            (&[&b"GET / HTTP/1.1"[..]][..], true),
            (&[b"PRI", b"OR / HTTP/1.1"], true),
            (&[b"PRI * HTT"], false),
        ] {
            let mut heads = Heads::new();
            for piece in pieces {
                heads.pass(piece);
            }
            assert_eq!(matches!(heads, Heads::Http1), is_http1, "{heads:?}");
        }
    }
}
