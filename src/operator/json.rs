//! Messages as one line of JSON each, exactly as REST has them.

use std::fmt::Write as _;
use std::sync::OnceLock;

use postern_protojson::{Codec, Options};
use prost::{Message, Name};
use prost_types::Struct;

use super::Error;
use crate::console::is_obeyed;

/// Prints messages of Postern's API.
#[derive(Debug, Default)]
pub(super) struct Json {
    /// Compiled once it is needed: most commands print none.
    compiled: OnceLock<Result<Compiled, String>>,
}

#[derive(Debug)]
struct Compiled {
    codec: Codec,
    pool: prost_reflect::DescriptorPool,
}

impl Json {
    /// The message on one line.
    pub(super) fn line<M: Name>(&self, message: &M) -> Result<String, Error> {
        self.line_of(&M::full_name(), message)
    }

    /// The same of a message that does not know its name.
    pub(super) fn line_of(&self, name: &str, message: &impl Message) -> Result<String, Error> {
        let unprintable = |why: &str| Error::Failed(format!("{name} cannot be printed: {why}"));
        let compiled = self.compiled.get_or_init(compile);
        let compiled = compiled.as_ref().map_err(|error| unprintable(error))?;
        let descriptor = compiled
            .pool
            .get_message_by_name(name)
            .ok_or_else(|| unprintable("it is not in the API"))?;
        let mut json = Vec::new();
        compiled
            .codec
            .message(&descriptor)
            .to_json(&message.encode_to_vec(), &mut json)
            .map_err(|error| unprintable(&error.to_string()))?;
        let json = String::from_utf8(json).map_err(|error| unprintable(&error.to_string()))?;
        Ok(unobeyed(json))
    }
}

/// The same JSON, without what a terminal obeys: it stands in strings alone, where an escape is the same to a program.
fn unobeyed(json: String) -> String {
    if !json.chars().any(is_obeyed) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_obeyed(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// An object that a person wrote.
pub(crate) fn object(text: &str) -> Result<Struct, Error> {
    let refused = |why: String| Error::Usage(format!("--result is not a JSON object: {why}"));
    let compiled = compile().map_err(refused)?;
    let descriptor = compiled
        .pool
        .get_message_by_name("google.protobuf.Struct")
        .ok_or_else(|| refused("there is no such message".to_owned()))?;
    let mut wire = Vec::new();
    compiled
        .codec
        .message(&descriptor)
        .to_wire(text.as_bytes(), &mut wire)
        .map_err(|error| refused(error.to_string()))?;
    Struct::decode(wire.as_slice()).map_err(|error| refused(error.to_string()))
}

fn compile() -> Result<Compiled, String> {
    let pool = postern_protojson::pool(postern_proto::DESCRIPTOR_SET).map_err(|error| error.to_string())?;
    let as_rest_has_it = Options {
        always_print_fields_without_presence: true,
        refuse_unsafe_integers: true,
        ..Options::default()
    };
    Ok(Compiled {
        codec: Codec::new(pool.clone(), as_rest_has_it),
        pool,
    })
}

#[cfg(test)]
mod tests {
    use postern_proto::postern::admin::v1::Action;

    use super::*;

    #[test]
    fn json_has_nothing_that_a_terminal_obeys_and_says_the_same() {
        let reason = "a\u{9b}2J\u{7f}\u{202e}b\u{1b}[2J, Zoë";
        let action = Action {
            reason: reason.to_owned(),
            ..Action::default()
        };
        let line = Json::default().line(&action).unwrap();
        assert!(!line.chars().any(is_obeyed), "{line}");
        assert!(line.contains("Zoë"), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["reason"], reason);
    }
}
