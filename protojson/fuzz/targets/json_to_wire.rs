//! Whatever text: read or refused; what is read is a message that can be printed and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::laws;

fuzz_target!(|json: &[u8]| laws::json_to_wire(json));
