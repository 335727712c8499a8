//! Files that are right.

use std::time::Duration;

use postern_server::catalog::{Backoff, Catalog, Source, UniqueConstraint};
use serde_json::json;

use crate::{faults, job_type, load, minimal, one};

const HOUR: Duration = Duration::from_hours(1);

#[test]
fn what_is_not_said_has_its_default() {
    let catalog = one(&minimal(""));
    let job_type = job_type(&catalog);
    assert_eq!(
        (job_type.name(), job_type.version(), job_type.consumer_type()),
        ("a.b", "1", "X")
    );
    assert_eq!((job_type.title(), job_type.description()), ("", ""));
    assert_eq!(job_type.schema(), &json!({"type": "object"}));
    assert_eq!(job_type.queue_timeout(), 7 * 24 * HOUR);
    assert_eq!(job_type.execution_timeout(), HOUR);
    assert_eq!(job_type.retention(), 30 * 24 * HOUR);
    assert_eq!(job_type.dispatches(), 3);
    assert_eq!(
        job_type.backoff(),
        Backoff {
            first: Duration::from_secs(5),
            factor: 2,
            max: Duration::from_mins(5)
        }
    );
    assert_eq!(job_type.queue(), None);
    assert!(job_type.unique().is_empty() && job_type.examples().is_empty());
}

#[test]
fn everything_can_be_said() {
    let yaml = r#"
name: contacts.import_2
title: Import contacts
description: >-
  Two
  lines
version: "2.10"
schema: s.json
consumer_type: App\Message\ImportContacts
unique:
  - {name: reference, pointers: [/reference]}
  - name: both
    pointers:
      - /a~1b
      - /c/0
queue_timeout: 1d12h
execution_timeout: 90s
retention: 7d
dispatches: 5
backoff: {first: 1s, factor: 3, max: 1m}
on_dead_letter: hold
claim_check: false
examples: [e.json]
"#;
    let schema = r#"{"properties":{"reference":{"type":"string"}}}"#;
    let files = [
        ("x.yaml", yaml),
        ("s.json", schema),
        ("e.json", r#"{"reference":"r"}"#),
    ];
    let catalog = load(&files).unwrap();
    let job_type = catalog.get("contacts.import_2").unwrap();
    assert_eq!(
        (job_type.title(), job_type.description()),
        ("Import contacts", "Two lines")
    );
    assert_eq!(
        (job_type.version(), job_type.consumer_type()),
        ("2.10", r"App\Message\ImportContacts")
    );
    assert_eq!(job_type.schema()["properties"]["reference"]["type"], "string");
    let constraint = |name: &str, pointers: &[&str]| UniqueConstraint {
        name: name.to_owned(),
        pointers: pointers.iter().map(|&pointer| pointer.to_owned()).collect(),
    };
    assert_eq!(
        job_type.unique(),
        [
            constraint("reference", &["/reference"]),
            constraint("both", &["/a~1b", "/c/0"])
        ]
    );
    assert_eq!(job_type.queue_timeout(), 36 * HOUR);
    assert_eq!(job_type.execution_timeout(), Duration::from_secs(90));
    assert_eq!(job_type.retention(), 7 * 24 * HOUR);
    assert_eq!(job_type.dispatches(), 5);
    let waits = (2..6).map(|dispatch| job_type.backoff().millis_before(dispatch));
    assert_eq!(waits.collect::<Vec<_>>(), [1_000, 3_000, 9_000, 27_000]);
    assert_eq!(job_type.examples(), [json!({"reference": "r"})]);
}

#[test]
fn queues_are_named_or_addressed_and_listed_once() {
    let of = |name: &str, queue: &str| minimal(&format!("queue: {queue}\n")).replace("a.b", name);
    let url = "https://sqs.eu-west-1.amazonaws.com/123456789012/slow_jobs";
    let catalog = load(&[
        ("1.yaml", &of("a", "slow-jobs")),
        ("2.yaml", &of("b", url)),
        ("3.yaml", &of("c", "slow-jobs")),
        ("4.yaml", &minimal("")),
    ])
    .unwrap();
    assert_eq!(catalog.get("a").unwrap().queue(), Some("slow-jobs"));
    assert_eq!(catalog.queues().collect::<Vec<_>>(), [url, "slow-jobs"]);
}

#[test]
fn job_types_are_listed_by_name() {
    let other = minimal("").replace("a.b", "a.a");
    let catalog = load(&[("1.yaml", &minimal("")), ("2.yaml", &other)]).unwrap();
    assert_eq!(
        catalog.iter().map(|job_type| job_type.name()).collect::<Vec<_>>(),
        ["a.a", "a.b"]
    );
    assert!(catalog.get("a").is_none());
}

#[test]
fn a_folder_is_read_and_what_is_not_a_job_type_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.b.yaml",
        &minimal("").replace("{type: object}", "a.b.schema.json"),
    );
    write("a.b.schema.json", r#"{"type":"object"}"#);
    write("README.md", "not: [yaml");
    write(".hidden.yaml", "not: [yaml");
    std::fs::create_dir(folder.path().join("folder.yaml")).unwrap();
    let catalog = Catalog::load(&Source::Folder(folder.path().to_owned())).unwrap();
    assert_eq!(catalog.iter().count(), 1);
}

#[test]
fn a_folder_without_job_types_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &std::path::Path| {
        Catalog::load(&Source::Folder(path.to_owned()))
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(folder.path()).ends_with("has no job type (no file that ends in .yaml)"));
    assert!(refusal(&folder.path().join("missing")).contains("missing: cannot be read: "));
    std::fs::write(folder.path().join("a.yml"), minimal("")).unwrap();
    assert!(refusal(folder.path()).ends_with("a.yml would be left out: job types end in .yaml"));
    assert_eq!(
        faults(&[]),
        ["the built-in catalog: has no job type (no file that ends in .yaml)"]
    );
}

#[test]
fn a_file_of_more_than_a_mebibyte_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("a.yaml"),
        format!("{}#{}", minimal(""), " ".repeat(1024 * 1024)),
    )
    .unwrap();
    let refusal = Catalog::load(&Source::Folder(folder.path().to_owned()))
        .unwrap_err()
        .to_string();
    assert!(
        refusal.ends_with("a.yaml: cannot be read: more than 1048576 bytes"),
        "{refusal}"
    );
}

#[test]
fn the_built_in_examples_are_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../catalog");
    let catalog = Catalog::load(&Source::Folder(folder.into())).unwrap();
    assert_eq!(
        catalog.get("contacts.import").unwrap().consumer_type(),
        r"App\Message\ImportContacts"
    );
}
