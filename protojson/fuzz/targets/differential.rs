//! A text that prost-reflect reads as well is the same message to both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use postern_protojson_fuzz::laws;

fuzz_target!(|json: &[u8]| laws::differential(json));
