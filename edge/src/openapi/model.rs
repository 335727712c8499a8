//! The parts of an OpenAPI 3.1 document, as far as they are made here (spec.openapis.org/oas/v3.1.1).
//!
//! Pure data that writes itself in the order it was made. Knows nothing of descriptors.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// A JSON object in the order of its making. `serde_json`'s own map is sorted or not by a feature that any crate of a build
/// may switch on, and the document must be the same in every build.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ordered<T>(Vec<(String, T)>);

/// The whole document.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Document {
    pub(crate) openapi: &'static str,
    pub(crate) info: Info,
    pub(crate) servers: [Server; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) security: Vec<Ordered<[&'static str; 0]>>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) paths: Ordered<PathItem>,
    pub(crate) components: Components,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct Info {
    pub(crate) title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    pub(crate) version: String,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct Server {
    pub(crate) url: &'static str,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct Tag {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
}

/// The operations of one path, by method in lower case; what has no name in OpenAPI 3.1 stands under `other`.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct PathItem {
    #[serde(flatten)]
    pub(crate) operations: Ordered<Operation>,
    #[serde(rename = "x-additionalOperations", skip_serializing_if = "Ordered::is_empty")]
    pub(crate) other: Ordered<Operation>,
}

#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    pub(crate) tags: [String; 1],
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    pub(crate) operation_id: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) deprecated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) parameters: Vec<Parameter>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_body: Option<RequestBody>,
    pub(crate) responses: Ordered<Response>,
    /// The gRPC path, for readers who call it that way.
    #[serde(rename = "x-grpc-method")]
    pub(crate) rpc: String,
}

#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    #[serde(rename = "in")]
    pub(crate) place: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) required: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) deprecated: bool,
    pub(crate) schema: Schema,
}

#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct RequestBody {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) required: bool,
    pub(crate) content: Ordered<Media>,
}

/// An answer, or a reference to one that many operations share.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Response {
    Shared {
        #[serde(rename = "$ref")]
        reference: String,
    },
    Own {
        description: String,
        #[serde(skip_serializing_if = "Ordered::is_empty")]
        content: Ordered<Media>,
    },
}

#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Media {
    /// None where the body as a whole is no JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) schema: Option<Schema>,
    /// What OpenAPI 3.2 calls `itemSchema`: one message of a stream.
    #[serde(rename = "x-itemSchema", skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<Schema>,
}

impl Media {
    pub(crate) fn whole(schema: Schema) -> Self {
        Self {
            schema: Some(schema),
            item: None,
        }
    }

    pub(crate) fn each(item: Schema) -> Self {
        Self {
            schema: None,
            item: Some(item),
        }
    }
}

#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Components {
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(crate) security_schemes: Ordered<SecurityScheme>,
    pub(crate) responses: Ordered<Response>,
    pub(crate) schemas: Ordered<Schema>,
}

#[derive(Debug, serde::Serialize)]
pub(crate) struct SecurityScheme {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) scheme: &'static str,
}

/// A JSON Schema (2020-12). The default accepts everything.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schema {
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) description: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minimum: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) maximum: Option<i64>,
    #[serde(rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    #[serde(rename = "const", skip_serializing_if = "Option::is_none")]
    pub(crate) constant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) items: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) property_names: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(crate) properties: Ordered<Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) required: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) additional_properties: Option<Additional>,
    /// At most one member of a oneof.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(crate) dependent_schemas: Ordered<Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) any_of: Vec<Schema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) all_of: Vec<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not: Option<Box<Schema>>,
    #[serde(rename = "if", skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<Box<Schema>>,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) read_only: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) write_only: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) deprecated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) examples: Option<[&'static str; 1]>,
}

/// Which properties there may be beyond the named ones.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub(crate) enum Additional {
    Are(bool),
    Like(Box<Schema>),
}

impl Schema {
    pub(crate) fn of(kind: &'static str) -> Self {
        Self {
            kind: Some(kind),
            ..Self::default()
        }
    }

    pub(crate) fn reference(component: &str) -> Self {
        Self {
            reference: Some(format!("{SCHEMAS}{component}")),
            ..Self::default()
        }
    }

    pub(crate) fn list(items: Self) -> Self {
        Self {
            items: Some(Box::new(items)),
            ..Self::of("array")
        }
    }

    pub(crate) fn constant(text: &str) -> Self {
        Self {
            constant: Some(text.to_owned()),
            ..Self::default()
        }
    }

    pub(crate) fn any_of(schemas: Vec<Self>) -> Self {
        Self {
            any_of: schemas,
            ..Self::default()
        }
    }

    pub(crate) fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The name of the component that this refers to.
    pub(crate) fn component(&self) -> Option<&str> {
        self.reference.as_deref()?.strip_prefix(SCHEMAS)
    }
}

const SCHEMAS: &str = "#/components/schemas/";

impl<T> Ordered<T> {
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Adds what is not there yet.
    pub(crate) fn push(&mut self, name: impl Into<String>, value: T) {
        self.0.push((name.into(), value));
    }

    /// What has this name, made when there is nothing yet.
    pub(crate) fn entry(&mut self, name: &str) -> &mut T
    where
        T: Default,
    {
        let at = self.0.iter().position(|(key, _)| key == name);
        let at = at.unwrap_or_else(|| {
            self.push(name, T::default());
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for Ordered<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}
