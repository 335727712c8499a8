//! `Struct`, `Value`, `ListValue`, `NullValue`, the wrappers and `Empty`.

use postern_protojson::{Options, Reason};

use crate::fixture::{EVERYTHING, everything, json, message, prints_as, refused, refused_by, wire};

#[test]
fn any_json_is_a_value() {
    prints_as(&[
        (r#"{"value":null}"#, r#"{"value":null}"#),
        (r#"{"value":true}"#, r#"{"value":true}"#),
        (r#"{"value":false}"#, r#"{"value":false}"#),
        (r#"{"value":-1.5e3}"#, r#"{"value":-1500}"#),
        (r#"{"value":0}"#, r#"{"value":0}"#),
        (r#"{"value":""}"#, r#"{"value":""}"#),
        (r#"{"value":"x\u0041"}"#, r#"{"value":"xA"}"#),
        (r#"{"value":{}}"#, r#"{"value":{}}"#),
        (r#"{"value":[]}"#, r#"{"value":[]}"#),
        (
            r#"{"value":[1,[null,{"a":[]}],"b"]}"#,
            r#"{"value":[1,[null,{"a":[]}],"b"]}"#,
        ),
        (
            r#"{"struct":{"a":{"b":{"c":null}},"":1}}"#,
            r#"{"struct":{"a":{"b":{"c":null}},"":1}}"#,
        ),
        (r#"{"struct":{}}"#, r#"{"struct":{}}"#),
        (r#"{"struct":null}"#, "{}"),
        (r#"{"listValue":[null,1]}"#, r#"{"listValue":[null,1]}"#),
        (r#"{"listValue":[]}"#, r#"{"listValue":[]}"#),
        (r#"{"valueList":[null,[],{}]}"#, r#"{"valueList":[null,[],{}]}"#),
        (r#"{"valueMap":{"a":null}}"#, r#"{"valueMap":{"a":null}}"#),
        (r#"{"structList":[{},{"a":1}]}"#, r#"{"structList":[{},{"a":1}]}"#),
    ]);
    refused(&[
        (r#"{"struct":[]}"#, &[(Reason::WrongType, "/struct")]),
        (r#"{"listValue":{}}"#, &[(Reason::WrongType, "/listValue")]),
        (
            r#"{"struct":{"a":1,"b":{"c":1e400}}}"#,
            &[(Reason::OutOfRange, "/struct/b/c")],
        ),
        (
            r#"{"struct":{"a":1,"a":2}}"#,
            &[(Reason::DuplicateField, "/struct/a")],
        ),
        (
            r#"{"value":[{"a":1,"\u0061":2}]}"#,
            &[(Reason::DuplicateField, "/value/0/a")],
        ),
        (r#"{"value":nil}"#, &[(Reason::MalformedJson, "/value")]),
    ]);
}

#[test]
fn a_value_that_holds_nothing_prints_as_null_and_a_number_that_is_none_not_at_all() {
    assert_eq!(json(&everything(), &[0xaa, 5, 0]).unwrap(), r#"{"value":null}"#);
    for number in [f64::NAN, f64::INFINITY] {
        let wire = [&[0xaa, 5, 9, 0x11][..], &number.to_le_bytes()].concat();
        assert_eq!(
            json(&everything(), &wire).unwrap_err().violations()[0].pointer,
            "/value"
        );
    }
}

#[test]
fn whole_numbers_of_2_to_the_53_are_refused_by_option_however_written() {
    let strict = message(
        EVERYTHING,
        Options {
            refuse_unsafe_integers: true,
            ..Options::default()
        },
    );
    for number in [
        "9007199254740992",
        "-9007199254740992",
        "9007199254740993",
        "9007199254740992.0",
        "9.007199254740992e15",
        "90071992547409920e-1",
        "1e30",
        "1E+300",
    ] {
        let cases: [(&str, &[(Reason, &str)]); 3] = [
            (
                &format!(r#"{{"value":{number}}}"#),
                &[(Reason::UnsafeInteger, "/value")],
            ),
            (
                &format!(r#"{{"struct":{{"a":[{number}]}}}}"#),
                &[(Reason::UnsafeInteger, "/struct/a/0")],
            ),
            (
                &format!(r#"{{"listValue":[1,{number}]}}"#),
                &[(Reason::UnsafeInteger, "/listValue/1")],
            ),
        ];
        refused_by(&strict, &cases);
        wire(&everything(), cases[0].0).unwrap();
    }
    for number in [
        "9007199254740991",
        "-9007199254740991",
        "9007199254740992.5",
        "1e15",
        "\"9007199254740993\"",
    ] {
        wire(&strict, &format!(r#"{{"value":{number},"doubleValue":1e30}}"#)).unwrap();
    }
}

#[test]
fn null_value_is_null() {
    prints_as(&[
        (r#"{"choiceNull":null}"#, r#"{"choiceNull":null}"#),
        (r#"{"choiceNull":"NULL_VALUE"}"#, r#"{"choiceNull":null}"#),
        (r#"{"choiceNull":0}"#, r#"{"choiceNull":null}"#),
        (r#"{"nullValue":null}"#, "{}"),
        (
            r#"{"nullList":[null,"NULL_VALUE"]}"#,
            r#"{"nullList":[null,null]}"#,
        ),
    ]);
    // Field 88 at a number that the enum does not have: null all the same, so a default.
    assert_eq!(json(&everything(), &[0xc0, 5, 7]).unwrap(), "{}");
}

#[test]
fn wrappers_are_what_they_wrap_and_null_is_absent() {
    prints_as(&[
        (r#"{"boolWrapper":false}"#, r#"{"boolWrapper":false}"#),
        (r#"{"int32Wrapper":"7"}"#, r#"{"int32Wrapper":7}"#),
        (r#"{"int64Wrapper":0}"#, r#"{"int64Wrapper":"0"}"#),
        (r#"{"uint32Wrapper":1}"#, r#"{"uint32Wrapper":1}"#),
        (
            r#"{"uint64Wrapper":"18446744073709551615"}"#,
            r#"{"uint64Wrapper":"18446744073709551615"}"#,
        ),
        (r#"{"floatWrapper":"NaN"}"#, r#"{"floatWrapper":"NaN"}"#),
        (r#"{"doubleWrapper":-0}"#, r#"{"doubleWrapper":-0}"#),
        (r#"{"stringWrapper":""}"#, r#"{"stringWrapper":""}"#),
        (r#"{"bytesWrapper":"AQ"}"#, r#"{"bytesWrapper":"AQ=="}"#),
        (r#"{"stringWrapper":null}"#, "{}"),
        (
            r#"{"int64WrapperList":[1,"2"]}"#,
            r#"{"int64WrapperList":["1","2"]}"#,
        ),
        (r#"{"empty":{}}"#, r#"{"empty":{}}"#),
    ]);
    refused(&[
        (
            r#"{"boolWrapper":{"value":true}}"#,
            &[(Reason::WrongType, "/boolWrapper")],
        ),
        (
            r#"{"int64WrapperList":[null]}"#,
            &[(Reason::WrongType, "/int64WrapperList/0")],
        ),
        (r#"{"empty":{"a":1}}"#, &[(Reason::UnknownField, "/empty/a")]),
        (r#"{"empty":[]}"#, &[(Reason::WrongType, "/empty")]),
    ]);
}

#[test]
fn well_known_types_can_be_the_root() {
    let cases = [
        ("google.protobuf.Struct", r#"{"a":1}"#),
        ("google.protobuf.Value", "null"),
        ("google.protobuf.ListValue", "[1]"),
        ("google.protobuf.Timestamp", r#""2026-11-23T10:00:00Z""#),
        ("google.protobuf.Int64Value", r#""0""#),
        ("google.protobuf.Empty", "{}"),
        ("google.protobuf.FieldMask", r#""a,b""#),
    ];
    for (name, text) in cases {
        let message = message(name, Options::default());
        let wire = wire(&message, text).unwrap();
        assert_eq!(json(&message, &wire).unwrap(), text, "{name}");
    }
    refused_by(
        &everything(),
        &[
            ("null", &[(Reason::WrongType, "")]),
            ("[]", &[(Reason::WrongType, "")]),
        ],
    );
}
