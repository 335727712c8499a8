//! What an edge refuses to be built of.

use bytes::Bytes;
use postern_edge::{Config, upstream};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Value};

use crate::stage::{config, descriptor_set_of};

fn build(descriptor_set: Bytes) -> Result<(), String> {
    let channel = upstream::channel("http://127.0.0.1:1").unwrap();
    let config = Config {
        descriptor_set,
        ..Config::default()
    };
    config.build(channel).map(drop).map_err(|error| error.to_string())
}

#[tokio::test]
async fn conflicting_templates_are_refused_naming_both() {
    let error = build(descriptor_set_of(&["get: '/a/{a}'", "get: '/a/{in.a=*}'"])).unwrap_err();
    assert_eq!(
        error,
        "GET `/a/{in.a=*}` of /made.S/M1 conflicts with `/a/{a}` of /made.S/M0"
    );
}

#[tokio::test]
async fn a_template_that_is_none_is_refused_naming_it() {
    let error = build(descriptor_set_of(&["get: '/a/{a=**}/b'"])).unwrap_err();
    assert_eq!(
        error,
        "/made.S/M0: `/a/{a=**}/b` is no path template: `**` is not its last segment"
    );
}

#[tokio::test]
async fn rules_that_do_not_fit_the_messages_are_refused() {
    for (rule, part) in [
        ("get: '/{nothing}'", "/nothing"),
        ("get: '/{in.nothing}'", "/in/nothing"),
        ("get: '/{list}'", "`list` is a repeated field"),
        ("get: '/{map}'", "`map` is a repeated field"),
        ("get: '/{in}'", "`in` is a message"),
        ("post: '/a' body: 'nothing'", "body names no field"),
        ("post: '/a' body: 'in.a'", "body names no field"),
        ("get: '/{in.list}'", "`in.list` is a repeated field"),
        ("get: '/{in={a}}'", "a variable is not closed, is nested"),
        (
            "get: '/a' response_body: 'nothing'",
            "response_body names no field",
        ),
        ("get: '/a' response_body: 'out.b'", "response_body names no field"),
        ("body: '*'", "no method and path"),
        ("custom: {kind: 'a b' path: '/a'}", "no HTTP method"),
        (
            "get: '/a' additional_bindings: {get: '/b' additional_bindings: {get: '/c'}}",
            "one level deep",
        ),
    ] {
        let error = build(descriptor_set_of(&[rule])).unwrap_err();
        assert!(
            error.starts_with("/made.S/M0: ") && error.contains(part),
            "{rule}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_no_descriptor_set_is_refused() {
    assert!(
        build(Bytes::from_static(b"nonsense"))
            .unwrap_err()
            .starts_with("the descriptor set cannot be read")
    );
}

#[tokio::test]
async fn posterns_own_api_can_be_served() {
    build(Bytes::from_static(postern_proto::DESCRIPTOR_SET)).unwrap();
}

#[tokio::test]
async fn a_descriptor_set_of_an_edition_is_read_with_its_rules() {
    let error = build(as_edition(&descriptor_set_of(&["get: '/{nothing}'"]))).unwrap_err();
    assert!(error.contains("/nothing"), "{error}");
    build(as_edition(&descriptor_set_of(&["get: '/{a}'"]))).unwrap();
}

#[tokio::test]
async fn an_edge_can_be_printed_though_descriptors_of_oneofs_cannot() {
    let edge = config().build(upstream::channel("http://127.0.0.1:1").unwrap());
    let text = format!("{edge:?}");
    assert!(text.contains("/library.v1.Library/ListBooks"), "{text}");
}

/// The same set, whose own file says that it is of an edition: protox writes none.
fn as_edition(set: &[u8]) -> Bytes {
    let set_type = DescriptorPool::global().get_message_by_name("google.protobuf.FileDescriptorSet");
    let mut set = DynamicMessage::decode(set_type.unwrap(), set).unwrap();
    let files = set.get_field_by_name_mut("file").unwrap().as_list_mut().unwrap();
    let own = files.last_mut().unwrap().as_message_mut().unwrap();
    own.set_field_by_name("syntax", Value::String("editions".to_owned()));
    set.encode_to_vec().into()
}
