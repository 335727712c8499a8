//! Files that are wrong: each fault, and the line that is named.

use crate::{faults, load, minimal};

/// The only fault of a job type that has these lines from the fifth on.
fn fault(lines: &str) -> String {
    let mut faults = faults(&[("a.b.yaml", &minimal(lines))]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn all_faults_of_all_files_are_told_at_once() {
    let first = "name: A\nversion: 1\nconsumer: X\nschema: {type: nothing}\nretention: 6d\n";
    let error = load(&[
        ("1.yaml", first),
        ("2.yaml", "[]"),
        ("3.yaml", &minimal("")),
        ("4.yaml", "a: ["),
    ])
    .unwrap_err();
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], "the catalog has 8 fault(s)");
    assert_eq!(
        lines[1],
        "1.yaml:1: name must be parts of [a-z0-9_] joined by dots, 128 characters at most"
    );
    assert_eq!(
        lines[2],
        "1.yaml:2: version must be text (in quotes, if it looks like something else)"
    );
    assert!(lines[3].starts_with("1.yaml:4: schema: /type: "), "{text}");
    assert_eq!(lines[4], "1.yaml:1: consumer_type is missing");
    assert_eq!(lines[5], "1.yaml:5: retention must be 7d at least");
    assert!(
        lines[6].starts_with("1.yaml:3: consumer: unknown key; known are name, title, "),
        "{text}"
    );
    assert_eq!(lines[7], "2.yaml:1: a job type must be a mapping");
    assert!(lines[8].starts_with("4.yaml:"), "{text}");
}

#[test]
fn what_is_required_is_missed() {
    for (key, line) in [("name", 1), ("version", 2), ("consumer_type", 3), ("schema", 4)] {
        let without: Vec<String> = minimal("")
            .lines()
            .filter(|l| !l.starts_with(key))
            .map(str::to_owned)
            .collect();
        assert_eq!(
            faults(&[("a.yaml", &without.join("\n"))]),
            [format!("a.yaml:1: {key} is missing")]
        );
        let empty = minimal("")
            .lines()
            .map(|l| {
                if l.starts_with(key) {
                    format!("{key}:")
                } else {
                    l.to_owned()
                }
            })
            .collect::<Vec<_>>();
        assert_eq!(
            faults(&[("a.yaml", &empty.join("\n"))]),
            [format!("a.yaml:1: {key} is missing")],
            "line {line}"
        );
    }
}

/// Lines from the fifth on, and the fault that they are.
const WRONG_VALUES: &[(&str, &str)] = &[
    ("colour: red\n", "5: colour: unknown key; known are"),
    (
        "title: x\n\n# why\nretention: 1w\n",
        "8: retention must be a duration",
    ),
    ("retention: 6d23h\n", "5: retention must be 7d at least"),
    ("queue_timeout: 0s\n", "5: queue_timeout must be a duration"),
    ("queue_timeout: 60\n", "5: queue_timeout must be a duration"),
    (
        "execution_timeout: [1h]\n",
        "5: execution_timeout must be a duration",
    ),
    ("title: [x]\n", "5: title must be text"),
    (
        "dispatches: 0\n",
        "5: dispatches must be a whole number from 1 to 100",
    ),
    (
        "dispatches: 3.5\n",
        "5: dispatches must be a whole number from 1 to 100",
    ),
    ("backoff: 5s\n", "5: backoff must be a mapping"),
    (
        "backoff:\n  frist: 5s\n",
        "6: frist: unknown key; known are first, factor, max",
    ),
    ("on_dead_letter: drop\n", "5: on_dead_letter must be fail or hold"),
    ("queue: [x]\n", "5: queue must be the name of a queue"),
    ("queue: \"\"\n", "5: queue must be the name of a queue"),
    ("queue: a b\n", "5: queue must be the name of a queue"),
    ("queue: team/slow\n", "5: queue must be the name of a queue"),
    ("queue: https://sqs/1/\n", "5: queue must be the name of a queue"),
    ("queue: slow.fifo\n", "5: queue must be a standard queue"),
    (
        "queue: https://sqs.eu-west-1.amazonaws.com/1/slow.fifo\n",
        "5: queue must be a standard queue",
    ),
    ("claim_check: yes\n", "5: claim_check must be true or false"),
    ("examples: e.json\n", "5: examples must be a list"),
    ("examples:\n  - e.json\n", "6: examples: e.json is not there"),
    ("title: x\ntitle: y\n", "6: "),
    ("title: \"x\n", ""),
];

const WRONG_CONSTRAINTS: &[(&str, &str)] = &[
    ("unique: {name: x}\n", "5: unique must be a list"),
    ("unique:\n  - x\n", "6: a unique constraint must be a mapping"),
    ("unique:\n  - pointers: [/x]\n", "6: name is missing"),
    (
        "unique:\n  - name: x\n",
        "6: pointers must name one value at least",
    ),
    (
        "unique:\n  - name: x\n    pointers:\n      - /y\n      - z\n",
        "9: \"z\" is not a JSON Pointer",
    ),
    (
        "unique:\n  - name: x y\n    pointers: [/y]\n",
        "6: name must be parts of",
    ),
    (
        "unique:\n  - name: x\n    pointers: [/y]\n    scope: all\n",
        "8: scope: unknown key; known are name, pointers",
    ),
    (
        "unique:\n  - {name: x, pointers: [/x]}\n  - {name: x, pointers: [/y]}\n",
        "7: unique: the name x stands twice",
    ),
];

#[test]
fn each_wrong_value_is_named_with_its_line() {
    for (lines, expected) in WRONG_VALUES.iter().chain(WRONG_CONSTRAINTS) {
        let fault = fault(lines);
        assert!(
            fault.starts_with(&format!("a.b.yaml:{expected}")),
            "{fault}\ninstead of\n{expected}"
        );
    }
}

#[test]
fn names_are_those_that_can_be_in_a_path() {
    let long = "x".repeat(129);
    for name in ["A.b", "a..b", ".a", "a.", "a-b", "a/b", "a b", "é", long.as_str()] {
        let yaml = minimal("").replace("a.b", name);
        let faults = faults(&[("a.yaml", &yaml)]);
        assert_eq!(
            faults,
            ["a.yaml:1: name must be parts of [a-z0-9_] joined by dots, 128 characters at most"],
            "{name}"
        );
    }
    for (from, to) in [
        ("version: \"1\"", "version: \"1 2\""),
        ("consumer_type: X", "consumer_type: \"X\\u0001\""),
    ] {
        assert!(
            faults(&[("a.yaml", &minimal("").replace(from, to))])[0].contains("must be printable ASCII"),
            "{to}"
        );
    }
}

#[test]
fn a_name_that_is_taken_is_refused() {
    assert_eq!(
        faults(&[
            ("1.yaml", &minimal("")),
            ("2.yaml", &format!("# again\n{}", minimal("")))
        ]),
        ["2.yaml:2: name: a.b is the name of another job type, too"]
    );
}

#[test]
fn what_is_not_there_yet_is_refused_unless_it_says_what_holds_anyway() {
    let fault = fault("claim_check: true\n");
    assert!(
        fault.starts_with("a.b.yaml:5: claim_check: ") && fault.contains("not available yet"),
        "{fault}"
    );
}

#[test]
fn files_are_those_of_the_same_folder() {
    for name in [
        "../s.json",
        "a/s.json",
        "/etc/passwd",
        "..",
        ".",
        ".s.json",
        "a\\\\s.json",
        "http://x/s.json",
    ] {
        let schema = minimal("").replace("{type: object}", &format!("\"{name}\""));
        let expected = "schema must be the name of a file in the same folder, without a path";
        assert_eq!(
            faults(&[("a.yaml", &schema)]),
            [format!("a.yaml:4: {expected}")],
            "{name}"
        );
    }
    assert!(
        fault("examples: [../e.json]\n").contains("examples must be the name of a file in the same folder")
    );
}

#[test]
fn a_schema_that_is_none_is_refused() {
    let schema = |yaml: &str| faults(&[("a.yaml", &minimal("").replace("{type: object}", yaml))]).remove(0);
    assert_eq!(
        schema("[]"),
        "a.yaml:4: schema must be the name of a file, or a JSON Schema"
    );
    assert_eq!(schema("s.json"), "a.yaml:4: schema: s.json is not there");
    for (wrong, names) in [
        ("{type: strnig}", "/type"),
        ("{properties: {a: {minLength: -1}}}", "/properties/a/minLength"),
        ("{properties: {a: {pattern: '('}}}", "/properties/a/pattern"),
        // Neither can be matched in linear time.
        ("{properties: {a: {pattern: '(?=x)'}}}", "/properties/a/pattern"),
        ("{properties: {a: {pattern: '(x)\\1'}}}", "/properties/a/pattern"),
        ("{properties: {a: {format: e-mail}}}", "format"),
        ("{$schema: 'https://example.com/dialect'}", "example.com"),
        ("{$ref: '#/$defs/missing'}", "missing"),
    ] {
        let fault = schema(wrong);
        assert!(
            fault.starts_with("a.yaml:4: schema: ") && fault.contains(names),
            "{wrong}: {fault}"
        );
    }
}

#[test]
fn a_schema_refers_to_nothing_outside_itself() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.json");
    std::fs::write(&outside, "{}").unwrap();
    let file = format!("file://{}", outside.display());
    for reference in [
        file.as_str(),
        "http://127.0.0.1:1/s.json",
        "https://example.com/s.json",
        "s.json",
        "other.json#/x",
    ] {
        let yaml = minimal("").replace("{type: object}", &format!("{{$ref: '{reference}'}}"));
        let faults = faults(&[("a.yaml", &yaml), ("s.json", "{}"), ("other.json", r#"{"x":{}}"#)]);
        assert!(
            faults[0].starts_with("a.yaml:4: schema: "),
            "{reference}: {faults:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_json_is_refused() {
    let yaml = minimal("").replace("{type: object}", "s.json");
    let faults = faults(&[("a.yaml", &yaml), ("s.json", "{\n\"a\": }")]);
    assert_eq!(
        faults,
        ["a.yaml:4: schema: s.json is not JSON: expected value at line 2 column 6"]
    );
}

#[test]
fn examples_that_do_not_fit_are_refused_with_all_that_does_not() {
    let yaml = minimal("examples:\n  - good.json\n  - bad.json\n  - list.json\n").replace(
        "{type: object}",
        "{required: [a], properties: {b: {maxLength: 3}}}",
    );
    let bad = r#"{"b":"long"}"#;
    let mut faults = faults(&[
        ("a.yaml", &yaml),
        ("good.json", r#"{"a":1}"#),
        ("bad.json", bad),
        ("list.json", "[]"),
    ]);
    faults.sort();
    assert_eq!(
        faults,
        [
            "a.yaml:7: examples: bad.json does not fit the schema at \"/a\": is required",
            "a.yaml:7: examples: bad.json does not fit the schema at \"/b\": the value is longer than 3 characters",
            "a.yaml:8: examples: list.json must be a JSON object",
        ]
    );
}
