//! Descriptor sets of editions. protox writes none, so they are written here as JSON, which this crate reads.

use postern_protojson::{Codec, Message, Options, pool};
use prost_reflect::DescriptorPool;

use crate::fixture::{json, wire};

/// A message of edition 2023 with these options of its file and these fields.
fn edition(file_options: &str, fields: &str) -> Message {
    let own = DescriptorPool::global();
    let set = own
        .get_message_by_name("google.protobuf.FileDescriptorSet")
        .unwrap();
    let text = format!(
        r#"{{"file":[{{
            "name":"a.proto","package":"a","syntax":"editions","edition":"EDITION_2023","options":{file_options},
            "enumType":[{{"name":"Colour","value":[{{"name":"RED","number":0}}]}}],
            "messageType":[{{"name":"A","field":[{fields}],"oneofDecl":[{{"name":"one"}}],
                "nestedType":[{{"name":"MapEntry","options":{{"mapEntry":true}},"field":[
                    {{"name":"key","number":1,"label":"LABEL_OPTIONAL","type":"TYPE_STRING"}},
                    {{"name":"value","number":2,"label":"LABEL_OPTIONAL","type":"TYPE_MESSAGE","typeName":".a.A"}}]}}]}}]}}]}}"#
    );
    let set = wire(&Codec::new(own, Options::default()).message(&set), &text).unwrap();
    let pool = pool(&set).unwrap();
    let message = pool.get_message_by_name("a.A").unwrap();
    let options = Options {
        always_print_fields_without_presence: true,
        ..Options::default()
    };
    Codec::new(pool, options).message(&message)
}

fn field(number: u32, label: &str, kind: &str, rest: &str) -> String {
    format!(r#"{{"name":"f{number}","number":{number},"label":"LABEL_{label}","type":"TYPE_{kind}"{rest}}}"#)
}

#[test]
fn fields_of_an_edition_have_presence_unless_told_otherwise() {
    let implicit = r#","options":{"features":{"fieldPresence":"IMPLICIT"}}"#;
    let fields = [
        field(1, "OPTIONAL", "INT32", ""),
        field(2, "OPTIONAL", "INT32", implicit),
        field(3, "OPTIONAL", "ENUM", r#","typeName":".a.Colour""#),
    ];
    let message = edition("{}", &fields.join(","));
    assert_eq!(
        wire(&message, r#"{"f1":0,"f2":0,"f3":"RED"}"#).unwrap(),
        [8, 0, 24, 0]
    );
    assert_eq!(json(&message, &[]).unwrap(), r#"{"f2":0}"#);
}

#[test]
fn a_field_may_have_presence_in_a_file_without() {
    let explicit = r#","options":{"features":{"fieldPresence":"EXPLICIT"}}"#;
    let fields = [
        field(1, "OPTIONAL", "INT32", ""),
        field(2, "OPTIONAL", "INT32", explicit),
        field(3, "OPTIONAL", "INT32", r#","oneofIndex":0"#),
    ];
    let message = edition(r#"{"features":{"fieldPresence":"IMPLICIT"}}"#, &fields.join(","));
    assert_eq!(
        wire(&message, r#"{"f1":0,"f2":0,"f3":0}"#).unwrap(),
        [16, 0, 24, 0]
    );
    assert_eq!(json(&message, &[]).unwrap(), r#"{"f1":0}"#);
}

#[test]
fn lists_of_an_edition_are_packed_unless_told_otherwise() {
    let expanded = r#","options":{"features":{"repeatedFieldEncoding":"EXPANDED"}}"#;
    let fields = [
        field(1, "REPEATED", "INT32", ""),
        field(2, "REPEATED", "INT32", expanded),
    ];
    let message = edition("{}", &fields.join(","));
    let expected = [0x0a, 2, 1, 2, 16, 1, 16, 2];
    assert_eq!(wire(&message, r#"{"f1":[1,2],"f2":[1,2]}"#).unwrap(), expected);
}

#[test]
fn maps_of_an_edition_are_maps_whatever_the_encoding_of_messages() {
    let message = edition(
        r#"{"features":{"messageEncoding":"DELIMITED"}}"#,
        &field(1, "REPEATED", "MESSAGE", r#","typeName":".a.A.MapEntry""#),
    );
    let text = r#"{"f1":{"k":{"f1":{}}}}"#;
    let bytes = wire(&message, text).unwrap();
    assert_eq!(bytes, [0x0a, 5, 0x0a, 1, b'k', 0x12, 0]);
    assert_eq!(json(&message, &bytes).unwrap(), text);
}

/// Fields 1 and 2 are the message itself, between tags; 3 is a number.
fn delimited() -> Message {
    let of_itself = r#","typeName":".a.A""#;
    let fields = [
        field(1, "OPTIONAL", "MESSAGE", of_itself),
        field(2, "REPEATED", "MESSAGE", of_itself),
        field(3, "OPTIONAL", "INT32", ""),
    ];
    edition(
        r#"{"features":{"messageEncoding":"DELIMITED"}}"#,
        &fields.join(","),
    )
}

#[test]
fn delimited_messages_lie_between_tags() {
    for (text, bytes) in [
        (r#"{"f1":{"f2":[],"f3":7},"f2":[]}"#, &[0x0b, 24, 7, 0x0c][..]),
        (
            r#"{"f1":{"f1":{"f2":[]},"f2":[]},"f2":[]}"#,
            &[0x0b, 0x0b, 0x0c, 0x0c],
        ),
        (
            r#"{"f2":[{"f2":[],"f3":7},{"f2":[]}]}"#,
            &[0x13, 24, 7, 0x14, 0x13, 0x14],
        ),
    ] {
        assert_eq!(wire(&delimited(), text).unwrap(), bytes, "{text}");
        assert_eq!(json(&delimited(), bytes).unwrap(), text);
    }
}

#[test]
fn a_delimited_message_in_two_pieces_is_one() {
    let bytes = [0x0b, 24, 7, 0x0c, 0x0b, 0x13, 0x14, 0x0c];
    assert_eq!(
        json(&delimited(), &bytes).unwrap(),
        r#"{"f1":{"f2":[{"f2":[]}],"f3":7},"f2":[]}"#
    );
}

#[test]
fn a_message_behind_its_length_is_no_delimited_one() {
    let bytes = [0x0a, 2, 24, 7, 0x12, 2, 24, 7, 24, 1];
    assert_eq!(json(&delimited(), &bytes).unwrap(), r#"{"f2":[],"f3":1}"#);
}

#[test]
fn a_path_leads_through_delimited_messages() {
    let path = delimited().field("f1.f1.f3").unwrap();
    let mut bytes = Vec::new();
    path.text_to_wire("7", &mut bytes).unwrap();
    assert_eq!(bytes, [0x0b, 0x0b, 24, 7, 0x0c, 0x0c]);
    assert_eq!(path.to_text(&bytes).unwrap().as_deref(), Some("7"));
}
