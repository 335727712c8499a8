//! HTTP rules beside the .proto: the part `http` of a service config, which is a `google.api.Service` written as YAML.
//!
//! A rule takes the place of the whole annotation of its method, as google/api/http.proto has it ("Using gRPC API Service
//! Configuration"). Knows the form of rules and the lines on which they begin, and nothing of what routes make of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde::Deserialize;
use serde_saphyr::{MergeKeyPolicy, Spanned};

use crate::rule::{CustomPattern, HttpRule, Pattern};

/// The HTTP rules of a service config.
#[derive(Debug, Default)]
pub(crate) struct ServiceConfig {
    /// By the full names of their methods, `package.Service.Method`.
    rules: HashMap<String, Located>,
    faults: Vec<Fault>,
}

/// A rule, and the line on which it begins, from 1.
#[derive(Debug)]
pub(crate) struct Located {
    pub(crate) line: u64,
    pub(crate) rule: HttpRule,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("service config, line {line}: {problem}")]
pub(crate) struct Fault {
    line: u64,
    problem: String,
}

/// Why there are no rules to speak of.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Yaml(#[from] serde_saphyr::Error),
    #[error("it has no `http`, so it changes nothing")]
    NoHttp,
}

/// `google.api.Service`, as far as it is used: what else it has, others read.
#[derive(Deserialize)]
struct Service {
    #[serde(rename = "type")]
    kind: Option<Spanned<String>>,
    http: Option<Http>,
}

/// `google.api.Http`. Names are those of the .proto or of its JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Http {
    #[serde(default)]
    rules: Vec<Spanned<Rule>>,
    #[serde(alias = "fullyDecodeReservedExpansion")]
    fully_decode_reserved_expansion: Option<Spanned<bool>>,
}

/// `google.api.HttpRule`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    selector: Option<String>,
    get: Option<String>,
    put: Option<String>,
    post: Option<String>,
    delete: Option<String>,
    patch: Option<String>,
    custom: Option<Custom>,
    #[serde(default)]
    body: String,
    #[serde(default, alias = "responseBody")]
    response_body: String,
    #[serde(default, alias = "additionalBindings")]
    additional_bindings: Vec<Rule>,
}

/// `google.api.CustomHttpPattern`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    kind: String,
    path: String,
}

impl ServiceConfig {
    /// Reads the text of a service config. Rules that cannot be used are left out, and stand in the faults.
    ///
    /// # Errors
    /// What is no YAML, or has no HTTP rules in a form that can be read, with the place.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let options = serde_saphyr::options! {
            strict_booleans: true,
            merge_keys: MergeKeyPolicy::Error,
            reject_unsupported_tags: true,
            with_snippet: false,
        };
        let service: Option<Service> = serde_saphyr::from_str_with_options(text, options)?;
        let (kind, http) = service.map_or((None, None), |service| (service.kind, service.http));
        let http = http.ok_or(Error::NoHttp)?;
        let mut config = Self::default();
        if let Some(kind) = kind.filter(|kind| kind.value != "google.api.Service") {
            let problem = format!("`{}` is another type than google.api.Service", kind.value);
            config.refuse(kind.referenced.line(), problem);
        }
        if let Some(flag) = http.fully_decode_reserved_expansion.filter(|flag| flag.value) {
            let problem = "fully_decode_reserved_expansion cannot be had: in a variable of several segments `%2F` stays as it \
                           is written, or it would pass for a separator";
            config.refuse(flag.referenced.line(), problem.to_owned());
        }
        for rule in http.rules {
            let line = rule.referenced.line();
            if let Err(problem) = config.add(line, rule.value) {
                config.refuse(line, problem);
            }
        }
        Ok(config)
    }

    /// The rule of a method, by its full name.
    pub(crate) fn rule(&self, method: &str) -> Option<&Located> {
        self.rules.get(method)
    }

    /// All that cannot be used, in the order of lines: rules of their own account, and those of methods that there are not.
    pub(crate) fn faults(&self, is_method: impl Fn(&str) -> bool) -> Vec<Fault> {
        let strangers = self.rules.iter().filter(|(selector, _)| !is_method(selector));
        let strangers = strangers.map(|(selector, rule)| Fault {
            line: rule.line,
            problem: format!("`{selector}` names no method of the descriptor set"),
        });
        let mut faults: Vec<_> = self.faults.iter().cloned().chain(strangers).collect();
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    /// A method has one rule: of two, Google takes the last and grpc-gateway both, and neither says so.
    fn add(&mut self, line: u64, mut rule: Rule) -> Result<(), String> {
        let selector = rule.selector.take().unwrap_or_default();
        if selector.is_empty() {
            return Err("the rule has no selector".to_owned());
        }
        if selector.contains(['*', ',']) {
            return Err(format!(
                "`{selector}` selects several methods, and an HTTP rule is for one"
            ));
        }
        let rule = rule.into_rule()?;
        match self.rules.entry(selector) {
            Entry::Occupied(first) => Err(format!(
                "`{}` has a rule already, on line {}: further bindings of a method are its additional_bindings",
                first.key(),
                first.get().line
            )),
            Entry::Vacant(place) => {
                place.insert(Located { line, rule });
                Ok(())
            }
        }
    }

    fn refuse(&mut self, line: u64, problem: String) {
        self.faults.push(Fault { line, problem });
    }
}

impl Rule {
    fn into_rule(self) -> Result<HttpRule, String> {
        if self.selector.is_some() {
            return Err("additional_bindings are of the same method, and have no selector".to_owned());
        }
        let custom = |custom: Custom| {
            Pattern::Custom(CustomPattern {
                kind: custom.kind,
                path: custom.path,
            })
        };
        let mut patterns = [
            self.get.map(Pattern::Get),
            self.put.map(Pattern::Put),
            self.post.map(Pattern::Post),
            self.delete.map(Pattern::Delete),
            self.patch.map(Pattern::Patch),
            self.custom.map(custom),
        ]
        .into_iter()
        .flatten();
        let pattern = patterns.next();
        if patterns.next().is_some() {
            return Err("a binding is one of get, put, post, delete, patch and custom".to_owned());
        }
        let additional = self.additional_bindings.into_iter().map(Self::into_rule);
        Ok(HttpRule {
            pattern,
            body: self.body,
            response_body: self.response_body,
            additional_bindings: additional.collect::<Result<_, _>>()?,
        })
    }
}
