//! Integers, floats, booleans and enums.

use postern_protojson::{Options, Reason};

use crate::fixture::{EVERYTHING, everything, json, message, prints_as, refused, wire};

#[test]
fn integers_are_read_as_numbers_and_strings_and_whole_exponents() {
    prints_as(&[
        (r#"{"int32Value":-2147483648}"#, r#"{"int32Value":-2147483648}"#),
        (r#"{"int32Value":"2147483647"}"#, r#"{"int32Value":2147483647}"#),
        (r#"{"int32Value":1e5}"#, r#"{"int32Value":100000}"#),
        (r#"{"int32Value":"1.5e1"}"#, r#"{"int32Value":15}"#),
        (r#"{"int32Value":100.000}"#, r#"{"int32Value":100}"#),
        (r#"{"int32Value":12300e-2}"#, r#"{"int32Value":123}"#),
        (r#"{"int32Value":2147483647.0}"#, r#"{"int32Value":2147483647}"#),
        (
            r#"{"int64Value":9223372036854775807}"#,
            r#"{"int64Value":"9223372036854775807"}"#,
        ),
        (
            r#"{"int64Value":"-9223372036854775808"}"#,
            r#"{"int64Value":"-9223372036854775808"}"#,
        ),
        (
            r#"{"int64Value":9007199254740993}"#,
            r#"{"int64Value":"9007199254740993"}"#,
        ),
        (r#"{"uint32Value":4294967295}"#, r#"{"uint32Value":4294967295}"#),
        (
            r#"{"uint64Value":"18446744073709551615"}"#,
            r#"{"uint64Value":"18446744073709551615"}"#,
        ),
        (
            r#"{"uint64Value":1.8446744073709551615e19}"#,
            r#"{"uint64Value":"18446744073709551615"}"#,
        ),
        (r#"{"sint32Value":-2147483648}"#, r#"{"sint32Value":-2147483648}"#),
        (
            r#"{"sint64Value":-9223372036854775808}"#,
            r#"{"sint64Value":"-9223372036854775808"}"#,
        ),
        (r#"{"fixed32Value":4294967295}"#, r#"{"fixed32Value":4294967295}"#),
        (
            r#"{"fixed64Value":"18446744073709551615"}"#,
            r#"{"fixed64Value":"18446744073709551615"}"#,
        ),
        (r#"{"sfixed32Value":-1}"#, r#"{"sfixed32Value":-1}"#),
        (r#"{"sfixed64Value":"-1"}"#, r#"{"sfixed64Value":"-1"}"#),
    ]);
}

#[test]
fn zero_in_any_spelling_is_the_default() {
    for zero in ["0", "-0", "0.0", "0e999999999999999999999", "-0.000e-5", "\"0\""] {
        assert_eq!(
            wire(&everything(), &format!(r#"{{"int32Value":{zero}}}"#)).unwrap(),
            b"",
            "{zero}"
        );
    }
}

#[test]
fn integers_that_do_not_fit_are_refused() {
    use Reason::{InvalidValue, MalformedJson, OutOfRange, WrongType};
    let at = "/int32Value";
    refused(&[
        (r#"{"int32Value":2147483648}"#, &[(OutOfRange, at)]),
        (r#"{"int32Value":-2147483649}"#, &[(OutOfRange, at)]),
        (r#"{"int32Value":1e99999999999999999999}"#, &[(OutOfRange, at)]),
        (
            r#"{"int32Value":99999999999999999999999999999999999999999999}"#,
            &[(OutOfRange, at)],
        ),
        (r#"{"uint32Value":-1}"#, &[(OutOfRange, "/uint32Value")]),
        (
            r#"{"int64Value":9223372036854775808}"#,
            &[(OutOfRange, "/int64Value")],
        ),
        (
            r#"{"uint64Value":18446744073709551616}"#,
            &[(OutOfRange, "/uint64Value")],
        ),
        (r#"{"int32Value":0.5}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":1e-1}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":1e-99999999999999999999}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":" 1"}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":"1 "}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":"0x10"}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":"01"}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":"+1"}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":""}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":"NaN"}"#, &[(InvalidValue, at)]),
        (r#"{"int32Value":true}"#, &[(WrongType, at)]),
        (r#"{"int32Value":[1]}"#, &[(WrongType, at)]),
        (r#"{"int32Value":01}"#, &[(MalformedJson, at)]),
        (r#"{"int32Value":+1}"#, &[(MalformedJson, at)]),
        (r#"{"int32Value":1.}"#, &[(MalformedJson, at)]),
        (r#"{"int32Value":.5}"#, &[(MalformedJson, at)]),
        (r#"{"int32Value":1e}"#, &[(MalformedJson, at)]),
        (r#"{"int32Value":-}"#, &[(MalformedJson, at)]),
    ]);
}

#[test]
fn floats_are_read_within_their_range_and_printed_shortest() {
    prints_as(&[
        (r#"{"doubleValue":1}"#, r#"{"doubleValue":1}"#),
        (r#"{"doubleValue":1.5}"#, r#"{"doubleValue":1.5}"#),
        (r#"{"doubleValue":0.1}"#, r#"{"doubleValue":0.1}"#),
        (r#"{"doubleValue":"1e300"}"#, r#"{"doubleValue":1e+300}"#),
        (
            r#"{"doubleValue":1.7976931348623157e308}"#,
            r#"{"doubleValue":1.7976931348623157e+308}"#,
        ),
        (r#"{"doubleValue":5e-324}"#, r#"{"doubleValue":5e-324}"#),
        (
            r#"{"doubleValue":9007199254740991}"#,
            r#"{"doubleValue":9007199254740991}"#,
        ),
        (r#"{"doubleValue":-0.0}"#, r#"{"doubleValue":-0}"#),
        (r#"{"doubleValue":"NaN"}"#, r#"{"doubleValue":"NaN"}"#),
        (r#"{"doubleValue":"Infinity"}"#, r#"{"doubleValue":"Infinity"}"#),
        (r#"{"doubleValue":"-Infinity"}"#, r#"{"doubleValue":"-Infinity"}"#),
        (r#"{"floatValue":0.1}"#, r#"{"floatValue":0.1}"#),
        (r#"{"floatValue":16777215}"#, r#"{"floatValue":16777215}"#),
        (
            r#"{"floatValue":3.4028235e38}"#,
            r#"{"floatValue":3.4028235e+38}"#,
        ),
        (r#"{"floatValue":1e-50}"#, "{}"),
        (r#"{"floatValue":"-Infinity"}"#, r#"{"floatValue":"-Infinity"}"#),
        (r#"{"doubleValue":1e-999999}"#, "{}"),
    ]);
}

#[test]
fn floats_out_of_range_or_in_other_words_are_refused() {
    use Reason::{InvalidValue, OutOfRange, WrongType};
    refused(&[
        (r#"{"doubleValue":1e999999}"#, &[(OutOfRange, "/doubleValue")]),
        (r#"{"doubleValue":-1.89769e308}"#, &[(OutOfRange, "/doubleValue")]),
        (r#"{"floatValue":3.5e38}"#, &[(OutOfRange, "/floatValue")]),
        (r#"{"floatValue":"1e40"}"#, &[(OutOfRange, "/floatValue")]),
        (r#"{"doubleValue":"inf"}"#, &[(InvalidValue, "/doubleValue")]),
        (r#"{"doubleValue":"nan"}"#, &[(InvalidValue, "/doubleValue")]),
        (r#"{"doubleValue":"1.5x"}"#, &[(InvalidValue, "/doubleValue")]),
        (r#"{"doubleValue":".5"}"#, &[(InvalidValue, "/doubleValue")]),
        (r#"{"doubleValue":false}"#, &[(WrongType, "/doubleValue")]),
    ]);
}

#[test]
fn booleans_are_literals_alone() {
    use Reason::WrongType;
    prints_as(&[
        (r#"{"boolValue":true}"#, r#"{"boolValue":true}"#),
        (r#"{"boolValue":false}"#, "{}"),
    ]);
    refused(&[
        (r#"{"boolValue":1}"#, &[(WrongType, "/boolValue")]),
        (r#"{"boolValue":"true"}"#, &[(WrongType, "/boolValue")]),
        (r#"{"boolValue":{}}"#, &[(WrongType, "/boolValue")]),
    ]);
}

#[test]
fn enums_are_read_by_name_alias_and_number_and_unknown_numbers_are_kept() {
    prints_as(&[
        (r#"{"colour":"COLOUR_BLUE"}"#, r#"{"colour":"COLOUR_BLUE"}"#),
        (r#"{"colour":"COLOUR_CRIMSON"}"#, r#"{"colour":"COLOUR_RED"}"#),
        (r#"{"colour":5}"#, r#"{"colour":"COLOUR_BLUE"}"#),
        (r#"{"colour":-1}"#, r#"{"colour":"COLOUR_NEGATIVE"}"#),
        (r#"{"colour":77}"#, r#"{"colour":77}"#),
        (r#"{"colour":1.0}"#, r#"{"colour":"COLOUR_RED"}"#),
        (r#"{"colour":"COLOUR_UNSPECIFIED"}"#, "{}"),
    ]);
    refused(&[
        (r#"{"colour":"BLUE"}"#, &[(Reason::UnknownEnumValue, "/colour")]),
        (
            r#"{"colour":"colour_blue"}"#,
            &[(Reason::UnknownEnumValue, "/colour")],
        ),
        (r#"{"colour":2147483648}"#, &[(Reason::OutOfRange, "/colour")]),
        (r#"{"colour":true}"#, &[(Reason::WrongType, "/colour")]),
    ]);
}

#[test]
fn enums_print_as_numbers_when_asked() {
    let message = message(
        EVERYTHING,
        Options {
            enums_as_numbers: true,
            ..Options::default()
        },
    );
    let wire = wire(&message, r#"{"colour":"COLOUR_BLUE","nullValue":null}"#).unwrap();
    assert_eq!(json(&message, &wire).unwrap(), r#"{"colour":5}"#);
}
