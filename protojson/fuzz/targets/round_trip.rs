//! Wire bytes to a text, back and forth: the text stays the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::{to_json, to_wire};

fuzz_target!(|wire: &[u8]| {
    let Some(json) = to_json(wire) else {
        return;
    };
    let again = to_wire(&json).expect("what was printed can be read");
    assert_eq!(to_json(&again).as_ref(), Some(&json));
});
