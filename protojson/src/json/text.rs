//! The inside of JSON strings: escapes read and written. Knows nothing of what a string means.

use super::Malformed;

/// The low and the high bit of each of eight bytes.
const ONES: u64 = u64::MAX / 255;
const HIGH: u64 = ONES << 7;

/// Bytes up to the first that cannot stand in a JSON string as it is: a quote, a backslash, a control character.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    length_without(bytes, special_bytes)
}

/// Whether all bytes are ASCII that can stand in a JSON string as they are.
#[inline]
pub(crate) fn is_plain_ascii(bytes: &[u8]) -> bool {
    length_without(bytes, |chunk| special_bytes(chunk) | (chunk & HIGH)) == bytes.len()
}

/// Bytes up to the first that `find` marks by its high bit. Eight at a time; the last eight may overlap others.
#[inline]
fn length_without(bytes: &[u8], find: impl Fn(u64) -> u64) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let found = find(u64::from_le_bytes(*chunk));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    if at == bytes.len() {
        return at;
    }
    if let Some(chunk) = bytes.last_chunk::<8>() {
        let found = find(u64::from_le_bytes(*chunk));
        // Of the bytes that were looked at before none is found again.
        return match found {
            0 => bytes.len(),
            _ => bytes.len() - 8 + found.trailing_zeros() as usize / 8,
        };
    }
    let mut chunk = [b' '; 8];
    chunk[..bytes.len()].copy_from_slice(bytes);
    match find(u64::from_le_bytes(chunk)) {
        0 => bytes.len(),
        found => found.trailing_zeros() as usize / 8,
    }
}

/// Reads a string's content from `start` to its closing quote, appends it without escapes and returns the position
/// after the quote.
pub(crate) fn unescape(json: &[u8], start: usize, out: &mut Vec<u8>) -> Result<usize, Malformed> {
    let mut at = start;
    loop {
        let plain = plain_length(&json[at..]);
        out.extend_from_slice(&json[at..at + plain]);
        at += plain;
        match json.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = unescape_one(json, at, out)?,
            Some(_) => return Err(malformed("an escape instead of a control character", at)),
            None => return Err(malformed("a closing quote", at)),
        }
    }
}

/// Appends text in quotes, with the escapes that RFC 8259 asks for and no others.
#[inline]
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape(text, out);
    out.push(b'"');
}

/// Appends text as it stands between the quotes.
#[inline]
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        escape_one(byte, out);
        rest = after;
    }
}

/// The high bit of each byte that is special, exact up to and including the first one.
#[inline]
fn special_bytes(chunk: u64) -> u64 {
    let below_space = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    let quote = chunk ^ (ONES * b'"' as u64);
    let backslash = chunk ^ (ONES * b'\\' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (below_space | quote | backslash) & HIGH
}

fn unescape_one(json: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Malformed> {
    let byte = match json.get(at + 1) {
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unescape_unicode(json, at, out),
        _ => return Err(malformed("a valid escape", at)),
    };
    out.push(byte);
    Ok(at + 2)
}

fn unescape_unicode(json: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Malformed> {
    let invalid = malformed("four hexadecimal digits after \\u, surrogates in pairs", at);
    let mut code = hex4(json, at).ok_or(invalid)?;
    let mut end = at + 6;
    if (0xd800..0xdc00).contains(&code) {
        let low = hex4(json, end)
            .filter(|low| (0xdc00..0xe000).contains(low))
            .ok_or(invalid)?;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        end += 6;
    }
    let character = char::from_u32(code).ok_or(invalid)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(end)
}

/// The number in `\uXXXX`.
fn hex4(json: &[u8], at: usize) -> Option<u32> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let mut code = 0;
    for &digit in digits {
        code = code * 16 + char::from(digit).to_digit(16)?;
    }
    Some(code)
}

fn escape_one(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        8 => b'b',
        12 => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return;
        }
    };
    out.extend([b'\\', short]);
}

fn malformed(expected: &'static str, offset_bytes: usize) -> Malformed {
    Malformed {
        expected,
        offset_bytes,
    }
}
