//! Timestamps, durations and field masks, in both directions.

use postern_protojson::Reason;

use crate::fixture::{everything, json, prints_as, refused};

#[test]
fn timestamps_print_in_utc_with_0_3_6_or_9_digits() {
    prints_as(&[
        (
            r#"{"timestamp":"1970-01-01T00:00:00Z"}"#,
            r#"{"timestamp":"1970-01-01T00:00:00Z"}"#,
        ),
        (
            r#"{"timestamp":"2026-11-23T10:00:00.1Z"}"#,
            r#"{"timestamp":"2026-11-23T10:00:00.100Z"}"#,
        ),
        (
            r#"{"timestamp":"2026-11-23T10:00:00.000010Z"}"#,
            r#"{"timestamp":"2026-11-23T10:00:00.000010Z"}"#,
        ),
        (
            r#"{"timestamp":"2026-11-23T10:00:00.000000001Z"}"#,
            r#"{"timestamp":"2026-11-23T10:00:00.000000001Z"}"#,
        ),
        (
            r#"{"timestamp":"2026-11-23T10:00:00+02:30"}"#,
            r#"{"timestamp":"2026-11-23T07:30:00Z"}"#,
        ),
        (
            r#"{"timestamp":"2026-12-31T23:59:59.5-00:01"}"#,
            r#"{"timestamp":"2027-01-01T00:00:59.500Z"}"#,
        ),
        (
            r#"{"timestamp":"2024-02-29T12:00:00Z"}"#,
            r#"{"timestamp":"2024-02-29T12:00:00Z"}"#,
        ),
        (
            r#"{"timestamp":"2000-02-29T00:00:00Z"}"#,
            r#"{"timestamp":"2000-02-29T00:00:00Z"}"#,
        ),
        (
            r#"{"timestamp":"0001-01-01T00:00:00Z"}"#,
            r#"{"timestamp":"0001-01-01T00:00:00Z"}"#,
        ),
        (
            r#"{"timestamp":"9999-12-31T23:59:59.999999999Z"}"#,
            r#"{"timestamp":"9999-12-31T23:59:59.999999999Z"}"#,
        ),
        (
            r#"{"timestamp":"1969-12-31T23:59:59.999Z"}"#,
            r#"{"timestamp":"1969-12-31T23:59:59.999Z"}"#,
        ),
    ]);
}

#[test]
fn timestamps_that_are_none_are_refused() {
    use Reason::{InvalidValue, OutOfRange, WrongType};
    for text in [
        "",
        "2026-11-23",
        "2026-11-23T10:00:00",
        "2026-11-23t10:00:00Z",
        "2026-11-23T10:00:00z",
        "2026-11-23 10:00:00Z",
        "2026-11-23T10:00Z",
        "2026-11-23T10:00:00.Z",
        "2026-11-23T10:00:00.0000000001Z",
        "2026-11-23T10:00:00,5Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:00:60Z",
        "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00+0100",
        "2026-11-23T10:00:00Zulu",
        "+026-11-23T10:00:00Z",
        "2026-11-2éT10:00:00Z",
    ] {
        refused(&[(
            &format!(r#"{{"timestamp":"{text}"}}"#),
            &[(InvalidValue, "/timestamp")],
        )]);
    }
    refused(&[
        (
            r#"{"timestamp":"0001-01-01T00:00:00+00:01"}"#,
            &[(OutOfRange, "/timestamp")],
        ),
        (
            r#"{"timestamp":"9999-12-31T23:59:59-00:01"}"#,
            &[(OutOfRange, "/timestamp")],
        ),
        (
            r#"{"timestamp":"0000-12-31T23:59:59Z"}"#,
            &[(OutOfRange, "/timestamp")],
        ),
        (r#"{"timestamp":0}"#, &[(WrongType, "/timestamp")]),
    ]);
}

#[test]
fn durations_print_with_0_3_6_or_9_digits_and_one_sign() {
    prints_as(&[
        (r#"{"duration":"0s"}"#, r#"{"duration":"0s"}"#),
        (r#"{"duration":"1.5s"}"#, r#"{"duration":"1.500s"}"#),
        (r#"{"duration":"-0.5s"}"#, r#"{"duration":"-0.500s"}"#),
        (
            r#"{"duration":"-1.000000001s"}"#,
            r#"{"duration":"-1.000000001s"}"#,
        ),
        (
            r#"{"duration":"315576000000s"}"#,
            r#"{"duration":"315576000000s"}"#,
        ),
        (
            r#"{"duration":"-315576000000.999999999s"}"#,
            r#"{"duration":"-315576000000.999999999s"}"#,
        ),
        (r#"{"duration":"3.000010s"}"#, r#"{"duration":"3.000010s"}"#),
    ]);
    use Reason::{InvalidValue, OutOfRange};
    for text in [
        "",
        "s",
        "1",
        "1.s",
        ".5s",
        "1.0000000001s",
        "1 s",
        "+1s",
        "--1s",
        "1m",
        "1.5e1s",
        "1.-5s",
    ] {
        refused(&[(
            &format!(r#"{{"duration":"{text}"}}"#),
            &[(InvalidValue, "/duration")],
        )]);
    }
    for text in [
        "315576000001s",
        "-315576000001.000000001s",
        "99999999999999999999999999s",
    ] {
        refused(&[(
            &format!(r#"{{"duration":"{text}"}}"#),
            &[(OutOfRange, "/duration")],
        )]);
    }
}

#[test]
fn times_out_of_range_are_not_printed() {
    let bytes = |field: u8, seconds: i64, nanos: i32| {
        let mut inner = vec![0x08];
        prost::encoding::encode_varint(seconds as u64, &mut inner);
        inner.push(0x10);
        prost::encoding::encode_varint(i64::from(nanos) as u64, &mut inner);
        [
            &[0x80 | field << 3 | 2, 5][..],
            &[u8::try_from(inner.len()).unwrap()],
            &inner,
        ]
        .concat()
    };
    // Fields 81 and 82 have the two-byte tags (0x8a, 5) and (0x92, 5).
    for (seconds, nanos) in [
        (253_402_300_800, 0),
        (-62_135_596_801, 0),
        (0, -1),
        (0, 1_000_000_000),
    ] {
        let error = json(&everything(), &bytes(1, seconds, nanos)).unwrap_err();
        assert_eq!(error.violations()[0].pointer, "/timestamp");
        assert_eq!(error.violations()[0].reason, Reason::OutOfRange);
    }
    for (seconds, nanos) in [
        (315_576_000_001, 0),
        (1, -1),
        (-1, 1),
        (0, 1_000_000_000),
        (i64::MIN, i32::MIN),
    ] {
        let error = json(&everything(), &bytes(2, seconds, nanos)).unwrap_err();
        assert_eq!(error.violations()[0].pointer, "/duration");
        assert_eq!(error.violations()[0].reason, Reason::OutOfRange);
    }
    assert_eq!(
        json(&everything(), &bytes(2, -1, -1)).unwrap(),
        r#"{"duration":"-1.000000001s"}"#
    );
}

#[test]
fn field_masks_change_case_and_back() {
    prints_as(&[
        (r#"{"fieldMask":"a,bC.dE,fGH"}"#, r#"{"fieldMask":"a,bC.dE,fGH"}"#),
        (r#"{"fieldMask":""}"#, r#"{"fieldMask":""}"#),
        (r#"{"fieldMask":"a1.b2"}"#, r#"{"fieldMask":"a1.b2"}"#),
    ]);
    for text in ["a_b", "a,", ",a", "a b", "a-b", "é"] {
        refused(&[(
            &format!(r#"{{"fieldMask":"{text}"}}"#),
            &[(Reason::InvalidValue, "/fieldMask")],
        )]);
    }
}

#[test]
fn masks_that_would_not_read_back_are_not_printed() {
    for path in ["fooBar", "foo__bar", "foo_3", "foo_", "foo_.bar"] {
        let length = u8::try_from(path.len()).unwrap();
        let wire = [&[0x9a, 5, length + 2, 0x0a, length][..], path.as_bytes()].concat();
        let error = json(&everything(), &wire).unwrap_err();
        assert_eq!(error.violations()[0].pointer, "/fieldMask", "{path}");
    }
}
