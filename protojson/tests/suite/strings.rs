//! Strings, bytes and the JSON they stand in.

use postern_protojson::Reason;

use crate::fixture::{everything, json, prints_as, refused, wire};

#[test]
fn strings_keep_their_characters_and_print_with_the_needed_escapes_alone() {
    prints_as(&[
        (
            r#"{"stringValue":"a\"b\\c\/d\b\f\n\r\t"}"#,
            r#"{"stringValue":"a\"b\\c/d\b\f\n\r\t"}"#,
        ),
        (
            r#"{"stringValue":"\u0041\u00e9\u20ac\u0000\u001f"}"#,
            "{\"stringValue\":\"Aé€\\u0000\\u001f\"}",
        ),
        (r#"{"stringValue":"\ud83d\ude00"}"#, r#"{"stringValue":"😀"}"#),
        (r#"{"stringValue":"é€😀"}"#, r#"{"stringValue":"é€😀"}"#),
        (
            r#"{"stringValue":"a longer text with a \" far behind"}"#,
            r#"{"stringValue":"a longer text with a \" far behind"}"#,
        ),
        (
            "{\"stringValue\":\"\u{7f}\u{80}\u{2028}<>&\"}",
            "{\"stringValue\":\"\u{7f}\u{80}\u{2028}<>&\"}",
        ),
        (r#"{"stringValue":""}"#, "{}"),
    ]);
}

#[test]
fn every_special_byte_is_found_at_every_offset() {
    for special in ["\"", "\\", "\n", "\u{1f}", "\u{0}"] {
        for offset in 0..20 {
            let text = format!("{}{special}{}", "x".repeat(offset), "é".repeat(12));
            let quoted = serde_json::to_string(&text).unwrap();
            let document = format!(r#"{{"stringValue":{quoted}}}"#);
            let wire = wire(&everything(), &document).unwrap();
            assert!(wire.ends_with(text.as_bytes()), "{document}");
            assert_eq!(json(&everything(), &wire).unwrap(), document);
        }
    }
}

#[test]
fn broken_strings_are_malformed() {
    let malformed: &[(Reason, &str)] = &[(Reason::MalformedJson, "/stringValue")];
    refused(&[
        (r#"{"stringValue":"\ud83d"}"#, malformed),
        (r#"{"stringValue":"\ude00"}"#, malformed),
        (r#"{"stringValue":"\ud83dx"}"#, malformed),
        (r#"{"stringValue":"\ud83d\u0041"}"#, malformed),
        (r#"{"stringValue":"\ude00\ud83d"}"#, malformed),
        (r#"{"stringValue":"\u12g4"}"#, malformed),
        (r#"{"stringValue":"\u+123"}"#, malformed),
        (r#"{"stringValue":"\x41"}"#, malformed),
        (r#"{"stringValue":"\"#, malformed),
        (r#"{"stringValue":"open"#, malformed),
        ("{\"stringValue\":\"a\nb\"}", malformed),
        (r#"{"stringValue":'a'}"#, malformed),
    ]);
    refused(&[(r#"{"stringValue":1}"#, &[(Reason::WrongType, "/stringValue")])]);
}

#[test]
fn text_that_is_no_utf8_is_malformed() {
    let error = everything()
        .to_wire(b"{\"stringValue\":\"\xff\"}", &mut Vec::new())
        .unwrap_err();
    assert_eq!(error.violations()[0].reason, Reason::MalformedJson);
    assert!(
        error.violations()[0].description.contains("UTF-8 at byte 16"),
        "{error}"
    );
}

#[test]
fn bytes_are_read_in_both_alphabets_with_and_without_padding() {
    prints_as(&[
        (r#"{"bytesValue":"+/8="}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"bytesValue":"-_8"}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"bytesValue":"-_8="}"#, r#"{"bytesValue":"+/8="}"#),
        (r#"{"bytesValue":"-_"}"#, r#"{"bytesValue":"+w=="}"#),
        (r#"{"bytesValue":"AQIDBA"}"#, r#"{"bytesValue":"AQIDBA=="}"#),
        (r#"{"bytesValue":""}"#, "{}"),
    ]);
    refused(&[
        (r#"{"bytesValue":"a"}"#, &[(Reason::InvalidValue, "/bytesValue")]),
        (
            r#"{"bytesValue":"AQ==="}"#,
            &[(Reason::InvalidValue, "/bytesValue")],
        ),
        (
            r#"{"bytesValue":"A Q="}"#,
            &[(Reason::InvalidValue, "/bytesValue")],
        ),
        (r#"{"bytesValue":[1]}"#, &[(Reason::WrongType, "/bytesValue")]),
    ]);
}

#[test]
fn json_is_read_as_rfc_8259_has_it() {
    let malformed: &[(Reason, &str)] = &[(Reason::MalformedJson, "")];
    refused(&[
        ("", malformed),
        (" ", malformed),
        ("{", malformed),
        ("{}}", malformed),
        ("{} {}", malformed),
        ("{,}", malformed),
        (r#"{"boolValue":true,}"#, malformed),
        (r#"{"boolValue" true}"#, malformed),
        (r#"{"boolValue":true "int32Value":1}"#, malformed),
        ("{boolValue:true}", malformed),
        ("{'boolValue':true}", malformed),
        ("{}/*comment*/", malformed),
        ("\u{feff}{}", malformed),
        ("nul", malformed),
    ]);
    refused(&[
        (
            r#"{"int32List":[1,]}"#,
            &[(Reason::MalformedJson, "/int32List/1")],
        ),
        (r#"{"int32List":[1 2]}"#, &[(Reason::MalformedJson, "/int32List")]),
        (r#"{"int32List":[,]}"#, &[(Reason::MalformedJson, "/int32List/0")]),
        (r#"{"boolValue":True}"#, &[(Reason::MalformedJson, "/boolValue")]),
        (r#"{"boolValue":}"#, &[(Reason::MalformedJson, "/boolValue")]),
    ]);
    prints_as(&[(" {\r\n\t\"boolValue\" : true\t} \n", r#"{"boolValue":true}"#)]);
}
