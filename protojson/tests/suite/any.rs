//! `google.protobuf.Any`.

use postern_protojson::{Options, Reason};

use crate::fixture::{EVERYTHING, everything, json, message, prints_as, refused, wire};

const CHILD: &str = "type.googleapis.com/protojson.test.Child";

#[test]
fn members_stand_beside_the_type_wherever_that_is() {
    prints_as(&[
        (
            r#"{"any":{"@type":"type.googleapis.com/protojson.test.Child","name":"a"}}"#,
            r#"{"any":{"@type":"type.googleapis.com/protojson.test.Child","name":"a"}}"#,
        ),
        (
            r#"{"any":{"child":{"count":"3"},"name":"a","@type":"x.example/p/protojson.test.Child"}}"#,
            r#"{"any":{"@type":"x.example/p/protojson.test.Child","name":"a","child":{"count":"3"}}}"#,
        ),
        (r#"{"any":{}}"#, r#"{"any":{}}"#),
        (r#"{"any":null}"#, "{}"),
        (r#"{"anyList":[{},{}]}"#, r#"{"anyList":[{},{}]}"#),
    ]);
}

#[test]
fn types_with_a_json_form_of_their_own_stand_in_value() {
    let forms = [
        ("Duration", r#""1.500s""#),
        ("Timestamp", r#""2026-11-23T10:00:00Z""#),
        ("FieldMask", r#""a,bC""#),
        ("Int32Value", "5"),
        ("StringValue", r#""""#),
        ("Struct", r#"{"a":null}"#),
        ("Value", "null"),
        ("Value", "1"),
        ("ListValue", "[]"),
        ("Empty", "{}"),
        (
            "Any",
            r#"{"@type":"type.googleapis.com/google.protobuf.BoolValue","value":true}"#,
        ),
        ("Any", "{}"),
    ];
    for (name, value) in forms {
        let text =
            format!(r#"{{"any":{{"@type":"type.googleapis.com/google.protobuf.{name}","value":{value}}}}}"#);
        prints_as(&[(&text, &text)]);
    }
    prints_as(&[
        (
            r#"{"any":{"value":"1s","@type":"type.googleapis.com/google.protobuf.Duration"}}"#,
            r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#,
        ),
        (
            r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty"}}"#,
            r#"{"any":{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}}"#,
        ),
    ]);
}

#[test]
fn what_has_no_usable_type_is_refused() {
    use Reason::{
        DuplicateField, InvalidValue, MissingField, OutOfRange, UnknownField, UnknownMessageType, WrongType,
    };
    refused(&[
        (r#"{"any":[]}"#, &[(WrongType, "/any")]),
        (r#"{"any":{"name":"a"}}"#, &[(MissingField, "/any/@type")]),
        (r#"{"any":{"@type":1}}"#, &[(WrongType, "/any/@type")]),
        (r#"{"any":{"@type":""}}"#, &[(InvalidValue, "/any/@type")]),
        (
            r#"{"any":{"@type":"protojson.test.Child"}}"#,
            &[(InvalidValue, "/any/@type")],
        ),
        (r#"{"any":{"@type":"a/"}}"#, &[(InvalidValue, "/any/@type")]),
        (
            r#"{"any":{"@type":"a/b.C","x":1},"x":1}"#,
            &[(UnknownMessageType, "/any/@type"), (UnknownField, "/x")],
        ),
        (
            r#"{"any":{"@type":"a/protojson.test.Child","nme":1}}"#,
            &[(UnknownField, "/any/nme")],
        ),
        (
            r#"{"any":{"@type":"a/protojson.test.Child","@type":"a/protojson.test.Child"}}"#,
            &[(DuplicateField, "/any/@type")],
        ),
        (
            r#"{"any":{"@type":"a/google.protobuf.Duration"}}"#,
            &[(MissingField, "/any/value")],
        ),
        (
            r#"{"any":{"@type":"a/google.protobuf.Duration","value":"9999999999999s","value":"1s","seconds":1}}"#,
            &[
                (OutOfRange, "/any/value"),
                (DuplicateField, "/any/value"),
                (UnknownField, "/any/seconds"),
            ],
        ),
    ]);
}

#[test]
fn unknown_types_and_typeless_content_are_not_printed() {
    for content in [&b"\x0a\x05a/b.C"[..], b"\x0a\x01a", b"\x12\x01x", b"\x0a\x01\xff"] {
        let wire = [&[0x82, 5, u8::try_from(content.len()).unwrap()], content].concat();
        let error = json(&everything(), &wire).unwrap_err();
        assert_eq!(error.violations()[0].reason, Reason::UnknownMessageType);
        assert_eq!(error.violations()[0].pointer, "/any/@type");
    }
}

#[test]
fn defaults_within_are_printed_by_option() {
    let message = message(
        EVERYTHING,
        Options {
            always_print_fields_without_presence: true,
            ..Options::default()
        },
    );
    let wire = wire(&message, &format!(r#"{{"any":{{"@type":"{CHILD}"}}}}"#)).unwrap();
    let text = json(&message, &wire).unwrap();
    assert!(
        text.contains(&format!(
            r#""any":{{"@type":"{CHILD}","name":"","count":"0","children":[]}}"#
        )),
        "{text}"
    );
}
