//! The limits of calls, with their defaults; and what they are to those who read bodies and write JSON.

use std::time::Duration;

use postern_protojson::Options;

use crate::receive;

/// Limits of one call, and of all together.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls at once, in every protocol, but for streams. Beyond: 503 at once, OVERLOADED.
    pub calls_max: usize,
    /// Streams at once, of requests or answers, and gRPC calls of methods that the edge does not know. Beyond: the same.
    pub streams_max: usize,
    /// What all calls over REST hold at once of bodies and of the messages made of them, but for those of 4 KiB at most.
    /// Beyond: the same.
    pub bodies_bytes_max: usize,
    /// Headers of a REST request, names and values and 32 bytes each. Beyond: 431.
    pub header_bytes_max: usize,
    /// Body of a REST request. Beyond: 413.
    pub body_bytes_max: usize,
    /// Time for it to arrive, or that of a gRPC-Web call. Beyond: 504.
    pub body_timeout: Duration,
    /// The longest silence within it, and the time in which `body_window_bytes_min` must come. Of gRPC calls as well, where the
    /// request is one message. Beyond: 504.
    pub body_window: Duration,
    /// Bytes in each such window, unless the body ends in it.
    pub body_window_bytes_min: usize,
    /// All messages of a stream of requests over REST, or a raw body that is streamed. Beyond: 413. A single element has
    /// the limit of a body.
    pub request_stream_bytes_max: u64,
    /// One call with a stream of requests over REST; the caller's longest silence in it is `body_timeout`, and that is all
    /// that is asked of its pace: its messages may be made as it goes. Beyond: 504.
    pub request_stream_timeout: Duration,
    /// One message of the upstream to a REST caller, and one request message, in wire bytes; JSON four times that.
    pub message_bytes_max: usize,
    /// A unary REST call as a whole, or less by the caller's `X-Server-Timeout`; the upstream is told what is left of it.
    /// Beyond: 504. A server stream has no limit but the caller's.
    pub unary_timeout: Duration,
    /// How long a stream's answer waits for the upstream's head, so that an early error keeps its status.
    pub stream_head_wait: Duration,
    /// And from there for its first message or its end.
    pub first_message_wait: Duration,
    /// The longest silence of a stream of events.
    pub heartbeat_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 10_000,
            streams_max: 100_000,
            bodies_bytes_max: 256 << 20,
            header_bytes_max: 32 << 10,
            body_bytes_max: 2 << 20,
            body_timeout: Duration::from_secs(20),
            body_window: Duration::from_secs(4),
            body_window_bytes_min: 2_000,
            request_stream_bytes_max: 4 << 30,
            request_stream_timeout: Duration::from_secs(3_600),
            message_bytes_max: 16 << 20,
            unary_timeout: Duration::from_secs(60),
            stream_head_wait: Duration::from_millis(500),
            first_message_wait: Duration::from_millis(50),
            heartbeat_interval: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(crate) fn body(&self) -> receive::Limits {
        receive::Limits {
            bytes_max: self.body_bytes_max,
            pace: receive::PaceLimits {
                timeout: Some(self.body_timeout),
                ..self.pace()
            },
        }
    }

    /// Of a call of one message, however long that is.
    pub(crate) fn pace(&self) -> receive::PaceLimits {
        receive::PaceLimits {
            window: self.body_window,
            window_bytes_min: self.body_window_bytes_min,
            timeout: None,
        }
    }

    pub(crate) fn pieces(&self) -> receive::PiecesLimits {
        receive::PiecesLimits {
            element_bytes_max: self.body_bytes_max,
            bytes_max: self.request_stream_bytes_max,
            pace: receive::PaceLimits {
                window: self.body_timeout,
                window_bytes_min: 0,
                timeout: None,
            },
        }
    }

    /// JSON as `contract/rest.md` has it: strict when reading, complete when printing.
    pub(crate) fn options(&self) -> Options {
        Options {
            always_print_fields_without_presence: true,
            refuse_unsafe_integers: true,
            output_bytes_max: self.message_bytes_max,
            // Text is larger than wire bytes; a packed list of enums would be thirty times.
            text_bytes_max: self.message_bytes_max.saturating_mul(4),
            ..Options::default()
        }
    }
}
