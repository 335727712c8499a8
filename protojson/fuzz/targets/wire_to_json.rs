//! Whatever bytes: printed or refused; what is printed is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::to_json;

fuzz_target!(|wire: &[u8]| {
    if let Some(json) = to_json(wire) {
        serde_json::from_slice::<&serde_json::value::RawValue>(&json).expect("what is printed is JSON");
    }
});
