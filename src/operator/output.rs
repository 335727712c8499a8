//! Where answers go: tables for people, or JSON for programs.

use prost::Name;

use super::json::Json;
use super::{Error, Table};
use crate::console::say;

/// Standard output, in the form that was asked for.
#[derive(Debug)]
pub(crate) struct Output {
    json: Option<Json>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json: json.then(Json::default),
        }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// One thing: a line of JSON, or what a person reads of it.
    pub(crate) fn one<M: Name>(&self, message: &M, person: impl FnOnce(&M) -> String) -> Result<(), Error> {
        match &self.json {
            Some(json) => say(&json.line(message)?),
            None => say(&person(message)),
        }
        Ok(())
    }

    /// Things of one kind: a line of JSON each, or a table.
    pub(crate) fn all<M: Name>(
        &self,
        messages: &[M],
        table: impl FnOnce(&[M]) -> Table,
    ) -> Result<(), Error> {
        match &self.json {
            Some(json) => {
                for message in messages {
                    say(&json.line(message)?);
                }
            }
            None if messages.is_empty() => {}
            None => say(&table(messages).to_string()),
        }
        Ok(())
    }

    /// What a program is told in one line, for those who compare it with what they said last.
    pub(crate) fn line<M: Name>(&self, message: &M) -> Option<Result<String, Error>> {
        self.json.as_ref().map(|json| json.line(message))
    }
}
