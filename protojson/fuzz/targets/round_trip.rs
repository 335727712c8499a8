//! Wire bytes to a text, back and forth: the text stays the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::laws;

fuzz_target!(|wire: &[u8]| laws::round_trip(wire));
