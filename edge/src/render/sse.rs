//! Server-sent events. Messages have no `event:`, the ends have: `done` and `failed` (`error` is EventSource's own).

/// Reconnection time, milliseconds.
const RETRY: &[u8] = b"retry: 2000\n\n";
/// A comment keeps connections open, and shows a client that has gone.
pub(super) const HEARTBEAT: &[u8] = b":\n\n";

pub(super) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(RETRY);
}

/// An id that is empty, or would break the line it stands in, is left out.
pub(super) fn before(id: Option<&str>, out: &mut Vec<u8>) {
    if let Some(id) = id.filter(|id| !id.is_empty() && !id.contains(['\n', '\r', '\0'])) {
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(id.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
}

pub(super) fn after(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\n\n");
}

pub(super) fn done(out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: done\ndata: {}\n\n");
}

pub(super) fn failed(error: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: failed\ndata: ");
    out.extend_from_slice(error);
    after(out);
}
