//! The MD5 digests by which SDKs check that a message arrived as it was sent.
//!
//! Source: "Calculating the MD5 message digest for message attributes" in the SQS developer guide.

use md5::{Digest as _, Md5};

use super::attribute::{Attributes, Value};

pub(crate) fn md5_of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// `None` without attributes: there is nothing to check then.
pub(crate) fn md5_of_attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        update(&mut digest, name.as_bytes());
        update(&mut digest, attribute.data_type.as_bytes());
        let (transport, bytes): (u8, &[u8]) = match &attribute.value {
            Value::Text(text) => (1, text.as_bytes()),
            Value::Binary(bytes) => (2, bytes),
        };
        digest.update([transport]);
        update(&mut digest, bytes);
    }
    Some(hex(&digest.finalize()))
}

/// The digest of the one system attribute that a sender can set.
pub(crate) fn md5_of_trace_header(header: &str) -> String {
    let mut digest = Md5::new();
    update(&mut digest, b"AWSTraceHeader");
    update(&mut digest, b"String");
    digest.update([1]);
    update(&mut digest, header.as_bytes());
    hex(&digest.finalize())
}

/// A part goes in with its length before it: four bytes, big-endian.
fn update(digest: &mut Md5, part: &[u8]) {
    let length_bytes = u32::try_from(part.len()).expect("no part of a message is longer than a request");
    digest.update(length_bytes.to_be_bytes());
    digest.update(part);
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_digest_is_plain_md5() {
        assert_eq!(md5_of_body("hello world"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    }

    #[test]
    fn no_attributes_have_no_digest() {
        assert_eq!(md5_of_attributes(&Attributes::new()), None);
    }
}
