//! A field of the request that a path variable, a query parameter or `Last-Event-ID` sets by its text.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use postern_protojson::{FieldPath, Message};
use prost_reflect::{FieldDescriptor, MessageDescriptor};

/// A field that is set by text.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) field: FieldPath,
    /// JSON Pointer of the field in the request message.
    pub(crate) pointer: String,
    /// The number of its top-level field.
    pub(crate) top: u32,
    pub(crate) is_repeated: bool,
    pub(crate) is_map: bool,
    /// The other members of each oneof on the way: they must not be set beside it.
    pub(crate) rivals: Vec<FieldPath>,
}

/// The fields that query parameters may name.
pub(crate) struct Parameters {
    message: Message,
    descriptor: MessageDescriptor,
    /// Top-level fields by both names. Deeper ones are looked up when they are named: types may be recursive.
    top: HashMap<String, Arc<Parameter>>,
}

impl Parameter {
    /// Resolves a dotted path of proto or JSON names. The error is the JSON Pointer of the first unknown name.
    pub(crate) fn resolve(
        message: &Message,
        descriptor: &MessageDescriptor,
        path: &str,
    ) -> Result<Self, String> {
        let chain = chain(descriptor, path)?;
        let unknown = || pointer(path.split('.'));
        let last = chain.last().ok_or_else(unknown)?;
        let mut rivals = Vec::new();
        for (depth, field) in chain.iter().enumerate() {
            let parents: Vec<_> = chain[..depth].iter().map(FieldDescriptor::name).collect();
            for rival in rivals_of(field) {
                let path = [parents.as_slice(), &[rival.name()]].concat().join(".");
                rivals.extend(message.field(&path));
            }
        }
        Ok(Self {
            field: message.field(path).ok_or_else(unknown)?,
            pointer: pointer(chain.iter().map(FieldDescriptor::json_name)),
            top: chain[0].number(),
            is_repeated: last.is_list(),
            is_map: last.is_map(),
            rivals,
        })
    }
}

impl fmt::Debug for Parameters {
    /// Without the descriptor, which may find no end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters")
            .field("message", &self.descriptor.full_name())
            .field("top", &self.top)
            .finish_non_exhaustive()
    }
}

impl Parameters {
    pub(crate) fn compile(message: &Message, descriptor: &MessageDescriptor) -> Self {
        let mut top = HashMap::new();
        for field in descriptor.fields() {
            if let Ok(parameter) = Parameter::resolve(message, descriptor, field.name()) {
                let parameter = Arc::new(parameter);
                top.insert(field.json_name().to_owned(), parameter.clone());
                top.insert(field.name().to_owned(), parameter);
            }
        }
        Self {
            message: message.clone(),
            descriptor: descriptor.clone(),
            top,
        }
    }

    /// What a name stands for. The error is the JSON Pointer of one that stands for nothing.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Parameter>, String> {
        match self.top.get(name) {
            Some(parameter) => Ok(parameter.clone()),
            None => Parameter::resolve(&self.message, &self.descriptor, name).map(Arc::new),
        }
    }
}

/// An RFC 6901 JSON Pointer of these names.
pub(crate) fn pointer<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut pointer = String::new();
    for name in names {
        let name = name.replace('~', "~0").replace('/', "~1");
        let _ = write!(pointer, "/{name}");
    }
    pointer
}

/// The fields on a dotted path through singular messages.
fn chain(descriptor: &MessageDescriptor, path: &str) -> Result<Vec<FieldDescriptor>, String> {
    let mut chain: Vec<FieldDescriptor> = Vec::new();
    for name in path.split('.') {
        let field = match chain.last() {
            None => field_of(descriptor, name),
            Some(parent) => child_of(parent).and_then(|message| field_of(&message, name)),
        };
        let Some(field) = field else {
            let known = chain.iter().map(FieldDescriptor::json_name);
            return Err(pointer(known.chain([name])));
        };
        chain.push(field);
    }
    Ok(chain)
}

fn field_of(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_json_name(name)
        .or_else(|| message.get_field_by_name(name))
}

fn child_of(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    let kind = field.kind();
    kind.as_message()
        .filter(|_| !field.is_list() && !field.is_map())
        .cloned()
}

fn rivals_of(field: &FieldDescriptor) -> Vec<FieldDescriptor> {
    let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) else {
        return Vec::new();
    };
    oneof
        .fields()
        .filter(|other| other.number() != field.number())
        .collect()
}
