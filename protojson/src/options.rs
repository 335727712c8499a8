//! The choices ProtoJSON leaves to whoever uses it, and the limits. Knows nothing of how they are carried out.

/// How a [`Codec`](crate::Codec) reads and prints. The default is what the ProtoJSON specification
/// (protobuf.dev/programming-guides/json) does when nothing is said, with limits.
#[derive(Debug, Clone)]
pub struct Options {
    /// Prints scalars, lists and maps without presence at their default (`0`, `""`, `[]`, `{}`) too.
    pub always_print_fields_without_presence: bool,
    /// Prints `job_type` instead of `jobType`. Both are always read.
    pub use_proto_field_names: bool,
    /// Prints enum values as numbers instead of names. Both are always read.
    pub enums_as_numbers: bool,
    /// Skips unknown fields and unknown enum names instead of refusing them.
    pub ignore_unknown_fields: bool,
    /// Refuses whole numbers of magnitude 2^53 and beyond, however written, in `google.protobuf.Struct`, `Value`
    /// and `ListValue`, where they would silently be rounded to a double.
    pub refuse_unsafe_integers: bool,
    /// Messages nested below the root, counted on the wire as protobuf parsers count them (most refuse more than
    /// 100): a map entry is one level, an object in a `Struct` three.
    pub depth_max: usize,
    /// Violations collected before reading stops.
    pub violations_max: usize,
    /// Wire bytes one call may append.
    pub output_bytes_max: usize,
    /// Bytes of JSON text one call may append.
    pub text_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            always_print_fields_without_presence: false,
            use_proto_field_names: false,
            enums_as_numbers: false,
            ignore_unknown_fields: false,
            refuse_unsafe_integers: false,
            depth_max: 100,
            violations_max: 100,
            output_bytes_max: 64 << 20,
            text_bytes_max: 256 << 20,
        }
    }
}
