//! One JSON object a line; an error is the last line.

pub(super) fn after(out: &mut Vec<u8>) {
    out.push(b'\n');
}
