//! Requests of the Query protocol: a form whose flat names (`MessageAttribute.1.Value.StringValue`) spell out a tree,
//! brought into the shape of the JSON protocol.
//!
//! Source: smithy.io, "AWS Query protocol"; the names are those of botocore 1.31's `sqs/2012-11-05/service-2.json`.

use std::collections::BTreeMap;

use http::Uri;
use serde_json::{Map, Value};

use crate::fault::Fault;

/// A batch of ten messages with ten attributes of three fields each, and as much again.
const PARAMETERS_MAX: usize = 1_000;
/// `SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue` has seven.
const DEPTH_MAX: usize = 8;

/// What a flat name becomes in JSON.
enum Shape {
    List(&'static str),
    /// A map, by the name that its entries give to their key.
    Map(&'static str, &'static str),
}

fn shape_of(name: &str) -> Option<Shape> {
    Some(match name {
        "AttributeName" => Shape::List("AttributeNames"),
        "MessageAttributeName" => Shape::List("MessageAttributeNames"),
        "MessageSystemAttributeName" => Shape::List("MessageSystemAttributeNames"),
        "SendMessageBatchRequestEntry"
        | "DeleteMessageBatchRequestEntry"
        | "ChangeMessageVisibilityBatchRequestEntry" => Shape::List("Entries"),
        "StringListValue" => Shape::List("StringListValues"),
        "BinaryListValue" => Shape::List("BinaryListValues"),
        "Attribute" => Shape::Map("Attributes", "Name"),
        "MessageAttribute" => Shape::Map("MessageAttributes", "Name"),
        "MessageSystemAttribute" => Shape::Map("MessageSystemAttributes", "Name"),
        "Tag" => Shape::Map("tags", "Key"),
        _ => return None,
    })
}

/// The action and its parameters, from the form and the query string. A request on a queue's own path names that queue.
pub(super) fn read(uri: &Uri, body: &[u8]) -> Result<(String, Value), Fault> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut tree = Map::new();
    for (count, (name, value)) in form_urlencoded::parse(query)
        .chain(form_urlencoded::parse(body))
        .enumerate()
    {
        if count == PARAMETERS_MAX {
            return Err(Fault::Malformed(format!("more than {PARAMETERS_MAX} parameters")));
        }
        insert(&mut tree, &name, value.into_owned(), DEPTH_MAX)?;
    }
    let Some(Value::String(action)) = tree.remove("Action") else {
        return Err(Fault::MissingParameter("Action"));
    };
    if uri.path() != "/" && !tree.contains_key("QueueUrl") {
        tree.insert("QueueUrl".into(), uri.path().into());
    }
    Ok((action, Value::Object(reshape(tree)?)))
}

fn insert(node: &mut Map<String, Value>, name: &str, value: String, depth_left: usize) -> Result<(), Fault> {
    let refused = || {
        Fault::Malformed(format!(
            "parameter {name:.100} stands twice or in the wrong place"
        ))
    };
    match name.split_once('.') {
        _ if depth_left == 0 => Err(refused()),
        None => node
            .insert(name.to_owned(), value.into())
            .map_or(Ok(()), |_| Err(refused())),
        Some((first, rest)) => match node.entry(first).or_insert_with(|| Map::new().into()) {
            Value::Object(child) => insert(child, rest, value, depth_left - 1),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Err(refused())
            }
        },
    }
}

fn reshape(tree: Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let mut shaped = Map::new();
    for (name, value) in tree {
        match shape_of(&name) {
            Some(Shape::List(list)) => {
                shaped.insert(list.into(), Value::Array(items(value)?));
            }
            Some(Shape::Map(map, key)) => {
                shaped.insert(map.into(), Value::Object(entries(items(value)?, key)?));
            }
            None if is_empty_list(&name, &value) => {}
            None => {
                shaped.insert(name, reshape_value(value)?);
            }
        }
    }
    Ok(shaped)
}

/// botocore writes an empty list as its name in JSON, with nothing behind it.
fn is_empty_list(name: &str, value: &Value) -> bool {
    let is_list = matches!(
        name,
        "AttributeNames" | "MessageAttributeNames" | "MessageSystemAttributeNames" | "Entries"
    );
    is_list && value == ""
}

fn reshape_value(value: Value) -> Result<Value, Fault> {
    match value {
        Value::Object(object) => reshape(object).map(Value::Object),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            Ok(other)
        }
    }
}

/// The items under `Name.1`, `Name.2`, … in the order of their numbers; or the one item that came without a number.
fn items(value: Value) -> Result<Vec<Value>, Fault> {
    let Value::Object(object) = value else {
        return Ok(if value == "" { Vec::new() } else { vec![value] });
    };
    let is_numbered = object.keys().all(|key| key.parse::<u32>().is_ok());
    if !is_numbered {
        return Ok(vec![Value::Object(reshape(object)?)]);
    }
    let in_order: BTreeMap<u32, Value> = object
        .into_iter()
        .filter_map(|(key, item)| Some((key.parse().ok()?, item)))
        .collect();
    in_order.into_values().map(reshape_value).collect()
}

fn entries(items: Vec<Value>, key: &str) -> Result<Map<String, Value>, Fault> {
    let mut map = Map::new();
    for mut item in items {
        let (Some(Value::String(name)), Some(value)) = (
            item.get_mut(key).map(Value::take),
            item.get_mut("Value").map(Value::take),
        ) else {
            return Err(Fault::Malformed(format!(
                "an entry of a map lacks its {key} or its Value"
            )));
        };
        if map.insert(name, value).is_some() {
            return Err(Fault::Malformed(format!("an entry's {key} stands twice")));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_form(path: &'static str, form: &str) -> Result<(String, Value), Fault> {
        read(&Uri::from_static(path), form.as_bytes())
    }

    #[test]
    fn a_form_reads_as_the_json_it_stands_for() {
        let form = "Action=SendMessageBatch&Version=2012-11-05\
            &SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=%C3%A9+2\
            &SendMessageBatchRequestEntry.10.Id=c\
            &SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=n.x\
            &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue=v\
            &SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=String";
        let (action, parameters) = read_form("/000000000000/jobs", form).unwrap();
        assert_eq!(action, "SendMessageBatch");
        assert_eq!(
            parameters,
            json!({"Version": "2012-11-05", "QueueUrl": "/000000000000/jobs", "Entries": [
                {"Id": "a", "MessageAttributes": {"n.x": {"StringValue": "v", "DataType": "String"}}},
                {"Id": "b", "MessageBody": "é 2"},
                {"Id": "c"},
            ]})
        );
    }

    #[test]
    fn lists_and_maps_may_come_without_numbers() {
        let (_, parameters) = read_form(
            "/",
            "Action=X&AttributeName=All&Attribute.Name=DelaySeconds&Attribute.Value=3",
        )
        .unwrap();
        assert_eq!(
            parameters,
            json!({"AttributeNames": ["All"], "Attributes": {"DelaySeconds": "3"}})
        );
    }

    #[test]
    fn an_empty_list_is_no_list_of_nothing() {
        let (_, parameters) =
            read_form("/", "Action=X&MessageAttributeNames=&Entries=&AttributeName=").unwrap();
        assert_eq!(parameters, json!({"AttributeNames": []}));
    }

    #[test]
    fn forms_that_make_no_sense_are_refused() {
        let many = format!("Action=X{}", "&a=1".repeat(PARAMETERS_MAX));
        let deep = format!("Action=X&{}=1", ["a"; 100].join("."));
        for form in [
            "Action=X&a=1&a=2",
            "Action=X&a=1&a.b=2",
            "Action=X&a.b=1&a=2",
            "Action=X&Attribute.1.Name=a",
            &many,
            &deep,
        ] {
            assert!(
                matches!(read_form("/", form), Err(Fault::Malformed(_))),
                "{form:.80}"
            );
        }
        assert_eq!(read_form("/", "a=1"), Err(Fault::MissingParameter("Action")));
    }
}
