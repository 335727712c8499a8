//! The descriptor set: its pool, its compiled messages, and the options that make routes of methods.
//!
//! Options are read by the names and numbers of their extensions; no generated type of anybody's API is imported.

use postern_protojson::{Codec, Options};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor, ReflectMessage as _};
use tonic_types::pb;

/// A loaded descriptor set.
#[derive(Debug)]
pub(crate) struct Descriptors {
    pub(crate) pool: DescriptorPool,
    pub(crate) codec: Codec,
}

/// `google.api.HttpRule`, as far as it is used (google/api/http.proto).
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpRule {
    #[prost(oneof = "Pattern", tags = "2, 3, 4, 5, 6, 8")]
    pub(crate) pattern: Option<Pattern>,
    #[prost(string, tag = "7")]
    pub(crate) body: String,
    #[prost(string, tag = "12")]
    pub(crate) response_body: String,
    #[prost(message, repeated, tag = "11")]
    pub(crate) additional_bindings: Vec<HttpRule>,
}

/// The method and template of a rule.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Pattern {
    #[prost(string, tag = "2")]
    Get(String),
    #[prost(string, tag = "3")]
    Put(String),
    #[prost(string, tag = "4")]
    Post(String),
    #[prost(string, tag = "5")]
    Delete(String),
    #[prost(string, tag = "6")]
    Patch(String),
    #[prost(message, tag = "8")]
    Custom(CustomPattern),
}

/// Any other method; the kind `*` is every method.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CustomPattern {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) path: String,
}

/// `postern.edge.v1.StreamRule`: how a server stream is rendered as server-sent events.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StreamRule {
    #[prost(string, tag = "1")]
    pub(crate) event_id_field: String,
    #[prost(string, tag = "2")]
    pub(crate) resume_field: String,
}

impl Descriptors {
    /// Decodes a `google.protobuf.FileDescriptorSet` and compiles its messages. A set that lacks `Any` and the types
    /// of `google.rpc` gets them: details of errors are printed with it.
    pub(crate) fn load(set: &[u8], options: Options) -> Result<Self, prost_reflect::DescriptorError> {
        let mut pool = postern_protojson::pool(set)?;
        let files = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET)?;
        for file in files.file_descriptor_protos() {
            let is_known = pool.get_file_by_name(file.name()).is_some();
            if !is_known && let Err(error) = pool.add_file_descriptor_proto(file.clone()) {
                tracing::debug!(%error, "the descriptor set has types of google.rpc in files of its own");
            }
        }
        let codec = Codec::new(pool.clone(), options);
        Ok(Self { pool, codec })
    }

    /// The option `google.api.http` of a method.
    pub(crate) fn http_rule(
        &self,
        method: &MethodDescriptor,
    ) -> Result<Option<HttpRule>, prost::DecodeError> {
        self.option(method, "google.api.http")
    }

    /// The option `postern.edge.v1.stream` of a method.
    pub(crate) fn stream_rule(
        &self,
        method: &MethodDescriptor,
    ) -> Result<Option<StreamRule>, prost::DecodeError> {
        self.option(method, "postern.edge.v1.stream")
    }

    fn option<M: prost::Message + Default>(
        &self,
        method: &MethodDescriptor,
        name: &str,
    ) -> Result<Option<M>, prost::DecodeError> {
        let Some(extension) = self.pool.get_extension_by_name(name) else {
            return Ok(None);
        };
        let options = method.options();
        if extension.containing_message() != options.descriptor() || !options.has_extension(&extension) {
            return Ok(None);
        }
        match options.get_extension(&extension).as_message() {
            Some(message) => M::decode(message.encode_to_vec().as_slice()).map(Some),
            None => Ok(None),
        }
    }
}
