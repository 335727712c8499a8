//! Lists and maps.

use postern_protojson::Reason;

use crate::fixture::{everything, prints_as, refused, wire};

#[test]
fn lists_hold_values_in_order() {
    prints_as(&[
        (r#"{"int32List":[1,"-2",3e0]}"#, r#"{"int32List":[1,-2,3]}"#),
        (r#"{"int32List":[0,0]}"#, r#"{"int32List":[0,0]}"#),
        (r#"{"unpackedList":[0,1]}"#, r#"{"unpackedList":[0,1]}"#),
        (
            r#"{"sint64List":["-1"],"fixed64List":[1]}"#,
            r#"{"sint64List":["-1"],"fixed64List":["1"]}"#,
        ),
        (
            r#"{"doubleList":[1.5,"NaN"],"boolList":[true,false]}"#,
            r#"{"doubleList":[1.5,"NaN"],"boolList":[true,false]}"#,
        ),
        (
            r#"{"stringList":["","a"],"bytesList":["","AQ=="]}"#,
            r#"{"stringList":["","a"],"bytesList":["","AQ=="]}"#,
        ),
        (
            r#"{"colourList":["COLOUR_RED",0,9]}"#,
            r#"{"colourList":["COLOUR_RED","COLOUR_UNSPECIFIED",9]}"#,
        ),
        (
            r#"{"childList":[{},{"name":"a"}]}"#,
            r#"{"childList":[{},{"name":"a"}]}"#,
        ),
        (r#"{"int32List":[]}"#, "{}"),
        (r#"{"int32List":null}"#, "{}"),
        (r#"{"stringList":[]}"#, "{}"),
    ]);
}

#[test]
fn packed_lists_are_one_record_and_others_one_an_element() {
    assert_eq!(
        wire(&everything(), r#"{"int32List":[1,2]}"#).unwrap(),
        [0xf2, 1, 2, 1, 2]
    );
    assert_eq!(
        wire(&everything(), r#"{"unpackedList":[1,2]}"#).unwrap(),
        [0xb0, 2, 1, 0xb0, 2, 2]
    );
}

#[test]
fn wrong_elements_are_refused_at_their_index() {
    use Reason::{InvalidValue, OutOfRange, UnknownField, WrongType};
    refused(&[
        (
            r#"{"int32List":[1,null,"x",{},99999999999]}"#,
            &[
                (WrongType, "/int32List/1"),
                (InvalidValue, "/int32List/2"),
                (WrongType, "/int32List/3"),
                (OutOfRange, "/int32List/4"),
            ],
        ),
        (r#"{"stringList":[null]}"#, &[(WrongType, "/stringList/0")]),
        (
            r#"{"childList":[{},null,{"nam":1},[]]}"#,
            &[
                (WrongType, "/childList/1"),
                (UnknownField, "/childList/2/nam"),
                (WrongType, "/childList/3"),
            ],
        ),
        (r#"{"int32List":1}"#, &[(WrongType, "/int32List")]),
        (r#"{"int32List":{}}"#, &[(WrongType, "/int32List")]),
        (r#"{"int32List":"1"}"#, &[(WrongType, "/int32List")]),
    ]);
}

#[test]
fn maps_have_keys_of_all_types() {
    prints_as(&[
        (
            r#"{"stringMap":{"a":"b","":""}}"#,
            r#"{"stringMap":{"a":"b","":""}}"#,
        ),
        (r#"{"int32Map":{"-1":1,"0":0}}"#, r#"{"int32Map":{"-1":1,"0":0}}"#),
        (
            r#"{"int64Map":{"9223372036854775807":"x"}}"#,
            r#"{"int64Map":{"9223372036854775807":"x"}}"#,
        ),
        (r#"{"uint32Map":{"1e1":true}}"#, r#"{"uint32Map":{"10":true}}"#),
        (
            r#"{"uint64Map":{"18446744073709551615":"AQ=="}}"#,
            r#"{"uint64Map":{"18446744073709551615":"AQ=="}}"#,
        ),
        (r#"{"sint32Map":{"-5":1.5}}"#, r#"{"sint32Map":{"-5":1.5}}"#),
        (r#"{"fixed64Map":{"7":0.1}}"#, r#"{"fixed64Map":{"7":0.1}}"#),
        (r#"{"sfixed32Map":{"-7":"x"}}"#, r#"{"sfixed32Map":{"-7":"x"}}"#),
        (
            r#"{"boolMap":{"true":"t","false":"f"}}"#,
            r#"{"boolMap":{"true":"t","false":"f"}}"#,
        ),
        (
            r#"{"colourMap":{"a":"COLOUR_RED","b":0}}"#,
            r#"{"colourMap":{"a":"COLOUR_RED","b":"COLOUR_UNSPECIFIED"}}"#,
        ),
        (
            r#"{"childMap":{"a":{},"b":{"count":1}}}"#,
            r#"{"childMap":{"a":{},"b":{"count":"1"}}}"#,
        ),
        (r#"{"stringMap":{}}"#, "{}"),
        (r#"{"stringMap":null}"#, "{}"),
    ]);
}

#[test]
fn wrong_keys_and_values_are_refused() {
    use Reason::{DuplicateField, InvalidValue, MalformedJson, OutOfRange, UnknownField, WrongType};
    refused(&[
        (
            r#"{"int32Map":{"x":1,"2147483648":1,"1.5":1,"":1}}"#,
            &[
                (InvalidValue, "/int32Map/x"),
                (OutOfRange, "/int32Map/2147483648"),
                (InvalidValue, "/int32Map/1.5"),
                (InvalidValue, "/int32Map/"),
            ],
        ),
        (r#"{"boolMap":{"True":"t"}}"#, &[(InvalidValue, "/boolMap/True")]),
        (
            r#"{"stringMap":{"a":null,"b":1}}"#,
            &[(WrongType, "/stringMap/a"), (WrongType, "/stringMap/b")],
        ),
        (
            r#"{"childMap":{"a~b/c":{"x":1}}}"#,
            &[(UnknownField, "/childMap/a~0b~1c/x")],
        ),
        (
            r#"{"stringMap":{"a":"1","b":"2","a":"3"}}"#,
            &[(DuplicateField, "/stringMap/a")],
        ),
        (
            r#"{"int32Map":{"1":1,"1e0":2}}"#,
            &[(DuplicateField, "/int32Map/1e0")],
        ),
        (r#"{"stringMap":[]}"#, &[(WrongType, "/stringMap")]),
        (r#"{"int32Map":{1:1}}"#, &[(MalformedJson, "/int32Map")]),
    ]);
}

#[test]
fn duplicate_keys_are_found_among_many() {
    let members: Vec<String> = (0..100).map(|n| format!(r#""key{n}":"v""#)).collect();
    let text = |extra: &str| {
        format!(
            r#"{{"stringMap":{{{}{extra}}},"childMap":{{"key1":{{}}}}}}"#,
            members.join(",")
        )
    };
    wire(&everything(), &text("")).unwrap();
    for duplicate in [0, 15, 16, 17, 99] {
        let pointer = format!("/stringMap/key{duplicate}");
        refused(&[(
            &text(&format!(r#","key{duplicate}":"w""#)),
            &[(Reason::DuplicateField, &pointer)],
        )]);
    }
}
