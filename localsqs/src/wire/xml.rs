//! Answers of the Query protocol: results in the shape of the JSON protocol, written as XML.
//!
//! Source: smithy.io, "AWS Query protocol"; lists and maps are flattened, as SQS has them.

use serde_json::Value;

use crate::fault::Fault;

pub(super) const CONTENT: &str = "text/xml";
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";

/// `<ActionResponse>` around the result, which is left out for actions that have none.
pub(super) fn result(action: &str, result: &Value, request_id: &str) -> String {
    let mut xml = Writer::new();
    xml.0
        .push_str(&format!("<{action}Response xmlns=\"{NAMESPACE}\">"));
    if let Value::Object(fields) = result
        && has_result(action)
    {
        let name = format!("{action}Result");
        xml.element(&name, |xml| {
            fields
                .iter()
                .for_each(|(name, value)| xml.field(action, name, value))
        });
    }
    xml.element("ResponseMetadata", |xml| xml.leaf("RequestId", request_id));
    xml.0.push_str(&format!("</{action}Response>"));
    xml.0
}

pub(super) fn fault(fault: &Fault, request_id: &str) -> String {
    let identity = fault.identity();
    let mut xml = Writer::new();
    xml.0.push_str(&format!("<ErrorResponse xmlns=\"{NAMESPACE}\">"));
    xml.element("Error", |xml| {
        xml.leaf(
            "Type",
            if identity.is_sender() {
                "Sender"
            } else {
                "Receiver"
            },
        );
        xml.leaf("Code", &identity.code());
        xml.leaf("Message", &fault.to_string());
        xml.leaf("Detail", "");
    });
    xml.leaf("RequestId", request_id);
    xml.0.push_str("</ErrorResponse>");
    xml.0
}

fn has_result(action: &str) -> bool {
    !matches!(
        action,
        "DeleteMessage" | "ChangeMessageVisibility" | "SetQueueAttributes" | "PurgeQueue" | "DeleteQueue"
    )
}

struct Writer(String);

impl Writer {
    fn new() -> Self {
        Self("<?xml version=\"1.0\"?>".to_owned())
    }

    fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.0.push_str(&format!("<{name}>"));
        content(self);
        self.0.push_str(&format!("</{name}>"));
    }

    fn leaf(&mut self, name: &str, text: &str) {
        self.element(name, |xml| xml.text(text));
    }

    /// A field of a result: lists and maps as repeated elements, everything else as one.
    fn field(&mut self, action: &str, name: &str, value: &Value) {
        match (name, value) {
            (_, Value::Null) => {}
            ("Attributes", Value::Object(map)) => self.map(action, "Attribute", map),
            ("MessageAttributes", Value::Object(map)) => self.map(action, "MessageAttribute", map),
            (_, Value::Object(fields)) => {
                self.element(name, |xml| {
                    fields
                        .iter()
                        .for_each(|(name, value)| xml.field(action, name, value))
                });
            }
            (_, Value::Array(items)) => {
                let name = item_name(action, name);
                items.iter().for_each(|item| self.field(action, &name, item));
            }
            (_, Value::String(text)) => self.leaf(name, text),
            (_, Value::Bool(_) | Value::Number(_)) => self.leaf(name, &value.to_string()),
        }
    }

    fn map(&mut self, action: &str, name: &str, map: &serde_json::Map<String, Value>) {
        for (key, value) in map {
            self.element(name, |xml| {
                xml.leaf("Name", key);
                xml.field(action, "Value", value);
            });
        }
    }

    /// Carriage returns are escaped, because XML readers turn bare ones into line feeds. A refusal may repeat what a
    /// client sent: characters that no XML can carry are replaced.
    fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\r' => self.0.push_str("&#xD;"),
                '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                    self.0.push(char::REPLACEMENT_CHARACTER);
                }
                other => self.0.push(other),
            }
        }
    }
}

/// What the items of a list are called.
fn item_name(action: &str, list: &str) -> String {
    match list {
        "Successful" => format!("{action}ResultEntry"),
        "Failed" => "BatchResultErrorEntry".to_owned(),
        "Results" => format!("{action}ResultEntry"),
        "queueUrls" => "QueueUrl".to_owned(),
        _ => list.strip_suffix('s').unwrap_or(list).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn maps_and_lists_are_flattened_and_text_is_escaped() {
        let value = json!({"Messages": [
            {"Attributes": {"SenderId": "1"}, "Body": "a<&>\r\n",
             "MessageAttributes": {"n": {"DataType": "String", "StringValue": "v"}}},
        ]});
        let xml = result("ReceiveMessage", &value, "r");
        assert_eq!(
            xml,
            "<?xml version=\"1.0\"?><ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\
             <ReceiveMessageResult><Message><Attribute><Name>SenderId</Name><Value>1</Value></Attribute>\
             <Body>a&lt;&amp;&gt;&#xD;\n</Body><MessageAttribute><Name>n</Name><Value><DataType>String</DataType>\
             <StringValue>v</StringValue></Value></MessageAttribute></Message></ReceiveMessageResult>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></ReceiveMessageResponse>"
        );
    }

    #[test]
    fn a_refusal_is_xml_whatever_it_repeats() {
        let xml = fault(
            &Fault::InvalidAttributeName("\0\u{8}\t\u{1F}\u{FFFF}é<".into()),
            "r",
        );
        assert!(
            xml.contains("<Message>Unknown Attribute \u{FFFD}\u{FFFD}\t\u{FFFD}\u{FFFD}é&lt;.</Message>"),
            "{xml}"
        );
    }

    #[test]
    fn batches_and_actions_without_result_have_the_names_sdks_look_for() {
        let value = json!({"Successful": [{"Id": "a"}], "Failed": [{"Id": "b", "SenderFault": true}]});
        let xml = result("DeleteMessageBatch", &value, "r");
        assert!(
            xml.contains("<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>"),
            "{xml}"
        );
        assert!(
            xml.contains("<BatchResultErrorEntry><Id>b</Id><SenderFault>true</SenderFault>"),
            "{xml}"
        );
        assert!(!result("DeleteMessage", &json!({}), "r").contains("Result"));
    }
}
