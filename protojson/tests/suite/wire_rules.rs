//! What parsers make of wire bytes in unusual order and form.

use postern_protojson::Reason;

use crate::fixture::{everything, json};

fn printed(wire: &[u8]) -> String {
    json(&everything(), wire).unwrap()
}

#[test]
fn of_a_repeated_singular_field_the_last_wins() {
    assert_eq!(
        printed(&[0x08, 1, 0x72, 1, b'a', 0x08, 2, 0x72, 1, b'b']),
        r#"{"int32Value":2,"stringValue":"b"}"#
    );
}

#[test]
fn split_messages_merge() {
    // child {name: "a", child {count: 1}}, child {count: 2, child {name: "b"}}
    let wire = [
        &[0x8a, 1, 7, 0x0a, 1, b'a', 0x1a, 2, 0x10, 1][..],
        &[0x08, 9],
        &[0x8a, 1, 7, 0x10, 2, 0x1a, 3, 0x0a, 1, b'b'],
    ]
    .concat();
    assert_eq!(
        printed(&wire),
        r#"{"int32Value":9,"child":{"name":"a","count":"2","child":{"name":"b","count":"1"}}}"#
    );
}

#[test]
fn packed_and_unpacked_lists_are_the_same_and_mix() {
    assert_eq!(
        printed(&[0xf0, 1, 1, 0x08, 5, 0xf2, 1, 2, 2, 3, 0xf0, 1, 4]),
        r#"{"int32Value":5,"int32List":[1,2,3,4]}"#
    );
    assert_eq!(printed(&[0xb2, 2, 2, 2, 3]), r#"{"unpackedList":[2,3]}"#);
    let fixed = [&[0xba, 2, 16][..], &1_u64.to_le_bytes(), &2_u64.to_le_bytes()].concat();
    assert_eq!(printed(&fixed), r#"{"fixed64List":["1","2"]}"#);
}

#[test]
fn interleaved_lists_and_maps_are_put_together() {
    let wire = [
        &[0x92, 2, 1, b'a'][..],
        &[0x92, 3, 6, 0x0a, 1, b'k', 0x12, 1, b'v'],
        &[0x92, 2, 1, b'b'],
        &[0x92, 3, 6, 0x0a, 1, b'l', 0x12, 1, b'w'],
    ]
    .concat();
    assert_eq!(
        printed(&wire),
        r#"{"stringList":["a","b"],"stringMap":{"k":"v","l":"w"}}"#
    );
}

#[test]
fn of_a_oneof_the_last_member_wins_and_clears_the_others() {
    // choice_int32: 1, choice_string: "a"
    assert_eq!(
        printed(&[0xb0, 4, 1, 0xba, 4, 1, b'a']),
        r#"{"choiceString":"a"}"#
    );
    // choice_child {name: "a"}, choice_int32: 1, choice_child {count: 2}: the first child is gone
    let wire = [
        &[0xc2, 4, 3, 0x0a, 1, b'a'][..],
        &[0xb0, 4, 1],
        &[0xc2, 4, 2, 0x10, 2],
    ]
    .concat();
    assert_eq!(printed(&wire), r#"{"choiceChild":{"count":"2"}}"#);
    // choice_child {name: "a"}, choice_child {count: 2}: merged
    let wire = [&[0xc2, 4, 3, 0x0a, 1, b'a'][..], &[0xc2, 4, 2, 0x10, 2]].concat();
    assert_eq!(printed(&wire), r#"{"choiceChild":{"name":"a","count":"2"}}"#);
}

#[test]
fn of_equal_map_keys_the_last_wins() {
    let entry = |key: u8, value: u8| vec![0x9a, 3, 4, 0x08, key, 0x10, value];
    let wire = [entry(1, 1), entry(2, 2), entry(1, 3), entry(1, 4)].concat();
    assert_eq!(printed(&wire), r#"{"int32Map":{"2":2,"1":4}}"#);
    let many: Vec<u8> = (0..100).chain(0..100).flat_map(|key| entry(key, key)).collect();
    let value: serde_json::Value = serde_json::from_str(&printed(&many)).unwrap();
    assert_eq!(value["int32Map"].as_object().unwrap().len(), 100);
    assert_eq!(printed(&many).matches("\"7\":").count(), 1);
    // The same key in two layouts: 1 in one byte and in two.
    assert_eq!(
        printed(&[0x9a, 3, 2, 0x08, 1, 0x9a, 3, 5, 0x08, 0x81, 0, 0x10, 2]),
        r#"{"int32Map":{"1":2}}"#
    );
}

#[test]
fn map_entries_have_defaults_and_merge_within() {
    assert_eq!(printed(&[0x9a, 3, 0]), r#"{"int32Map":{"0":0}}"#);
    assert_eq!(
        printed(&[0x9a, 3, 4, 0x10, 5, 0x08, 6]),
        r#"{"int32Map":{"6":5}}"#
    );
    assert_eq!(printed(&[0xda, 3, 3, 0x0a, 1, b'k']), r#"{"childMap":{"k":{}}}"#);
    // child_map {"k": {name: "a"} merged with {count: 1}}
    let wire = [
        0xda, 3, 12, 0x0a, 1, b'k', 0x12, 3, 0x0a, 1, b'a', 0x12, 2, 0x10, 1,
    ];
    assert_eq!(printed(&wire), r#"{"childMap":{"k":{"name":"a","count":"1"}}}"#);
}

#[test]
fn unknown_fields_and_groups_are_skipped() {
    let wire = [
        &[0x9b, 6, 0x08, 1, 0x13, 0x14, 0x12, 1, 7, 0x9c, 6][..], // a group with a group
        &[0xba, 0x3e, 1, b'x'],                                   // field 999
        &[0xa1, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xa5, 0x3f, 1, 2, 3, 4],
        &[0x08, 7],
    ]
    .concat();
    assert_eq!(printed(&wire), r#"{"int32Value":7}"#);
}

#[test]
fn a_field_of_another_wire_type_is_unknown() {
    assert_eq!(printed(&[0x0a, 1, b'x', 0x70, 1, 0x08, 3]), r#"{"int32Value":3}"#);
}

#[test]
fn varints_keep_the_low_bits_of_their_type() {
    let all_ones = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
    assert_eq!(
        printed(&[&[0x08][..], &all_ones].concat()),
        r#"{"int32Value":-1}"#
    );
    assert_eq!(
        printed(&[&[0x18][..], &all_ones].concat()),
        r#"{"uint32Value":4294967295}"#
    );
    assert_eq!(printed(&[0x68, 0x80, 0x80, 1]), r#"{"boolValue":true}"#);
    assert_eq!(printed(&[0x08, 0x81, 0x80, 0]), r#"{"int32Value":1}"#);
}

#[test]
fn malformed_bytes_are_refused() {
    for wire in [
        &[0x08][..],
        &[0x08, 0x80],
        &[0x72, 5, b'a'],
        &[0x72, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        &[0x61, 1, 2, 3],
        &[0x5d, 1, 2],
        &[0x00, 1],
        &[0x06, 1],
        &[0x07],
        &[0x0c],
        &[0x9b, 6],
        &[0x9b, 6, 0x0c],
        &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
        &[0xf2, 1, 1, 0x80],
        &[0x8a, 1, 1, 0x08],
        &[0x92, 3, 1, 0x0a],
        &[0x80, 0x80, 0x80, 0x80, 0x10, 0],
    ] {
        let error = json(&everything(), wire).expect_err(&format!("{wire:x?}"));
        assert_eq!(error.violations()[0].reason, Reason::MalformedWire, "{wire:x?}");
    }
}

#[test]
fn a_value_without_json_is_told_from_malformed_bytes() {
    let not_a_number = [&[0xaa, 5, 9, 0x11][..], &f64::NAN.to_le_bytes()].concat();
    let mask = |path: &[u8; 3]| [&[0x9a, 5, 5, 0x0a, 3][..], path].concat();
    for (wire, pointer) in [
        (not_a_number, "/value"),
        (mask(b"a_B"), "/fieldMask"),
        (mask(b"a b"), "/fieldMask"),
        (mask(b"a,b"), "/fieldMask"),
        (vec![0x9a, 5, 2, 0x0a, 0], "/fieldMask"),
    ] {
        let error = json(&everything(), &wire).unwrap_err();
        assert_eq!(error.violations()[0].reason, Reason::InvalidValue);
        assert_eq!(error.violations()[0].pointer, pointer);
    }
}

#[test]
fn what_cannot_be_printed_is_told_with_its_place() {
    let error = json(&everything(), &[0xaa, 2, 2, 0x0a, 0, 0xaa, 2, 3, 0x0a, 1, 0xff]).unwrap_err();
    assert_eq!(error.violations()[0].pointer, "/childList/1/name");
    let error = json(
        &everything(),
        &[0xda, 3, 8, 0x0a, 1, b'/', 0x12, 3, 0x0a, 1, 0xff],
    )
    .unwrap_err();
    assert_eq!(error.violations()[0].pointer, "/childMap/~1/name");
}
