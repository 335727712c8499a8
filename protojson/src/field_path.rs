//! One field of a message, reached through singular messages: what paths, query keys, `body` and `response_body` of
//! google.api.http name.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use crate::{Error, Message, Reason, Violation};

/// A field reached through singular message fields. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FieldPath {
    message: Message,
    fields: Vec<FieldDescriptor>,
    last: FieldDescriptor,
}

impl FieldPath {
    pub(crate) fn new(message: &Message, path: &str) -> Option<Self> {
        let mut fields = Vec::new();
        let mut parent: Option<MessageDescriptor> = Some(message.descriptor.clone());
        for name in path.split('.') {
            let here = parent?;
            let field = here
                .get_field_by_json_name(name)
                .or_else(|| here.get_field_by_name(name))?;
            parent = match field.kind() {
                Kind::Message(child) if !field.is_list() && !field.is_map() => Some(child),
                _ => None,
            };
            fields.push(field);
        }
        let last = fields.pop()?;
        Some(Self {
            message: message.clone(),
            fields,
            last,
        })
    }

    /// The descriptor of the field at the path's end.
    #[must_use]
    pub fn descriptor(&self) -> &FieldDescriptor {
        &self.last
    }

    /// Appends one value as a URL carries it, as a wire fragment that merges into the root message: scalars, enums
    /// by name or number, bytes in both base64 alphabets, and the string forms of `Timestamp`, `Duration`,
    /// `FieldMask` and the wrappers. One call is one element of a repeated field.
    ///
    /// # Errors
    /// The text is no value of the field, or the field has no string form.
    pub fn text_to_wire(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Error> {
        let quoted = serde_json::Value::from(text).to_string();
        let plain = matches!(self.last.kind(), Kind::Bool)
            || text.parse::<i32>().is_ok() && matches!(self.last.kind(), Kind::Enum(_));
        self.json_to_wire(if plain { text } else { &quoted }.as_bytes(), out)
    }

    /// Appends the field's own JSON value (object, array, scalar, null) as a wire fragment that merges into the root
    /// message, tag and length included.
    ///
    /// # Errors
    /// All violations of the text; `out` is then as it was.
    pub fn json_to_wire(&self, json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut text = json.to_vec();
        for field in std::iter::once(&self.last).chain(self.fields.iter().rev()) {
            let name = serde_json::Value::from(field.json_name());
            text = [format!("{{{name}:").as_bytes(), &text, b"}"].concat();
        }
        self.message.to_wire(&text, out)
    }

    /// Appends the field's JSON value, picked out of the root message's wire bytes. An absent field prints as its
    /// default: `{}` for a message, `[]` for a list.
    ///
    /// # Errors
    /// The first violation of the wire bytes; `out` is then as it was.
    pub fn to_json(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        let value = self
            .value(wire)?
            .map_or_else(|| self.last.default_value(), |(_, value)| value);
        match value {
            Value::Message(message) => {
                let text = serde_json::to_vec(&message).map_err(|error| failure(&error))?;
                out.extend_from_slice(&text);
            }
            value => out.extend_from_slice(value.to_string().as_bytes()),
        }
        Ok(())
    }

    /// The field as plain text. None when a message on the way or a field with presence is unset; a field without
    /// presence always has a text (`0`, the empty text).
    ///
    /// # Errors
    /// The wire bytes are malformed, or the field has no string form.
    pub fn to_text(&self, wire: &[u8]) -> Result<Option<String>, Error> {
        let Some((set, value)) = self.value(wire)? else {
            return Ok(None);
        };
        if !set && self.last.supports_presence() {
            return Ok(None);
        }
        Ok(Some(match value {
            Value::String(text) => text,
            value => value.to_string(),
        }))
    }

    /// Whether the root message's wire bytes hold this field.
    ///
    /// # Errors
    /// The wire bytes are malformed.
    pub fn is_set(&self, wire: &[u8]) -> Result<bool, Error> {
        Ok(self.value(wire)?.is_some_and(|(set, _)| set))
    }

    fn value(&self, wire: &[u8]) -> Result<Option<(bool, Value)>, Error> {
        let mut message: DynamicMessage = self.message.decode(wire)?;
        for field in &self.fields {
            if !message.has_field(field) {
                return Ok(None);
            }
            let Some(child) = message.get_field(field).as_message().cloned() else {
                return Ok(None);
            };
            debug_assert!(child.descriptor() != message.descriptor() || !self.fields.is_empty());
            message = child;
        }
        Ok(Some((
            message.has_field(&self.last),
            message.get_field(&self.last).into_owned(),
        )))
    }
}

fn failure(error: &dyn std::error::Error) -> Error {
    Violation {
        pointer: String::new(),
        reason: Reason::MalformedWire,
        description: error.to_string(),
    }
    .into()
}
