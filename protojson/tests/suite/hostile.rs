//! Input made to hurt: whatever it is, the answer is an outcome within the limits, never a panic.

use postern_protojson::{Options, Reason};

use crate::fixture::{EVERYTHING, everything, json, message, refused, wire};

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

fn reason(text: &str) -> Option<Reason> {
    wire(&everything(), text)
        .err()
        .map(|error| error.violations()[0].reason)
}

#[test]
fn nesting_is_limited_as_the_wire_counts_it() {
    assert_eq!(reason(&nested(r#"{"recursive":"#, "{}", "}", 100)), None);
    assert_eq!(
        reason(&nested(r#"{"recursive":"#, "{}", "}", 101)),
        Some(Reason::TooDeep)
    );
    // Struct in a field, then an entry, a value and a struct an object.
    assert_eq!(
        reason(&format!(r#"{{"struct":{}}}"#, nested(r#"{"a":"#, "1", "}", 33))),
        None
    );
    assert_eq!(
        reason(&format!(r#"{{"struct":{}}}"#, nested(r#"{"a":"#, "1", "}", 34))),
        Some(Reason::TooDeep)
    );
    assert_eq!(
        reason(&format!(r#"{{"listValue":{}}}"#, nested("[", "", "]", 200_000))),
        Some(Reason::TooDeep)
    );
    assert_eq!(
        reason(&nested(r#"{"any":"#, "", "", 100_000)),
        Some(Reason::TooDeep)
    );
    assert_eq!(
        reason(&format!(r#"{{"nope":{}}}"#, nested("[", "", "]", 100_000))),
        Some(Reason::TooDeep)
    );
    assert_eq!(
        reason(&format!(r#"{{"int32Value":{}"#, nested("[", "", "", 100_000))),
        Some(Reason::TooDeep)
    );
}

#[test]
fn an_any_counts_as_two_levels_though_its_type_stands_nested_last() {
    let nested_last = |depth| {
        let inner = nested(
            r#"{"any":"#,
            "{}",
            r#","@type":"a/protojson.test.Everything"}"#,
            depth,
        );
        format!(r#"{{"any":{inner}}}"#)
    };
    assert_eq!(reason(&nested_last(49)), None);
    assert_eq!(reason(&nested_last(50)), Some(Reason::TooDeep));
    let wire = wire(&everything(), &nested_last(49)).unwrap();
    assert_eq!(json(&everything(), &wire).unwrap().matches("@type").count(), 49);
}

#[test]
fn what_is_read_within_the_depth_limit_is_what_prost_decodes_and_what_is_printed() {
    let deepest = format!(r#"{{"struct":{}}}"#, nested(r#"{"a":"#, "1", "}", 33));
    let wire = wire(&everything(), &deepest).unwrap();
    prost_reflect::DynamicMessage::decode(crate::fixture::descriptor(EVERYTHING), &*wire).unwrap();
    assert_eq!(json(&everything(), &wire).unwrap(), deepest);
}

#[test]
fn deep_wire_is_refused() {
    let mut wire = Vec::new();
    for _ in 0..150 {
        let length = u8::try_from(wire.len().min(127)).unwrap();
        if wire.len() > 120 {
            break;
        }
        wire = [&[0x92, 1, length][..], &wire].concat();
    }
    assert!(json(&everything(), &wire).is_ok());
    let shallow = message(
        EVERYTHING,
        Options {
            depth_max: 10,
            ..Options::default()
        },
    );
    assert_eq!(
        json(&shallow, &wire).unwrap_err().violations()[0].reason,
        Reason::TooDeep
    );
    let groups = [0x9b, 6].repeat(100_000);
    assert_eq!(
        json(&everything(), &groups).unwrap_err().violations()[0].reason,
        Reason::MalformedWire
    );
}

#[test]
fn huge_numbers_and_keys_are_answered_briefly() {
    let digits = "9".repeat(1 << 20);
    assert_eq!(
        reason(&format!(r#"{{"int32Value":{digits}}}"#)),
        Some(Reason::OutOfRange)
    );
    assert_eq!(
        reason(&format!(r#"{{"int32Value":1e{digits}}}"#)),
        Some(Reason::OutOfRange)
    );
    assert_eq!(
        reason(&format!(r#"{{"int32Value":0.{digits}}}"#)),
        Some(Reason::InvalidValue)
    );
    assert_eq!(
        reason(&format!(r#"{{"int32Value":0.{}1}}"#, "0".repeat(1 << 20))),
        Some(Reason::InvalidValue)
    );
    assert_eq!(
        reason(&format!(r#"{{"doubleValue":{digits}}}"#)),
        Some(Reason::OutOfRange)
    );
    assert_eq!(reason(&format!(r#"{{"doubleValue":1e-{digits}}}"#)), None);
    assert_eq!(
        reason(&format!(r#"{{"value":1e{digits}}}"#)),
        Some(Reason::OutOfRange)
    );
    let error = wire(&everything(), &format!(r#"{{"{}":1}}"#, "k".repeat(1 << 20))).unwrap_err();
    assert!(error.violations()[0].pointer.len() < 300);
}

#[test]
fn many_violations_stay_within_their_limit() {
    let members: Vec<String> = (0..100_000).map(|n| format!(r#""x{n}":1"#)).collect();
    let error = wire(&everything(), &format!("{{{}}}", members.join(","))).unwrap_err();
    assert_eq!(error.violations().len(), 100);
    assert!(error.is_truncated());
}

#[test]
fn every_prefix_of_a_text_is_malformed_and_none_panics() {
    let text = r#"{"int32Value":-1.5e+3,"stringValue":"a\u00e9\ud83d\ude00é","childMap":{"k":{"name":"x"}},"value":[null,true,{"a":1}],"any":{"@type":"a/google.protobuf.Duration","value":"1s"}}"#;
    for end in 0..text.len() {
        let error = everything()
            .to_wire(&text.as_bytes()[..end], &mut Vec::new())
            .unwrap_err();
        let last = error.violations().last().unwrap();
        assert_eq!(last.reason, Reason::MalformedJson, "{}", &text[..end.min(40)]);
    }
}

#[test]
fn mangled_bytes_never_panic() {
    let text = br#"{"int64Value":"-15","stringValue":"a\u00e9\"","childMap":{"k":{"name":"x"}},"value":[null,true,{"a":1.5}],"timestamp":"2026-11-23T10:00:00.5+01:00","duration":"-1.5s","fieldMask":"a.bC","any":{"@type":"a/google.protobuf.Duration","value":"1s"},"bytesValue":"AQI="}"#;
    let mut wire = Vec::new();
    everything().to_wire(text, &mut wire).unwrap();
    for seed in [&text[..], &wire] {
        for at in 0..seed.len() {
            for replacement in [
                0,
                0xff,
                0x80,
                b'"',
                b'\\',
                b'{',
                b'[',
                b'0',
                seed[at] ^ 1,
                seed[at].wrapping_add(8),
            ] {
                let mut mangled = seed.to_vec();
                mangled[at] = replacement;
                drop(everything().to_wire(&mangled, &mut Vec::new()));
                let mut printed = Vec::new();
                if everything().to_json(&mangled, &mut printed).is_ok() {
                    serde_json::from_slice::<serde_json::Value>(&printed).unwrap();
                }
            }
        }
    }
}

#[test]
fn wire_cut_short_within_a_field_is_refused() {
    let wire = wire(
        &everything(),
        r#"{"stringValue":"abc","child":{"name":"x","children":[{"count":1}]}}"#,
    )
    .unwrap();
    for end in 0..wire.len() {
        // Only the end of the first field is a message again.
        assert_eq!(
            json(&everything(), &wire[..end]).is_ok(),
            end == 0 || end == 5,
            "{end}"
        );
    }
}

#[test]
fn numbers_as_long_as_their_text_are_whole_or_not() {
    let zeros = "0".repeat(1 << 16);
    assert_eq!(reason(&format!(r#"{{"int32Value":1{zeros}e-65536}}"#)), None);
    assert_eq!(reason(&format!(r#"{{"int32Value":0.{zeros}1e65537}}"#)), None);
    refused(&[(
        &format!(r#"{{"int32Value":1{zeros}1e-65536}}"#),
        &[(Reason::InvalidValue, "/int32Value")],
    )]);
}
