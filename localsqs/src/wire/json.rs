//! The JSON protocol: AWS JSON 1.0, with the codes of the Query protocol beside its own (`awsQueryCompatible`).
//!
//! Source: smithy.io, "AWS JSON 1.0 protocol" and "AWS Query compatible trait".

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::fault::Fault;

/// The header that names the action; whoever sends it speaks this protocol.
pub(super) const TARGET: &str = "x-amz-target";
pub(super) const CONTENT: &str = "application/x-amz-json-1.0";

/// The action and its parameters.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<(String, Value), Fault> {
    let target = headers
        .get(TARGET)
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let Some(action) = target.strip_prefix("AmazonSQS.") else {
        return Err(Fault::InvalidAction(target.to_owned()));
    };
    let parameters: Value =
        serde_json::from_slice(body).map_err(|error| Fault::Malformed(error.to_string()))?;
    if !parameters.is_object() {
        return Err(Fault::Malformed("the body must be a JSON object".into()));
    }
    Ok((action.to_owned(), parameters))
}

pub(super) fn fault(fault: &Fault) -> String {
    json!({ "__type": fault.identity().shape(), "message": fault.to_string() }).to_string()
}

/// The value of `x-amzn-query-error`, from which newer SDKs take the code that older ones knew.
pub(super) fn query_error(fault: &Fault) -> HeaderValue {
    let identity = fault.identity();
    let whose = if identity.is_sender() {
        "Sender"
    } else {
        "Receiver"
    };
    HeaderValue::from_str(&format!("{};{whose}", identity.code())).expect("codes are plain ASCII")
}
