//! Messages: names, presence, oneofs, duplicates, and the violations of a whole text.

use postern_protojson::{Options, Reason, Violation};

use crate::fixture::{EVERYTHING, everything, message, prints_as, refused, refused_by, wire};

#[test]
fn both_names_of_a_field_are_read_and_the_json_name_is_printed() {
    prints_as(&[
        (r#"{"int32_value":1}"#, r#"{"int32Value":1}"#),
        (r#"{"renamed":"a"}"#, r#"{"another name/with~all":"a"}"#),
        (
            r#"{"another name/with~all":"a"}"#,
            r#"{"another name/with~all":"a"}"#,
        ),
        (r#"{"fieldName1":1}"#, r#"{"fieldName1":1}"#),
        (r#"{"LeadingDouble":1}"#, r#"{"LeadingDouble":1}"#),
        (r#"{"_leading__double":1}"#, r#"{"LeadingDouble":1}"#),
        (r#"{"\u0069nt32Value":1}"#, r#"{"int32Value":1}"#),
        (r#"{"farAway":1}"#, r#"{"farAway":1}"#),
    ]);
    refused(&[
        (r#"{"Int32Value":1}"#, &[(Reason::UnknownField, "/Int32Value")]),
        (r#"{"int32Valu":1}"#, &[(Reason::UnknownField, "/int32Valu")]),
        (r#"{"":1}"#, &[(Reason::UnknownField, "/")]),
        (r#"{"1":1}"#, &[(Reason::UnknownField, "/1")]),
        (r#"{"a/b~c":1}"#, &[(Reason::UnknownField, "/a~1b~0c")]),
    ]);
}

#[test]
fn presence_is_kept() {
    prints_as(&[
        (r#"{"optionalInt32":0}"#, r#"{"optionalInt32":0}"#),
        (r#"{"optionalString":""}"#, r#"{"optionalString":""}"#),
        (r#"{"optionalBool":false}"#, r#"{"optionalBool":false}"#),
        (
            r#"{"optionalColour":0}"#,
            r#"{"optionalColour":"COLOUR_UNSPECIFIED"}"#,
        ),
        (r#"{"optionalInt32":null}"#, "{}"),
        (r#"{"child":{}}"#, r#"{"child":{}}"#),
        (r#"{"child":null}"#, "{}"),
        (
            r#"{"int32Value":null,"stringValue":null,"colour":null,"boolValue":null}"#,
            "{}",
        ),
    ]);
}

#[test]
fn fields_print_in_the_order_of_their_numbers() {
    prints_as(&[(
        r#"{"farAway":1,"stringValue":"a","child":{"count":1,"name":"b"},"int32Value":2}"#,
        r#"{"int32Value":2,"stringValue":"a","child":{"name":"b","count":"1"},"farAway":1}"#,
    )]);
}

#[test]
fn a_oneof_takes_one_member_and_null_is_none() {
    prints_as(&[
        (r#"{"choiceInt32":0}"#, r#"{"choiceInt32":0}"#),
        (r#"{"choiceString":""}"#, r#"{"choiceString":""}"#),
        (r#"{"choiceChild":{}}"#, r#"{"choiceChild":{}}"#),
        (
            r#"{"choiceInt32":null,"choiceString":"a"}"#,
            r#"{"choiceString":"a"}"#,
        ),
        (
            r#"{"choiceString":"a","choiceInt32":null}"#,
            r#"{"choiceString":"a"}"#,
        ),
        (r#"{"choiceValue":null}"#, r#"{"choiceValue":null}"#),
    ]);
    refused(&[
        (
            r#"{"choiceInt32":1,"choiceString":"a"}"#,
            &[(Reason::OneofConflict, "/choiceString")],
        ),
        (
            r#"{"choiceInt32":1,"choiceNull":null}"#,
            &[(Reason::OneofConflict, "/choiceNull")],
        ),
        (
            r#"{"choiceValue":null,"choiceBool":false}"#,
            &[(Reason::OneofConflict, "/choiceBool")],
        ),
    ]);
}

#[test]
fn a_field_given_twice_is_refused_by_whichever_name() {
    use Reason::DuplicateField;
    refused(&[
        (
            r#"{"int32Value":1,"int32Value":1}"#,
            &[(DuplicateField, "/int32Value")],
        ),
        (
            r#"{"int32Value":1,"int32_value":2}"#,
            &[(DuplicateField, "/int32Value")],
        ),
        (
            r#"{"int32Value":null,"int32Value":2}"#,
            &[(DuplicateField, "/int32Value")],
        ),
        (
            r#"{"int32List":[1],"int32List":[2]}"#,
            &[(DuplicateField, "/int32List")],
        ),
        (
            r#"{"child":{"name":"a","name":"b"}}"#,
            &[(DuplicateField, "/child/name")],
        ),
        (r#"{"farAway":1,"far_away":1}"#, &[(DuplicateField, "/farAway")]),
    ]);
}

#[test]
fn all_violations_are_told_at_once_with_pointers() {
    use Reason::{MalformedJson, OutOfRange, UnknownField, WrongType};
    refused(&[(
        r#"{"int32Value":"1","nope":{"a":[1,{"b":2}]},"child":{"child":{"name":1,"count":"9223372036854775808"}},
            "childList":[{"number":true}],"boolValue":tru}"#,
        &[
            (UnknownField, "/nope"),
            (WrongType, "/child/child/name"),
            (OutOfRange, "/child/child/count"),
            (WrongType, "/childList/0/number"),
            (MalformedJson, "/boolValue"),
        ],
    )]);
}

#[test]
fn violations_end_at_their_limit() {
    let few = message(
        EVERYTHING,
        Options {
            violations_max: 2,
            ..Options::default()
        },
    );
    let error = wire(&few, r#"{"a":1,"b":1}"#).unwrap_err();
    assert!(!error.is_truncated());
    let error = wire(&few, r#"{"a":1,"b":1,"c":1,"d":1}"#).unwrap_err();
    assert!(error.is_truncated());
    assert_eq!(error.violations().len(), 2);
    let error = wire(&few, r#"{"a":1,"b":1"#).unwrap_err();
    assert!(error.is_truncated());
}

#[test]
fn output_is_left_as_it_was_when_something_is_wrong() {
    let mut out = b"before".to_vec();
    everything()
        .to_wire(br#"{"int32Value":1,"stringValue":2}"#, &mut out)
        .unwrap_err();
    assert_eq!(out, b"before");
    everything().to_wire(br#"{"int32Value":1}"#, &mut out).unwrap();
    assert_eq!(out, b"before\x08\x01");
    everything().to_json(&[0x72, 1, 0xff], &mut out).unwrap_err();
    assert_eq!(out, b"before\x08\x01");
}

#[test]
fn descriptions_say_what_was_expected_and_never_echo_a_value() {
    let error = wire(
        &everything(),
        r#"{"colour":"SECRET","int32Value":"SECRET","timestamp":"SECRET"}"#,
    )
    .unwrap_err();
    let text = format!("{error:?} {error}");
    assert!(!text.contains("SECRET"), "{text}");
    assert_eq!(
        error.violations()[1],
        Violation {
            pointer: "/int32Value".into(),
            reason: Reason::InvalidValue,
            description: "expected a signed 32-bit integer".into(),
        }
    );
    assert_eq!(error.violations()[0].reason.as_str(), "UNKNOWN_ENUM_VALUE");
    assert_eq!(
        error.to_string(),
        "/colour: expected the name of a value of protojson.test.Colour (and 2 more)"
    );
}

#[test]
fn fields_of_any_message_of_the_pool_can_be_read() {
    let options = || Options {
        ignore_unknown_fields: true,
        ..Options::default()
    };
    wire(
        &message("protojson.test.Later", options()),
        r#"{"int32Value":1,"unknown":"a"}"#,
    )
    .unwrap();
    refused_by(
        &message("protojson.test.Child", options()),
        &[(r#"{"name":5}"#, &[(Reason::WrongType, "/name")])],
    );
}
