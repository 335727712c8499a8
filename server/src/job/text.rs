//! Texts of others that come with a job: cut, never refused.

/// The text as every database keeps it: PostgreSQL has no place for U+0000. At most so many bytes of it.
#[must_use]
pub fn kept(text: &str, bytes_max: usize) -> String {
    let mut text = text.replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
