//! Base64 as ProtoJSON has it: standard with padding when printed; the standard or the URL-safe alphabet, with or
//! without padding, when read.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Appends the bytes of a text; false when it is not base64 (`out` may then hold anything after its old length).
pub(crate) fn decode(text: &str, out: &mut Vec<u8>) -> bool {
    let is_url_safe = text.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    let engine = if is_url_safe { &URL_SAFE } else { &STANDARD };
    let start = out.len();
    out.resize(start + base64::decoded_len_estimate(text.len()), 0);
    let length = engine.decode_slice(text, &mut out[start..]).ok();
    out.truncate(start + length.unwrap_or(0));
    length.is_some()
}

/// Appends the text of bytes.
pub(crate) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD
        .encode_slice(bytes, &mut out[start..])
        .expect("four characters stand for three bytes");
}
