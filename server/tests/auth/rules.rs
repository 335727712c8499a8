//! Every method has a rule, and the rule is found by exactly the method's path.

use postern_server::auth::{Access, Rules, RulesError};

const OPEN: [&str; 1] = ["grpc.health.v1.Health"];

/// The descriptor set of a file with these methods in `service x.v1.S`.
fn descriptor_set(methods: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let proto = format!(
        "syntax = \"proto3\";\npackage x.v1;\nimport \"postern/auth/v1/auth.proto\";\nmessage M {{}}\nservice S {{\n{methods}\n}}\n"
    );
    std::fs::write(folder.path().join("x.proto"), proto).unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto");
    let mut compiler = protox::Compiler::new([folder.path(), own.as_ref()]).unwrap();
    compiler.include_imports(true).open_file("x.proto").unwrap();
    compiler.encode_file_descriptor_set()
}

fn lacking(methods: &str) -> Vec<String> {
    match Rules::load(&descriptor_set(methods), &["x.v1.S"], &OPEN) {
        Err(RulesError::NoRule(methods)) => methods,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rule_is_found_by_the_methods_path_and_nothing_else() {
    let methods = r#"
        rpc A(M) returns (M) { option (postern.auth.v1.rule) = {any_scope: ["a/b", "c/d"]}; }
        rpc B(M) returns (stream M) { option (postern.auth.v1.rule) = {open: true}; }"#;
    let rules = Rules::load(&descriptor_set(methods), &["x.v1.S"], &OPEN).unwrap();
    assert_eq!(
        rules.access("/x.v1.S/A"),
        Some(&Access::AnyOf(vec!["a/b".to_owned(), "c/d".to_owned()]))
    );
    assert_eq!(rules.access("/x.v1.S/B"), Some(&Access::Open));
    assert_eq!(rules.access("/grpc.health.v1.Health/Check"), Some(&Access::Open));
    for path in [
        "",
        "/",
        "x.v1.S/A",
        "/x.v1.S/a",
        "/x.v1.S/A/",
        "//x.v1.S/A",
        "/x.v1.S/A?x",
        "/x.v1.S/%41",
        "/x.v1.S",
        "/x.v1.S/C",
        "/grpc.health.v1.Healthy/Check",
    ] {
        assert_eq!(rules.access(path), None, "{path}");
    }
}

#[test]
fn methods_without_a_rule_are_all_named() {
    let methods = r#"
        rpc A(M) returns (M);
        rpc B(M) returns (M) { option (postern.auth.v1.rule) = {any_scope: "a/b"}; }
        rpc C(M) returns (M) { option (postern.auth.v1.rule) = {}; }
        rpc D(M) returns (M) { option (postern.auth.v1.rule) = {open: true, any_scope: "a/b"}; }
        rpc E(M) returns (M) { option (postern.auth.v1.rule) = {any_scope: ""}; }
        rpc F(M) returns (M) { option deprecated = true; }"#;
    assert_eq!(
        lacking(methods),
        ["x.v1.S.A", "x.v1.S.C", "x.v1.S.D", "x.v1.S.E", "x.v1.S.F"]
    );
}

#[test]
fn a_service_that_is_not_described_is_not_served() {
    let set = descriptor_set("");
    assert!(
        matches!(Rules::load(&set, &["x.v1.T"], &OPEN), Err(RulesError::NoService(name)) if name == "x.v1.T")
    );
    assert!(matches!(
        Rules::load(b"\xff", &["x.v1.S"], &OPEN),
        Err(RulesError::Descriptors(_))
    ));
    assert!(matches!(
        Rules::load(b"", &["x.v1.S"], &OPEN),
        Err(RulesError::NoOption)
    ));
}

#[test]
fn every_method_of_our_own_api_has_a_rule() {
    let services = postern_server::api::SERVICES;
    let rules = Rules::load(
        postern_proto::DESCRIPTOR_SET,
        &services,
        &postern_server::api::OPEN_SERVICES,
    )
    .unwrap();
    let submit = rules.access("/postern.v1.JobService/SubmitJob");
    assert_eq!(submit, Some(&Access::AnyOf(vec!["jobs/submit".to_owned()])));
}
