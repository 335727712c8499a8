//! The route table and the problems of a descriptor set.

use postern_edge::check::{Binding, Source, check};

use crate::stage::{descriptor_set, descriptor_set_of};

#[test]
fn all_problems_are_told_at_once_and_what_is_right_is_listed() {
    let set = descriptor_set_of(&[
        "get: '/a/{nothing}'",
        "get: '/b' additional_bindings: {get: '/b'} additional_bindings: {put: '/c/{a=**}/d'}",
        "post: '/c' body: 'nothing' additional_bindings: {post: '/d' body: 'in' response_body: 'b'}",
    ]);
    let report = check(&set, None).unwrap();
    let templates: Vec<_> = report
        .routes
        .iter()
        .map(|route| route.template.as_str())
        .collect();
    assert_eq!(templates, ["/b", "/d"]);
    assert_eq!(
        report.problems,
        [
            "/made.S/M0: a path variable names no field: /nothing",
            "GET `/b` of /made.S/M1 conflicts with `/b` of /made.S/M1",
            "/made.S/M1: `/c/{a=**}/d` is no path template: `**` is not its last segment",
            "/made.S/M2: body names no field of the request: nothing",
        ]
    );
}

#[test]
fn a_binding_is_listed_as_its_rule_says() {
    let report = check(&descriptor_set(), None).unwrap();
    assert_eq!(report.problems, [""; 0]);
    let crate_of = report
        .routes
        .iter()
        .find(|route| route.template == "/v1/shelves/{book.shelf}/books");
    let expected = Binding {
        method: "POST".to_owned(),
        template: "/v1/shelves/{book.shelf}/books".to_owned(),
        body: "book".to_owned(),
        response_body: "book".to_owned(),
        rpc: "/library.v1.Library/CreateBook".to_owned(),
        is_stream: false,
        source: Source::Annotation,
    };
    assert_eq!(crate_of, Some(&expected));
    let all = report
        .routes
        .iter()
        .find(|route| route.template == "/v1/anything");
    assert_eq!(all.unwrap().method, "*");
}

#[test]
fn a_report_is_a_table_for_people() {
    let set = descriptor_set_of(&[
        "get: '/long/{a}'",
        "post: '/b' body: '*' response_body: 'b'",
        "body: '*'",
    ]);
    let expected = "\
METHOD  TEMPLATE   BODY  RESPONSE BODY  RPC
GET     /long/{a}                       /made.S/M0
POST    /b         *     b              /made.S/M1

2 routes, 1 problem:
  - /made.S/M2: its rule has no method and path";
    assert_eq!(check(&set, None).unwrap().to_string(), expected);
}

#[test]
fn what_is_no_descriptor_set_has_no_routes() {
    assert!(check(b"nonsense", None).is_err());
}
