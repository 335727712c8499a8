//! Payloads and schemas: every violation, where it is, and nothing of what was sent.

use postern_server::catalog::Violation;
use serde_json::{Value, json};

use crate::{job_type, minimal, one};

/// What does not fit this schema: places and reasons.
fn violations(schema: &str, payload: &Value) -> Vec<(String, String)> {
    let found = list(schema, payload);
    found
        .into_iter()
        .map(|violation| (violation.pointer, violation.reason))
        .collect()
}

fn list(schema: &str, payload: &Value) -> Vec<Violation> {
    let catalog = one(&minimal("").replace("{type: object}", schema));
    job_type(&catalog)
        .check(payload)
        .err()
        .map(|violations| violations.list)
        .unwrap_or_default()
}

fn is_one(schema: &str, payload: &Value, pointer: &str, reason: &str) {
    assert_eq!(
        violations(schema, payload),
        [(pointer.to_owned(), reason.to_owned())],
        "{schema}"
    );
}

#[test]
fn a_payload_that_fits_has_no_violations() {
    assert!(
        violations(
            "{required: [a], properties: {a: {type: integer}}}",
            &json!({"a": 1.0})
        )
        .is_empty()
    );
    assert!(violations("true", &json!({})).is_empty());
}

#[test]
fn every_violation_is_told_at_once() {
    let schema = "{required: [account, reference], additionalProperties: false, properties: {account: {}, reference: {}, \
        contacts: {items: {required: [email], properties: {email: {type: string, format: email, minLength: 3}}}}}}";
    let payload = json!({"contacts": [{"email": "x"}, {}, {"email": 1}], "colour": 1, "size/~": 2});
    let mut found = violations(schema, &payload);
    found.sort();
    let expected = [
        ("/payload/account", "REQUIRED"),
        ("/payload/colour", "ADDITIONAL_PROPERTIES"),
        ("/payload/contacts/0/email", "FORMAT"),
        ("/payload/contacts/0/email", "MIN_LENGTH"),
        ("/payload/contacts/1/email", "REQUIRED"),
        ("/payload/contacts/2/email", "TYPE"),
        ("/payload/reference", "REQUIRED"),
        ("/payload/size~1~0", "ADDITIONAL_PROPERTIES"),
    ];
    assert_eq!(
        found,
        expected.map(|(pointer, reason)| (pointer.to_owned(), reason.to_owned()))
    );
}

#[test]
fn each_keyword_has_its_reason_and_its_place() {
    for (schema, value, reason) in [
        ("{type: [string, 'null']}", json!(1), "TYPE"),
        ("{const: 1}", json!(2), "CONST"),
        ("{enum: [a, b]}", json!("c"), "ENUM"),
        ("{minimum: 1}", json!(0), "MINIMUM"),
        ("{exclusiveMaximum: 1}", json!(1), "EXCLUSIVE_MAXIMUM"),
        ("{multipleOf: 2}", json!(3), "MULTIPLE_OF"),
        ("{maxLength: 1}", json!("ab"), "MAX_LENGTH"),
        ("{pattern: '^a+$'}", json!("b"), "PATTERN"),
        ("{minItems: 1}", json!([]), "MIN_ITEMS"),
        ("{uniqueItems: true}", json!([1, 1.0]), "UNIQUE_ITEMS"),
        ("{contains: {type: string}}", json!([1]), "CONTAINS"),
        ("{maxProperties: 0}", json!({"x": 1}), "MAX_PROPERTIES"),
        (
            "{propertyNames: {maxLength: 1}}",
            json!({"secret": 1}),
            "PROPERTY_NAMES",
        ),
        ("{anyOf: [{type: string}, {type: 'null'}]}", json!(1), "ANY_OF"),
        ("{oneOf: [{type: number}, {type: integer}]}", json!(1), "ONE_OF"),
        ("{not: {type: number}}", json!(1), "NOT"),
        ("false", json!(1), "FALSE_SCHEMA"),
    ] {
        is_one(
            &format!("{{properties: {{'a/b': {schema}}}}}"),
            &json!({"a/b": value}),
            "/payload/a~1b",
            reason,
        );
    }
    is_one("{minProperties: 1}", &json!({}), "/payload", "MIN_PROPERTIES");
    is_one(
        "{dependentRequired: {a: [b]}}",
        &json!({"a": 1}),
        "/payload/b",
        "REQUIRED",
    );
    is_one(
        "{unevaluatedProperties: false}",
        &json!({"x": 1}),
        "/payload/x",
        "UNEVALUATED_PROPERTIES",
    );
    is_one(
        "{properties: {a: {$ref: '#/$defs/t'}}, $defs: {t: {type: string}}}",
        &json!({"a": 1}),
        "/payload/a",
        "TYPE",
    );
}

#[test]
fn formats_are_asserted() {
    for (format, good, bad) in [
        ("email", "x@example.com", "x"),
        ("date-time", "2026-11-23T10:00:00Z", "2026-11-23 10:00"),
        ("date", "2026-02-28", "2026-02-30"),
        ("time", "10:00:00Z", "25:00:00Z"),
        ("duration", "P1D", "1 day"),
        ("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08"),
        ("uri", "https://example.com/x", "x y"),
        ("hostname", "example.com", "-example"),
        ("ipv4", "127.0.0.1", "127.0.0.256"),
        ("ipv6", "::1", "::g"),
        ("json-pointer", "/a", "a"),
    ] {
        let schema = format!("{{properties: {{a: {{format: {format}}}}}}}");
        assert!(violations(&schema, &json!({"a": good})).is_empty(), "{format}");
        is_one(&schema, &json!({"a": bad}), "/payload/a", "FORMAT");
    }
}

#[test]
fn descriptions_say_what_is_wrong_and_nothing_of_what_was_sent() {
    let secret = "hunter2";
    for schema in [
        "{type: integer}",
        "{const: 1}",
        "{enum: [a]}",
        "{maxLength: 1}",
        "{pattern: '^[0-9]+$'}",
        "{format: email}",
        "{format: uuid}",
        "{not: {type: string}}",
        "{anyOf: [{type: integer}, {maxLength: 1}]}",
        "{oneOf: [{type: integer}]}",
        "{allOf: [{type: integer}]}",
        "{contentEncoding: base64}",
        "{if: {type: string}, then: {maxLength: 1}}",
    ] {
        let schema = format!("{{properties: {{a: {schema}}}}}");
        for violation in list(&schema, &json!({"a": secret})) {
            assert!(
                !violation.description.is_empty() && !violation.description.contains(secret),
                "{violation:?}"
            );
        }
    }
    for schema in [
        "{type: string}",
        "{items: {const: 1}}",
        "{uniqueItems: true}",
        "{contains: {type: integer}}",
        "{maxItems: 1}",
        "{prefixItems: [true], items: false}",
        "{unevaluatedItems: false}",
    ] {
        let schema = format!("{{properties: {{a: {schema}}}}}");
        let found = list(&schema, &json!({"a": [secret, secret]}));
        assert!(
            !found.is_empty()
                && found
                    .iter()
                    .all(|violation| !violation.description.contains(secret)),
            "{found:?}"
        );
    }
    for schema in [
        "{propertyNames: {maxLength: 1}}",
        "{propertyNames: {enum: [a]}}",
        "{propertyNames: {format: uuid}}",
        "{additionalProperties: false}",
        "{maxProperties: 0}",
    ] {
        let found = list(schema, &json!({secret: secret}));
        assert!(
            !found.is_empty()
                && found
                    .iter()
                    .all(|violation| !violation.description.contains(secret)),
            "{found:?}"
        );
    }
}

#[test]
fn a_description_is_short_however_long_the_rule() {
    let names: Vec<String> = (0..500).map(|number| format!("name{number}")).collect();
    let found = list(
        &format!("{{properties: {{a: {{enum: {names:?}}}}}}}"),
        &json!({"a": "x"}),
    );
    assert!(
        found[0].description.chars().count() <= 201,
        "{}",
        found[0].description
    );
}

#[test]
fn a_hundred_violations_are_told_at_most_and_that_there_are_more() {
    let catalog = one(&minimal("").replace(
        "{type: object}",
        "{additionalProperties: {items: {type: string}}}",
    ));
    let check = |count: usize| {
        job_type(&catalog)
            .check(&json!({"a": vec![1; count]}))
            .unwrap_err()
    };
    assert_eq!((check(100).list.len(), check(100).truncated), (100, false));
    assert_eq!((check(101).list.len(), check(101).truncated), (100, true));

    let catalog = one(&minimal("").replace("{type: object}", "{additionalProperties: false}"));
    let many: Value = (0..1000).map(|number| (number.to_string(), json!(1))).collect();
    let found = job_type(&catalog).check(&many).unwrap_err();
    assert_eq!((found.list.len(), found.truncated), (100, true));
}

#[test]
fn names_are_told_of_objects_that_may_have_none_too() {
    let schema = "{properties: {a: {additionalProperties: false}, additionalProperties: false}}";
    let mut found = violations(
        schema,
        &json!({"a": {"x": 1, "y": 2}, "additionalProperties": {"z": 1}}),
    );
    found.sort();
    let expected = [
        ("/payload/a/x", "ADDITIONAL_PROPERTIES"),
        ("/payload/a/y", "ADDITIONAL_PROPERTIES"),
        ("/payload/additionalProperties", "FALSE_SCHEMA"),
    ];
    assert_eq!(
        found,
        expected.map(|(pointer, reason)| (pointer.to_owned(), reason.to_owned()))
    );
}

#[test]
fn of_a_very_large_payload_the_first_violation_is_told() {
    let catalog = one(&minimal("").replace("{type: object}", "{properties: {a: {items: {type: string}}}}"));
    let check = |count: usize| {
        job_type(&catalog)
            .check(&json!({"a": vec![1; count]}))
            .unwrap_err()
    };
    assert_eq!(check(49_000).list.len(), 100);
    let found = check(50_000);
    assert_eq!((found.list.len(), found.truncated), (1, true));
    assert_eq!(found.list[0].pointer, "/payload/a/0");
    let fits = json!({"a": vec!["x"; 100_000]});
    assert!(job_type(&catalog).check(&fits).is_ok());
}

#[test]
fn unique_values_are_those_of_the_constraints_that_apply() {
    let catalog = one(&minimal(
        "unique:\n  - {name: one, pointers: [/a]}\n  - {name: both, pointers: [/a, /b/c]}\n",
    ));
    let values = |payload: Value| job_type(&catalog).unique_values(&payload);
    let names = |payload: Value| {
        values(payload)
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(json!({"a": 1, "b": {"c": 2}})), ["one", "both"]);
    assert_eq!(names(json!({"a": 1, "b": {"c": null}})), ["one"]);
    assert_eq!(names(json!({"b": {"c": 2}})), Vec::<String>::new());

    let parsed = |text: &str| values(serde_json::from_str(text).unwrap());
    assert_eq!(
        parsed(r#"{"a":{"x":1,"y":[2.0]},"b":{"c":"z"}}"#),
        parsed(r#"{"b":{"c":"z"},"a":{"y":[2],"x":1.0}}"#)
    );
    assert_ne!(values(json!({"a": 1})), values(json!({"a": "1"})));
    assert_ne!(values(json!({"a": [1, 2]})), values(json!({"a": [2, 1]})));
}
