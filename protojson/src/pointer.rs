//! JSON Pointers (RFC 6901), as violations carry them. Knows nothing of what they point into.

/// Characters of a part that are shown; keys of objects are anybody's, of any length.
const PART_CHARS_MAX: usize = 200;

/// Appends a part, escaped.
pub(crate) fn push(pointer: &mut String, part: &str) {
    pointer.push('/');
    for (count, character) in part.chars().enumerate() {
        match character {
            _ if count == PART_CHARS_MAX => return pointer.push('…'),
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(character),
        }
    }
}
