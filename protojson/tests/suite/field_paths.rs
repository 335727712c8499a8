//! Single fields, as paths, query keys, bodies and responses of google.api.http name them.

use postern_protojson::{FieldPath, Options, Reason};

use crate::fixture::{EVERYTHING, everything, json, message, wire};

fn field(path: &str) -> FieldPath {
    everything()
        .field(path)
        .unwrap_or_else(|| panic!("no field {path}"))
}

/// The message that a fragment makes of the empty one.
fn from_text(path: &str, text: &str) -> String {
    let mut wire = Vec::new();
    field(path)
        .text_to_wire(text, &mut wire)
        .unwrap_or_else(|error| panic!("{path} {text}: {error}"));
    json(&everything(), &wire).unwrap()
}

fn from_json(path: &str, text: &str) -> String {
    let mut wire = Vec::new();
    field(path)
        .json_to_wire(text.as_bytes(), &mut wire)
        .unwrap_or_else(|error| panic!("{path} {text}: {error}"));
    json(&everything(), &wire).unwrap()
}

#[test]
fn fields_are_found_by_either_name_through_singular_messages() {
    assert_eq!(field("int32_value").descriptor().name(), "int32_value");
    assert_eq!(field("int32Value").descriptor().name(), "int32_value");
    assert_eq!(
        field("recursive.child.child.name").descriptor().full_name(),
        "protojson.test.Child.name"
    );
    for path in [
        "",
        ".",
        "nope",
        "child.",
        "child.nope",
        ".child",
        "childList.name",
        "child_map.name",
        "stringMap.a",
        "int32Value.x",
        "struct.fields",
        "timestamp.seconds",
        "value.string_value",
        "empty.x",
    ] {
        assert!(everything().field(path).is_none(), "{path}");
    }
}

#[test]
fn text_of_a_url_becomes_a_fragment() {
    let cases = [
        ("int32_value", "-5", r#"{"int32Value":-5}"#),
        (
            "int64Value",
            "9223372036854775807",
            r#"{"int64Value":"9223372036854775807"}"#,
        ),
        ("doubleValue", "NaN", r#"{"doubleValue":"NaN"}"#),
        ("floatValue", "1.5", r#"{"floatValue":1.5}"#),
        ("boolValue", "true", r#"{"boolValue":true}"#),
        ("stringValue", "a \"b\" é", r#"{"stringValue":"a \"b\" é"}"#),
        ("stringValue", "5", r#"{"stringValue":"5"}"#),
        ("bytesValue", "-_8", r#"{"bytesValue":"+/8="}"#),
        ("bytesValue", "+/8=", r#"{"bytesValue":"+/8="}"#),
        ("colour", "COLOUR_BLUE", r#"{"colour":"COLOUR_BLUE"}"#),
        ("colour", "5", r#"{"colour":"COLOUR_BLUE"}"#),
        ("colour", "-1", r#"{"colour":"COLOUR_NEGATIVE"}"#),
        ("choiceNull", "null", r#"{"choiceNull":null}"#),
        (
            "timestamp",
            "2026-11-23T10:00:00Z",
            r#"{"timestamp":"2026-11-23T10:00:00Z"}"#,
        ),
        ("duration", "30s", r#"{"duration":"30s"}"#),
        ("fieldMask", "a,bC", r#"{"fieldMask":"a,bC"}"#),
        ("int64Wrapper", "7", r#"{"int64Wrapper":"7"}"#),
        ("boolWrapper", "false", r#"{"boolWrapper":false}"#),
        ("stringWrapper", "", r#"{"stringWrapper":""}"#),
        ("optionalInt32", "0", r#"{"optionalInt32":0}"#),
        ("child.child.count", "3", r#"{"child":{"child":{"count":"3"}}}"#),
        ("int32List", "3", r#"{"int32List":[3]}"#),
        ("stringList", "", r#"{"stringList":[""]}"#),
        (
            "timestampList",
            "2026-11-23T10:00:00Z",
            r#"{"timestampList":["2026-11-23T10:00:00Z"]}"#,
        ),
        ("choiceString", "", r#"{"choiceString":""}"#),
    ];
    for (path, text, expected) in cases {
        assert_eq!(from_text(path, text), expected, "{path}={text}");
    }
}

#[test]
fn text_that_is_no_value_is_refused_with_the_fields_pointer() {
    let cases = [
        ("child.count", "x", Reason::InvalidValue, "/child/count"),
        ("int32Value", "2147483648", Reason::OutOfRange, "/int32Value"),
        ("int32_value", "", Reason::InvalidValue, "/int32Value"),
        ("boolValue", "1", Reason::InvalidValue, "/boolValue"),
        ("colour", "PINK", Reason::UnknownEnumValue, "/colour"),
        ("bytesValue", "!", Reason::InvalidValue, "/bytesValue"),
        ("timestamp", "today", Reason::InvalidValue, "/timestamp"),
        ("duration", "999999999999999s", Reason::OutOfRange, "/duration"),
        ("child", "{}", Reason::InvalidValue, "/child"),
        ("struct", "{}", Reason::InvalidValue, "/struct"),
        ("value", "1", Reason::InvalidValue, "/value"),
        ("listValue", "1", Reason::InvalidValue, "/listValue"),
        ("stringMap", "a", Reason::InvalidValue, "/stringMap"),
    ];
    for (path, text, reason, pointer) in cases {
        let mut out = vec![1];
        let error = field(path).text_to_wire(text, &mut out).expect_err(path);
        assert_eq!(
            (error.violations()[0].reason, &*error.violations()[0].pointer),
            (reason, pointer)
        );
        assert_eq!(out, [1]);
    }
}

#[test]
fn json_of_a_field_becomes_a_fragment() {
    let cases = [
        ("child", r#"{"name":"a"}"#, r#"{"child":{"name":"a"}}"#),
        ("child", "null", "{}"),
        (
            "child.child",
            r#"{"count":1}"#,
            r#"{"child":{"child":{"count":"1"}}}"#,
        ),
        ("struct", r#"{"a":[1]}"#, r#"{"struct":{"a":[1]}}"#),
        ("value", "null", r#"{"value":null}"#),
        ("int32List", "[1,2]", r#"{"int32List":[1,2]}"#),
        ("stringMap", r#"{"a":"b"}"#, r#"{"stringMap":{"a":"b"}}"#),
        ("stringValue", r#" "x" "#, r#"{"stringValue":"x"}"#),
        (
            "any",
            r#"{"@type":"a/protojson.test.Child"}"#,
            r#"{"any":{"@type":"a/protojson.test.Child"}}"#,
        ),
    ];
    for (path, text, expected) in cases {
        assert_eq!(from_json(path, text), expected, "{path}: {text}");
    }
    let error = field("child.child").json_to_wire(br#"{"nme":1,"children":[{"count":[]}]}"#, &mut Vec::new());
    let pointers: Vec<_> = error
        .unwrap_err()
        .into_violations()
        .into_iter()
        .map(|found| found.pointer)
        .collect();
    assert_eq!(pointers, ["/child/child/nme", "/child/child/children/0/count"]);
    let error = field("child")
        .json_to_wire(b"{} {}", &mut Vec::new())
        .unwrap_err();
    assert_eq!(error.violations()[0].reason, Reason::MalformedJson);
}

#[test]
fn fragments_merge_into_the_message_and_override() {
    let mut merged = wire(
        &everything(),
        r#"{"int32Value":5,"child":{"name":"a","count":1},"stringList":["x"]}"#,
    )
    .unwrap();
    field("child.count").text_to_wire("0", &mut merged).unwrap();
    field("int32Value").json_to_wire(b"0", &mut merged).unwrap();
    field("stringList").text_to_wire("y", &mut merged).unwrap();
    assert_eq!(
        json(&everything(), &merged).unwrap(),
        r#"{"child":{"name":"a"},"stringList":["x","y"]}"#
    );
}

#[test]
fn a_field_is_picked_out_of_the_wire() {
    let text = r#"{"int32Value":5,"child":{"name":"a","child":{"count":"7"}},"int32List":[1,2],"stringMap":{"a":"b"},
        "timestamp":"2026-11-23T10:00:00Z","colour":"COLOUR_RED"}"#;
    let wire = wire(&everything(), text).unwrap();
    let cases = [
        ("int32Value", "5"),
        ("child", r#"{"name":"a","child":{"count":"7"}}"#),
        ("child.child.count", r#""7""#),
        ("child.name", r#""a""#),
        ("int32List", "[1,2]"),
        ("stringMap", r#"{"a":"b"}"#),
        ("timestamp", r#""2026-11-23T10:00:00Z""#),
        ("colour", r#""COLOUR_RED""#),
        ("uint64Value", r#""0""#),
        ("stringValue", r#""""#),
        ("recursive", "{}"),
        ("recursive.child.count", r#""0""#),
        ("stringList", "[]"),
        ("childMap", "{}"),
        ("duration", "null"),
        ("value", "null"),
        ("stringWrapper", "null"),
        ("struct", "{}"),
        ("listValue", "[]"),
        ("any", "{}"),
        ("empty", "{}"),
    ];
    for (path, expected) in cases {
        let mut out = Vec::new();
        field(path).to_json(&wire, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{path}");
    }
}

#[test]
fn an_absent_message_prints_with_its_defaults_by_option() {
    let options = Options {
        always_print_fields_without_presence: true,
        ..Options::default()
    };
    let mut out = Vec::new();
    message(EVERYTHING, options)
        .field("child")
        .unwrap()
        .to_json(b"", &mut out)
        .unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"name":"","count":"0","children":[]}"#
    );
}

#[test]
fn a_split_message_is_merged_before_its_field_is_picked() {
    let wire = [0x8a, 1, 3, 0x0a, 1, b'a', 0x8a, 1, 2, 0x10, 7, 0x8a, 1, 0];
    assert_eq!(field("child.name").to_text(&wire).unwrap().as_deref(), Some("a"));
    assert_eq!(field("child.count").to_text(&wire).unwrap().as_deref(), Some("7"));
}

#[test]
fn a_field_has_a_plain_text_unless_it_is_unset() {
    let text = r#"{"int64Value":"5","stringValue":"a\"b","child":{},"colour":"COLOUR_BLUE","bytesValue":"AQ==",
        "duration":"1.5s","stringWrapper":"x\ty","optionalString":"","doubleValue":1.5,"boolValue":true}"#;
    let wire = wire(&everything(), text).unwrap();
    let cases = [
        ("int64Value", Some("5")),
        ("stringValue", Some("a\"b")),
        ("colour", Some("COLOUR_BLUE")),
        ("bytesValue", Some("AQ==")),
        ("duration", Some("1.500s")),
        ("stringWrapper", Some("x\ty")),
        ("optionalString", Some("")),
        ("doubleValue", Some("1.5")),
        ("boolValue", Some("true")),
        ("int32Value", Some("0")),
        ("child.name", Some("")),
        ("child.number", None),
        ("recursive.stringValue", None),
        ("timestamp", None),
        ("optionalInt32", None),
    ];
    for (path, expected) in cases {
        assert_eq!(field(path).to_text(&wire).unwrap().as_deref(), expected, "{path}");
    }
    for path in ["child", "stringList", "stringMap", "struct", "value"] {
        assert_eq!(
            field(path).to_text(&wire).unwrap_err().violations()[0].reason,
            Reason::InvalidValue,
            "{path}"
        );
    }
}

#[test]
fn a_field_is_named_by_a_text_that_says_something_of_it() {
    for (path, json, expected) in [
        ("int32Value", r#"{"int32Value":0}"#, true),
        ("int32Value", r#"{"a":[{}],"int32_value":7}"#, true),
        ("int32Value", r#"{"int32\u0056alue":0}"#, true),
        ("int32Value", r#"{"int32Value":null}"#, false),
        ("int32Value", r#"{"nested":{"int32Value":0}}"#, false),
        ("int32Value", "{}", false),
        ("int32Value", "[", false),
        ("int32Value", "", false),
    ] {
        assert_eq!(
            field(path).is_named(json.as_bytes(), 0),
            expected,
            "{path} in {json}"
        );
    }
    assert!(field("int32Value").is_named(b" 0", 1));
    assert!(!field("int32Value").is_named(b"null", 1));
}

#[test]
fn a_field_is_set_when_the_wire_has_it() {
    let wire = wire(
        &everything(),
        r#"{"child":{"name":"a"},"choiceString":"x","stringList":["a"]}"#,
    )
    .unwrap();
    for (path, expected) in [
        ("child", true),
        ("child.name", true),
        ("child.count", false),
        ("recursive.child", false),
        ("choiceString", true),
        ("choiceInt32", false),
        ("stringList", true),
        ("int32Value", false),
    ] {
        assert_eq!(field(path).is_set(&wire).unwrap(), expected, "{path}");
    }
    assert!(field("int32Value").is_set(&[0x08, 0]).unwrap());
    field("int32Value").is_set(&[0x08]).unwrap_err();
}

#[test]
fn a_member_of_a_oneof_can_be_printed_though_its_descriptor_finds_no_end() {
    let text = format!("{:?}", field("choice_int32"));
    assert!(text.contains("protojson.test.Everything.choice_int32"), "{text}");
}
