//! Whatever bytes: printed or refused; what is printed is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::laws;

fuzz_target!(|wire: &[u8]| laws::wire_to_json(wire));
