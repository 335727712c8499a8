//! The descriptor set: its pool, its compiled messages, and the rules that make routes of methods.
//!
//! Options are read by the names of their extensions; where a service config has a rule of its own, that one counts.

use std::collections::HashSet;

use postern_protojson::{Codec, Options};
use prost::Message as _;
use prost_reflect::{DescriptorPool, MethodDescriptor, ReflectMessage as _};
use tonic_types::pb;

use crate::rule::{HttpRule, Source, StreamRule};
use crate::service_config::{self, Fault, ServiceConfig};

/// A loaded descriptor set.
pub(crate) struct Descriptors {
    pub(crate) pool: DescriptorPool,
    pub(crate) codec: Codec,
    service_config: ServiceConfig,
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
        Ok(Self {
            pool,
            codec,
            service_config: ServiceConfig::default(),
        })
    }

    /// The same, with the rules of a service config, if there is one.
    pub(crate) fn with_service_config(mut self, text: Option<&str>) -> Result<Self, service_config::Error> {
        if let Some(text) = text {
            self.service_config = ServiceConfig::parse(text)?;
        }
        Ok(self)
    }

    /// What of the service config cannot be used.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut methods = HashSet::new();
        for service in self.pool.services() {
            methods.extend(service.methods().map(|method| method.full_name().to_owned()));
        }
        self.service_config.faults(|name| methods.contains(name))
    }

    /// The rule of a method in the service config, or else its option `google.api.http`.
    pub(crate) fn http_rule(
        &self,
        method: &MethodDescriptor,
    ) -> Result<Option<(HttpRule, Source)>, prost::DecodeError> {
        if let Some(located) = self.service_config.rule(method.full_name()) {
            let source = Source::ServiceConfig { line: located.line };
            return Ok(Some((located.rule.clone(), source)));
        }
        let annotation = self.option(method, "google.api.http")?;
        Ok(annotation.map(|rule| (rule, Source::Annotation)))
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
