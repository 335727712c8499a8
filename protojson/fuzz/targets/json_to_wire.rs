//! Whatever text: read or refused; what is read is a message that can be printed and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::{decode, to_json, to_wire};

fuzz_target!(|json: &[u8]| {
    let Some(wire) = to_wire(json) else {
        return;
    };
    assert!(decode(&wire).is_some(), "parsers read what was written");
    let printed = to_json(&wire).expect("what was read can be printed");
    let again = to_wire(&printed).expect("what was printed can be read");
    assert_eq!(to_json(&again).as_ref(), Some(&printed));
});
