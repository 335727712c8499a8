//! HTTP rules beside the .proto, from a service config.

use postern_edge::check::{Report, Source, check};
use postern_edge::{Config, upstream};
use serde_json::json;

use crate::stage::{Stage, config, descriptor_set, descriptor_set_of};

/// A method without a rule and one with, as Google's and grpc-gateway's users write it.
const RULES: &str = "\
type: google.api.Service
config_version: 3
name: library.example.com
title: Library
apis:
  - name: library.v1.Library
documentation: {summary: Books.}
http:
  rules:
    - selector: library.v1.Library.Plain
      post: /v2/plain
      body: '*'
    - selector: library.v1.Library.GetBook
      get: /v2/{name=shelves/*/books/*}
      additional_bindings:
        - custom: {kind: LOOK, path: '/v2/books/{name}'}
        - post: /v2/books:get
          body: '*'
          response_body: title
    - selector: library.v1.Library.LatestBook
      get: /v2/books/latest
";

fn report(rules: &[&str], yaml: &str) -> Report {
    check(&descriptor_set_of(rules), Some(yaml)).unwrap()
}

fn listed(report: &Report) -> Vec<(&str, &str)> {
    let routes = report.routes.iter();
    routes
        .map(|route| (route.method.as_str(), route.template.as_str()))
        .collect()
}

fn unreadable(yaml: &str) -> String {
    check(&descriptor_set(), Some(yaml)).unwrap_err().to_string()
}

#[tokio::test]
async fn rules_add_bindings_and_take_the_place_of_annotations() {
    let config = Config {
        service_config: Some(RULES.to_owned()),
        ..config()
    };
    let mut stage = Stage::with_config(config).await;
    assert_eq!(stage.get("/v2/shelves/1/books/2").await.status, 200);
    assert_eq!(stage.call().await.message, json!({"name": "shelves/1/books/2"}));
    let looked = stage.client.send("LOOK", "/v2/books/b", &[], "").await;
    assert_eq!(looked.status, 200);
    assert_eq!(stage.call().await.message, json!({"name": "b"}));
    let title = stage.post("/v2/books:get", r#"{"name":"c"}"#).await;
    assert_eq!((title.status.as_u16(), title.body.as_str()), (200, "\"\""));
    assert_eq!(stage.call().await.path, "/library.v1.Library/GetBook");
    // Its annotation is gone as a whole; other methods keep theirs.
    assert_eq!(
        stage.get("/v1/books/b").await.header("allow"),
        Some("PUT, DELETE")
    );
    assert_eq!(stage.get("/v1/books").await.status, 200);
    let document = stage.get("/openapi.json").await.json();
    assert!(document["paths"]["/v2/plain"]["post"].is_object());
    assert_eq!(document["paths"]["/v1/books/latest"], serde_json::Value::Null);
}

#[test]
fn a_report_says_where_a_rule_stands() {
    let yaml = "http:\n  rules:\n  - selector: made.S.M1\n    put: /b\n  - {selector: made.S.M2, get: /c}";
    let report = report(&["get: '/a'", "get: '/long'", ""], yaml);
    let expected = "\
METHOD  TEMPLATE  BODY  RESPONSE BODY  RPC
GET     /a                             /made.S/M0
PUT     /b                             /made.S/M1    service config, line 3
GET     /c                             /made.S/M2    service config, line 5

3 routes, no problems";
    assert_eq!(report.to_string(), expected);
    assert_eq!(report.routes[1].source, Source::ServiceConfig { line: 3 });
}

#[test]
fn a_rule_that_conflicts_with_an_annotation_is_refused_naming_both() {
    let yaml = "http:\n  rules:\n  - selector: made.S.M1\n    get: /a/{in.a}\n  - selector: made.S.M2\n    get: /a/{list}";
    let rules = ["get: '/a/{a}'", "get: '/b'", "get: '/c'"];
    assert_eq!(
        report(&rules, yaml).problems,
        [
            "GET `/a/{in.a}` of /made.S/M1 (service config, line 3) conflicts with `/a/{a}` of /made.S/M0",
            "/made.S/M2 (service config, line 5): the path variable `list` is a repeated field",
        ]
    );
    let other = report(
        &["get: '/x'", "get: '/a/{a}'"],
        "http: {rules: [{selector: made.S.M0, get: '/a/{a}'}]}",
    );
    assert_eq!(
        other.problems,
        ["GET `/a/{a}` of /made.S/M1 conflicts with `/a/{a}` of /made.S/M0 (service config, line 1)"]
    );
}

#[test]
fn rules_that_cannot_be_used_are_told_with_their_lines() {
    let yaml = "\
type: google.api.Servant
http:
  fully_decode_reserved_expansion: true
  rules:
    - get: /a
    - selector: made.S.*
      get: /a
    - selector: made.S.M0
      get: /a
      put: /b
    - selector: made.S.M9
      get: /a
    - selector: made.S.M0
      get: /a
    - selector: made.S.M0
      get: /b
    - selector: made.S.M1
      get: /b
      additional_bindings: [{selector: made.S.M1, get: /c}]
    - selector: made.S.M2
      body: '*'
    - selector: made.S.M3
      get: /{a
    - selector: made.S.M4
      get: /d
      additional_bindings: [{get: /e, additional_bindings: [{get: /f}]}]
";
    let report = report(&["get: '/0'", "get: '/1'", "", "", ""], yaml);
    let place = "service config, line";
    let expected = [
        format!("{place} 1: `google.api.Servant` is another type than google.api.Service"),
        format!(
            "{place} 3: fully_decode_reserved_expansion cannot be had: in a variable of several segments `%2F` stays as it \
             is written, or it would pass for a separator"
        ),
        format!("{place} 5: the rule has no selector"),
        format!("{place} 6: `made.S.*` selects several methods, and an HTTP rule is for one"),
        format!("{place} 8: a binding is one of get, put, post, delete, patch and custom"),
        format!("{place} 11: `made.S.M9` names no method of the descriptor set"),
        format!(
            "{place} 15: `made.S.M0` has a rule already, on line 13: further bindings of a method are its additional_bindings"
        ),
        format!("{place} 17: additional_bindings are of the same method, and have no selector"),
        format!("/made.S/M2 ({place} 20): its rule has no method and path"),
        format!(
            "/made.S/M3 ({place} 22): `/{{a` is no path template: a variable is not closed, is nested, or is not a whole segment"
        ),
        format!("/made.S/M4 ({place} 24): additional_bindings are one level deep"),
    ];
    assert_eq!(report.problems, expected);
    assert_eq!(listed(&report), [("GET", "/a"), ("GET", "/1"), ("GET", "/d")]);
}

#[test]
fn what_is_no_service_config_is_refused_with_its_place() {
    for (yaml, part) in [
        ("http:\n  rules:\n  - selector: a\n    gett: /a", "line 4"),
        ("http:\n  rules:\n  - selector: a\n    gett: /a", "`gett`"),
        ("http:\n  rulez: []", "`rulez`"),
        ("http:\n  rules:\n  - selector: a\n    selector: b", "line 4"),
        ("http:\n  rules:\n  - selector: a\n    get: [/a]", "line 4"),
        (
            "http:\n  rules:\n  - selector: a\n    custom: {kind: LOOK}",
            "`path`",
        ),
        ("http: [", "line 1"),
        ("http: {}\n---\nhttp: {}", "document"),
        ("htpp: {rules: []}", "it has no `http`"),
        ("", "it has no `http`"),
        ("- http", "line 1"),
    ] {
        let error = unreadable(yaml);
        assert!(
            error.starts_with("the service config cannot be read: "),
            "{error}"
        );
        assert!(error.contains(part), "{part} in {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn names_of_the_json_form_are_read_too() {
    let yaml = r#"{"http": {"fullyDecodeReservedExpansion": false, "rules": [{"selector": "made.S.M0", "post": "/a", "body": "in",
        "responseBody": "b", "additionalBindings": [{"put": "/b"}]}]}}"#;
    let report = report(&[""], yaml);
    assert_eq!(listed(&report), [("POST", "/a"), ("PUT", "/b")]);
    assert_eq!(
        (
            report.routes[0].body.as_str(),
            report.routes[0].response_body.as_str()
        ),
        ("in", "b")
    );
}

#[tokio::test]
async fn an_edge_is_not_built_with_what_cannot_be_used() {
    for (yaml, part) in [
        ("http: [", "the service config cannot be read"),
        (
            "http: {rules: [{selector: no.Such.Method, get: /a}]}",
            "line 1: `no.Such.Method`",
        ),
    ] {
        let config = Config {
            service_config: Some(yaml.to_owned()),
            ..config()
        };
        let error = config
            .build(upstream::channel("http://127.0.0.1:1").unwrap())
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
