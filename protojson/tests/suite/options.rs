//! The choices a caller has.

use postern_protojson::{Options, Reason};

use crate::fixture::{EVERYTHING, json, message, refused_by, wire};

#[test]
fn fields_without_presence_are_printed_always_when_asked() {
    let always = Options {
        always_print_fields_without_presence: true,
        ..Options::default()
    };
    let child = message("protojson.test.Child", always.clone());
    assert_eq!(
        json(&child, b"").unwrap(),
        r#"{"name":"","count":"0","children":[]}"#
    );
    assert_eq!(
        json(&child, &wire(&child, r#"{"child":{},"number":0}"#).unwrap()).unwrap(),
        r#"{"name":"","count":"0","child":{"name":"","count":"0","children":[]},"children":[],"number":0}"#
    );
    let all = json(&message(EVERYTHING, always), b"").unwrap();
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["colour"], "COLOUR_UNSPECIFIED");
    assert_eq!(all["nullValue"], serde_json::Value::Null);
    assert_eq!(all["stringMap"], serde_json::json!({}));
    assert_eq!(all["doubleValue"], 0);
    assert_eq!(all["bytesValue"], "");
    for absent in [
        "child",
        "timestamp",
        "optionalInt32",
        "choiceInt32",
        "value",
        "stringWrapper",
    ] {
        assert!(all.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn a_default_on_the_wire_is_left_out_like_an_absent_one() {
    let everything = message(EVERYTHING, Options::default());
    assert_eq!(json(&everything, &[0x08, 0, 0x72, 0, 0xf2, 1, 0]).unwrap(), "{}");
}

#[test]
fn proto_names_are_printed_when_asked() {
    let options = Options {
        use_proto_field_names: true,
        ..Options::default()
    };
    let everything = message(EVERYTHING, options);
    let wire = wire(&everything, r#"{"int32Value":1,"renamed":"a"}"#).unwrap();
    assert_eq!(
        json(&everything, &wire).unwrap(),
        r#"{"int32_value":1,"renamed":"a"}"#
    );
}

#[test]
fn unknown_fields_and_enum_names_are_ignored_when_asked() {
    let lenient = message(
        EVERYTHING,
        Options {
            ignore_unknown_fields: true,
            ..Options::default()
        },
    );
    let cases = [
        (
            r#"{"nope":{"a":[{"b":null}]},"int32Value":1}"#,
            r#"{"int32Value":1}"#,
        ),
        (r#"{"colour":"NOPE","optionalColour":"NOPE"}"#, "{}"),
        (
            r#"{"colourList":["NOPE","COLOUR_RED","NOPE"]}"#,
            r#"{"colourList":["COLOUR_RED"]}"#,
        ),
        (
            r#"{"colourMap":{"a":"NOPE","b":"COLOUR_RED"}}"#,
            r#"{"colourMap":{"b":"COLOUR_RED"}}"#,
        ),
        (
            r#"{"any":{"x":1,"@type":"a/protojson.test.Child"}}"#,
            r#"{"any":{"@type":"a/protojson.test.Child"}}"#,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            json(&lenient, &wire(&lenient, text).unwrap()).unwrap(),
            expected,
            "{text}"
        );
    }
    refused_by(
        &lenient,
        &[
            (r#"{"nope":[1,}"#, &[(Reason::MalformedJson, "")]),
            (
                r#"{"int32Value":1,"int32Value":1}"#,
                &[(Reason::DuplicateField, "/int32Value")],
            ),
        ],
    );
}

#[test]
fn output_ends_at_its_limits() {
    let small = message(
        EVERYTHING,
        Options {
            output_bytes_max: 10,
            text_bytes_max: 40,
            ..Options::default()
        },
    );
    let mut out = vec![0; 100];
    small.to_wire(br#"{"stringValue":"12345678"}"#, &mut out).unwrap();
    let error = small
        .to_wire(br#"{"stringValue":"123456789"}"#, &mut out)
        .unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(error.violations()[0].pointer, "/stringValue");
    let error = small
        .to_wire(br#"{"int32List":[1,2,3,4,5,6,7,8,9]}"#, &mut out)
        .unwrap_err();
    assert!(error.is_too_large());
    let error = json(
        &small,
        &[0x72, 30].into_iter().chain([b'x'; 30]).collect::<Vec<_>>(),
    )
    .unwrap_err();
    assert!(error.is_too_large());
    let field = small.field("stringValue").unwrap();
    assert!(
        field
            .text_to_wire("123456789", &mut out)
            .unwrap_err()
            .is_too_large()
    );
    assert!(
        field
            .json_to_wire(b"\"123456789\"", &mut out)
            .unwrap_err()
            .is_too_large()
    );
    assert_eq!(out.len(), 110);
}
