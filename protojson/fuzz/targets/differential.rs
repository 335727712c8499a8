//! A text that prost-reflect reads as well is the same message to both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::{decode, deserialize, to_wire};

/// Where they may differ: NaN is not equal to itself, prost-reflect takes minus zero for the default, and within an Any the bytes
/// of the same message may be in another order.
const UNLIKE: [&str; 3] = ["NaN", "-0", "@type"];
/// Whole numbers written with a fraction or an exponent, and more characters, are rounded to a double by prost-reflect.
const EXACT_CHARACTERS_MAX: usize = 8;

fuzz_target!(|json: &[u8]| {
    if let (Some(wire), Some(theirs)) = (to_wire(json), deserialize(json)) {
        let ours = decode(&wire).expect("parsers read what was written");
        let text = str::from_utf8(json).expect("what was read is UTF-8");
        assert!(
            ours == theirs || UNLIKE.iter().any(|part| text.contains(part)) || has_long_decimal(text),
            "prost-reflect reads another message"
        );
    }
});

fn has_long_decimal(text: &str) -> bool {
    text.split(|character: char| !character.is_ascii_digit() && !"+-.eE".contains(character))
        .any(|number| number.len() > EXACT_CHARACTERS_MAX && number.contains(['.', 'e', 'E']))
}
