//! One JSON array; an error is its last element.

pub(super) fn begin(out: &mut Vec<u8>) {
    out.push(b'[');
}

pub(super) fn before(index: u64, out: &mut Vec<u8>) {
    if index > 0 {
        out.push(b',');
    }
}

pub(super) fn end(out: &mut Vec<u8>) {
    out.push(b']');
}
