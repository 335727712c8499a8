//! Who may call which method: the option `postern.auth.v1.rule` of a descriptor set, read by its name.
//!
//! Decided by the method that is called, exactly as it is written: a path that is no method's has no rule, and no way in.

use std::collections::HashMap;
use std::sync::Arc;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, MethodDescriptor};

const RULE: &str = "postern.auth.v1.rule";

/// The rules of every method that is served.
#[derive(Debug)]
pub struct Rules {
    by_path: HashMap<String, Method>,
    /// Services that need no token, whatever their methods are.
    open: Vec<Arc<str>>,
    /// What stands for the name of a method that is not there.
    unknown: Arc<str>,
}

/// A method with a rule.
#[derive(Debug)]
struct Method {
    /// `package.Service/Method`.
    name: Arc<str>,
    access: Access,
}

/// What a method asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// No token.
    Open,
    /// A token with one of these scopes; there is one at least.
    AnyOf(Vec<String>),
}

/// Why the rules are not complete. A server with such methods must not start.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not a descriptor set.
    #[error("the descriptor set cannot be read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// The descriptor set does not know the option.
    #[error("the descriptor set lacks the option {RULE}")]
    NoOption,
    /// A service is to be served that is not described.
    #[error("the descriptor set lacks the service {0}")]
    NoService(String),
    /// Methods without a rule, or with one that is no rule.
    #[error("methods need a rule ({RULE}) that is either open or has scopes: {}", .0.join(", "))]
    NoRule(Vec<String>),
}

impl Rules {
    /// Reads the rules of all methods of `services` from an encoded `google.protobuf.FileDescriptorSet`. Those of `open` need none.
    ///
    /// # Errors
    /// When a method has no rule; the error names all of them.
    pub fn load(descriptor_set: &[u8], services: &[&str], open: &[&str]) -> Result<Self, RulesError> {
        let pool = DescriptorPool::decode(descriptor_set)?;
        let option = pool.get_extension_by_name(RULE).ok_or(RulesError::NoOption)?;
        let mut by_path = HashMap::new();
        let mut lacking = Vec::new();
        for service in services {
            let descriptor = pool
                .get_service_by_name(service)
                .ok_or_else(|| RulesError::NoService((*service).to_owned()))?;
            for method in descriptor.methods() {
                match access(&method, &option) {
                    Some(access) => {
                        let name: Arc<str> = format!("{service}/{}", method.name()).into();
                        by_path.insert(format!("/{name}"), Method { name, access });
                    }
                    None => lacking.push(method.full_name().to_owned()),
                }
            }
        }
        if lacking.is_empty() {
            Ok(Self {
                by_path,
                open: open.iter().map(|&service| service.into()).collect(),
                unknown: "unknown".into(),
            })
        } else {
            Err(RulesError::NoRule(lacking))
        }
    }

    /// What the method of a path, `/package.Service/Method`, asks for; none where there is no such method.
    #[must_use]
    pub fn access(&self, path: &str) -> Option<&Access> {
        let method = self.by_path.get(path).map(|method| &method.access);
        method.or_else(|| self.open_service(path).map(|_| &Access::Open))
    }

    /// What the method of a path is called where calls are counted: by its name, of an open service by the service's, and whatever is
    /// not there by one name for all, for callers may think of any.
    #[must_use]
    pub fn name(&self, path: &str) -> Arc<str> {
        let method = self.by_path.get(path).map(|method| &method.name);
        let name = method.or_else(|| self.open_service(path));
        Arc::clone(name.unwrap_or(&self.unknown))
    }

    fn open_service(&self, path: &str) -> Option<&Arc<str>> {
        let (service, _) = path.strip_prefix('/')?.split_once('/')?;
        self.open.iter().find(|open| &***open == service)
    }
}

/// The rule of a method, if it says one thing.
fn access(method: &MethodDescriptor, option: &ExtensionDescriptor) -> Option<Access> {
    let options = method.options();
    if !options.has_extension(option) {
        return None;
    }
    let rule = options.get_extension(option);
    let rule = rule.as_message()?;
    let open = rule.get_field_by_name("open")?.as_bool()?;
    let scopes = rule.get_field_by_name("any_scope")?;
    let scopes: Vec<String> = scopes
        .as_list()?
        .iter()
        .filter_map(|scope| scope.as_str())
        .map(str::to_owned)
        .collect();
    match (open, scopes.is_empty()) {
        (true, true) => Some(Access::Open),
        (false, false) if scopes.iter().all(|scope| !scope.is_empty()) => Some(Access::AnyOf(scopes)),
        _ => None,
    }
}
