//! Text of strangers on a terminal: what would move its cursor, colour it or turn it around is written out.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text on one line, without anything that a terminal obeys: such characters as `\u{1b}`, line ends and tabs as `\n` and `\t`.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            obeyed if is_obeyed(obeyed) => {
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(obeyed));
            }
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// The same for a text of several lines, which stay lines.
#[must_use]
pub fn escape_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(escape).collect();
    lines.join("\n")
}

/// Controls (C0, DEL, C1), separators of lines, and what changes the direction of text or is not seen (Unicode TR36 §2.2, §3.2).
#[must_use]
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_reaches_it() {
        assert_eq!(escape("\u{1b}[2J\u{7}\u{9b}31m"), "\\u{1b}[2J\\u{7}\\u{9b}31m");
        assert_eq!(escape("a\r\nb\tc"), "a\\r\\nb\\tc");
        assert_eq!(
            escape("safe\u{202e}txt.exe\u{200b}"),
            "safe\\u{202e}txt.exe\\u{200b}"
        );
    }

    #[test]
    fn what_people_write_stays() {
        for text in ["", "Zoë Ångström", "山田太郎", "שלום", "👋🏽", r"a\nb"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escape_lines("a\n\u{1b}b\n"), "a\n\\u{1b}b\n");
    }
}
