//! Every input that fuzzing has kept, held to the laws that it was found with: no nightly Rust and no fuzzer are needed for that.

#[path = "../../fuzz/src/laws.rs"]
#[expect(unreachable_pub, reason = "public in the crate of the fuzz targets")]
mod laws;

use std::fs;
use std::sync::LazyLock;

use prost_reflect::MessageDescriptor;

use crate::fixture::{EVERYTHING, descriptor};

static DESCRIPTOR: LazyLock<MessageDescriptor> = LazyLock::new(|| descriptor(EVERYTHING));

/// Far fewer than there are: a folder that was not found is no success.
const INPUTS_MIN: usize = 100;

#[test]
fn texts_that_fuzzing_kept_are_read_or_refused() {
    replay("json", laws::json_to_wire);
}

#[test]
fn texts_that_fuzzing_kept_are_the_same_messages_to_prost_reflect() {
    replay("json", laws::differential);
}

#[test]
fn wire_bytes_that_fuzzing_kept_are_printed_as_json_or_refused() {
    replay("wire", laws::wire_to_json);
}

#[test]
fn wire_bytes_that_fuzzing_kept_go_back_and_forth() {
    replay("wire", laws::round_trip);
}

fn replay(folder: &str, law: fn(&[u8])) {
    let folder = format!("{}/fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let outcome = std::panic::catch_unwind(|| law(&input));
        assert!(outcome.is_ok(), "{} breaks the law", path.display());
        inputs += 1;
    }
    assert!(inputs >= INPUTS_MIN, "there are {inputs} inputs");
}
