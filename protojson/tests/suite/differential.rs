//! Generated messages, held against prost-reflect's `DynamicMessage`.
//!
//! Where prost-reflect departs from the specification the generator stays away: times out of range on output, duplicate
//! keys, quoted exponents, an `Any` without type, doubles at the end of their range.

#![expect(
    clippy::cast_possible_truncation,
    reason = "generated values are cut to their types"
)]

use postern_protojson::Options;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, SerializeOptions, Value,
};

use crate::fixture::{EVERYTHING, POOL, descriptor, json, message, oracle, wire};

const MESSAGES: u64 = 2_000;

/// xorshift64*: the same messages in every run.
struct Generator(u64);

impl Generator {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Small, large, and at the ends of ranges.
    fn bits(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(200),
            1 => u64::MAX - self.below(3),
            2 => (1 << self.below(64)) - self.below(2),
            _ => self.next(),
        }
    }

    fn text(&mut self) -> String {
        const CHARACTERS: &[char] = &[
            'a', 'Z', '0', '"', '\\', '/', '\n', '\u{0}', 'é', '€', '😀', ' ', '~', '\u{7f}',
        ];
        (0..self.below(20))
            .map(|_| CHARACTERS[self.below(CHARACTERS.len() as u64) as usize])
            .collect()
    }

    fn double(&mut self) -> f64 {
        match self.below(4) {
            0 => self.below(1000) as f64 / 8.0,
            1 => -(self.below(1 << 60) as f64),
            2 => 0.0,
            _ => Some(f64::from_bits(self.next()))
                .filter(|value| value.is_finite())
                .unwrap_or(-0.0),
        }
    }

    fn message(&mut self, descriptor: &MessageDescriptor, depth: u64) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        if let Some(well_known) = self.well_known(descriptor.full_name(), depth) {
            message.merge(&*well_known).unwrap();
            return message;
        }
        for field in descriptor.fields() {
            let may_be_set = depth < 4 || field.kind().as_message().is_none();
            if may_be_set && self.below(3 + depth * 3) == 0 {
                let value = self.field(&field, depth);
                message.set_field(&field, value);
            }
        }
        message
    }

    fn field(&mut self, field: &FieldDescriptor, depth: u64) -> Value {
        if field.is_list() {
            return Value::List(
                (0..self.below(4))
                    .map(|_| self.value(&field.kind(), depth))
                    .collect(),
            );
        }
        if !field.is_map() {
            return self.value(&field.kind(), depth);
        }
        let kind = field.kind();
        let entry = kind.as_message().unwrap();
        let (key, value) = (
            entry.map_entry_key_field().kind(),
            entry.map_entry_value_field().kind(),
        );
        Value::Map(
            (0..self.below(4))
                .map(|_| (self.key(&key), self.value(&value, depth)))
                .collect(),
        )
    }

    fn key(&mut self, kind: &Kind) -> MapKey {
        self.value(kind, 0).into_map_key().unwrap()
    }

    fn value(&mut self, kind: &Kind, depth: u64) -> Value {
        match kind {
            Kind::Double => Value::F64(self.double()),
            Kind::Float => Value::F32(self.below(1 << 30) as f32 / 64.0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(self.bits() as i32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(self.bits() as i64),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(self.bits() as u32),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(self.bits()),
            Kind::Bool => Value::Bool(self.below(2) == 0),
            Kind::String => Value::String(self.text()),
            Kind::Bytes => Value::Bytes(
                (0..self.below(9))
                    .map(|_| self.next() as u8)
                    .collect::<Vec<_>>()
                    .into(),
            ),
            Kind::Enum(plan) if plan.full_name() == "google.protobuf.NullValue" => Value::EnumNumber(0),
            Kind::Enum(_) => Value::EnumNumber([0, 1, 5, -1, 42][self.below(5) as usize]),
            Kind::Message(descriptor) => Value::Message(self.message(descriptor, depth + 1)),
        }
    }

    /// Wire bytes of the messages that must keep to more than their field types.
    fn well_known(&mut self, name: &str, depth: u64) -> Option<Vec<u8>> {
        Some(match name {
            "google.protobuf.Timestamp" => {
                let seconds = self.below(315_537_897_600) as i64 - 62_135_596_800;
                prost_types::Timestamp {
                    seconds,
                    nanos: self.nanos(),
                }
                .encode_to_vec()
            }
            "google.protobuf.Duration" => {
                let sign = if self.below(2) == 0 { 1 } else { -1 };
                let seconds = self.below(315_576_000_000) as i64 * i64::from(sign);
                prost_types::Duration {
                    seconds,
                    nanos: self.nanos() * sign,
                }
                .encode_to_vec()
            }
            "google.protobuf.FieldMask" => prost_types::FieldMask {
                paths: vec!["a_b.c".into(), "d1".into()],
            }
            .encode_to_vec(),
            "google.protobuf.Value" => self.json_value(depth).encode_to_vec(),
            // Messages without maps: an Any is equal when its bytes are.
            "google.protobuf.Any" => {
                let name = [
                    "protojson.test.Child",
                    "google.protobuf.Duration",
                    "google.protobuf.Int64Value",
                ][self.below(3) as usize];
                let value = self.message(&descriptor(name), depth + 1).encode_to_vec();
                prost_types::Any {
                    type_url: format!("type.googleapis.com/{name}"),
                    value,
                }
                .encode_to_vec()
            }
            _ => return None,
        })
    }

    fn nanos(&mut self) -> i32 {
        let digits = [0, 1_000_000, 1_000, 1][self.below(4) as usize];
        self.below(999) as i32 * digits
    }

    fn json_value(&mut self, depth: u64) -> prost_types::Value {
        use prost_types::value::Kind as Held;
        let kind = match self.below(if depth > 4 { 4 } else { 6 }) {
            0 => Held::NullValue(0),
            1 => Held::NumberValue(self.double()),
            2 => Held::StringValue(self.text()),
            3 => Held::BoolValue(true),
            4 => Held::ListValue(prost_types::ListValue {
                values: (0..self.below(4)).map(|_| self.json_value(depth + 1)).collect(),
            }),
            _ => Held::StructValue(prost_types::Struct {
                fields: (0..self.below(4))
                    .map(|_| (self.text(), self.json_value(depth + 1)))
                    .collect(),
            }),
        };
        prost_types::Value { kind: Some(kind) }
    }
}

fn generated() -> impl Iterator<Item = DynamicMessage> {
    (1..=MESSAGES).map(|seed| Generator(seed).message(&descriptor(EVERYTHING), 0))
}

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The two print whole doubles differently, `1` and `1.0`, and `serde_json` reads doubles to within a bit; that ours are
/// exact is what reading back shows.
fn same(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (ours, theirs) {
        (Number(ours), Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= theirs.abs() * 1e-15
        }
        (Array(ours), Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Object(ours), Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(key, ours)| theirs.get(key).is_some_and(|theirs| same(ours, theirs)))
        }
        (ours, theirs) => ours == theirs,
    }
}

#[test]
fn what_is_printed_is_what_prost_reflect_prints() {
    for skip_default_fields in [true, false] {
        let options = Options {
            always_print_fields_without_presence: !skip_default_fields,
            ..Options::default()
        };
        let codec = message(EVERYTHING, options);
        let theirs = SerializeOptions::new().skip_default_fields(skip_default_fields);
        for dynamic in generated() {
            let mut expected = Vec::new();
            dynamic
                .serialize_with_options(&mut serde_json::Serializer::new(&mut expected), &theirs)
                .unwrap();
            let expected = String::from_utf8(expected).unwrap();
            let printed = json(&codec, &dynamic.encode_to_vec()).unwrap();
            assert!(
                same(&value(&printed), &value(&expected)),
                "ours:   {printed}\ntheirs: {expected}"
            );
        }
    }
}

#[test]
fn what_is_read_is_what_prost_reflect_reads() {
    let codec = message(EVERYTHING, Options::default());
    for dynamic in generated() {
        let text = serde_json::to_string(&dynamic).unwrap();
        let mut reader = serde_json::Deserializer::from_str(&text);
        let expected = DynamicMessage::deserialize(descriptor(EVERYTHING), &mut reader).unwrap();
        let read = oracle(EVERYTHING, &wire(&codec, &text).unwrap());
        let (read, expected) = (
            serde_json::to_value(&read).unwrap(),
            serde_json::to_value(&expected).unwrap(),
        );
        assert!(same(&read, &expected), "{text}");
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same_message() {
    for always_print_fields_without_presence in [true, false] {
        let codec = message(
            EVERYTHING,
            Options {
                always_print_fields_without_presence,
                ..Options::default()
            },
        );
        for dynamic in generated() {
            let printed = json(&codec, &dynamic.encode_to_vec()).unwrap();
            let read = wire(&codec, &printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
            assert_eq!(json(&codec, &read).unwrap(), printed);
            // The Debug form of a recursive message has no end.
            assert!(
                oracle(EVERYTHING, &read) == oracle(EVERYTHING, &dynamic.encode_to_vec()),
                "{printed}"
            );
        }
    }
}

#[test]
fn a_message_split_into_two_and_put_together_prints_as_prost_reflect_merges_it() {
    let codec = message(EVERYTHING, Options::default());
    let messages: Vec<_> = generated().take(200).collect();
    for pair in messages.windows(2) {
        let both = [pair[0].encode_to_vec(), pair[1].encode_to_vec()].concat();
        let merged = oracle(EVERYTHING, &both);
        // Any's content is opaque: the merged type and the merged bytes need not belong together.
        if merged.has_field_by_name("any") || has_any(&merged) {
            continue;
        }
        let Ok(expected) = serde_json::to_string(&merged) else {
            continue;
        };
        let printed = json(&codec, &both).unwrap();
        assert!(
            same(&value(&printed), &value(&expected)),
            "ours:   {printed}\ntheirs: {expected}"
        );
    }
}

fn has_any(message: &DynamicMessage) -> bool {
    serde_json::to_string(message).is_ok_and(|text| text.contains("@type"))
}

#[test]
fn all_messages_of_the_pool_compile_and_print_empty() {
    for descriptor in POOL.all_messages().filter(|message| !message.is_map_entry()) {
        let codec = message(descriptor.full_name(), Options::default());
        json(&codec, b"").unwrap();
    }
}
