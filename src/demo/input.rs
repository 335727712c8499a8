//! The demo's input: a real file, and what must come of it.

use std::collections::HashSet;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

const FILE: &str = include_str!("../../catalog/examples/contacts.json");

/// One job to submit.
#[derive(Debug, Clone)]
pub(super) struct Import {
    pub(super) account: String,
    pub(super) reference: String,
    pub(super) payload: Value,
    /// Contacts in it.
    pub(super) count: u64,
    /// Contacts with different addresses: the rows that must be there in the end.
    pub(super) distinct: u64,
}

#[derive(Deserialize)]
struct Payload {
    account: String,
    reference: String,
    contacts: Vec<Contact>,
}

#[derive(Deserialize)]
struct Contact {
    email: String,
}

pub(super) fn read() -> anyhow::Result<Vec<Import>> {
    let payloads: Vec<Value> = serde_json::from_str(FILE).context("contacts.json")?;
    payloads.into_iter().map(import).collect()
}

pub(super) fn contacts(imports: &[Import]) -> u64 {
    imports.iter().map(|import| import.count).sum()
}

fn import(payload: Value) -> anyhow::Result<Import> {
    let read: Payload = serde_json::from_value(payload.clone()).context("contacts.json")?;
    let distinct: HashSet<&str> = read
        .contacts
        .iter()
        .map(|contact| contact.email.as_str())
        .collect();
    Ok(Import {
        distinct: distinct.len() as u64,
        count: read.contacts.len() as u64,
        account: read.account,
        reference: read.reference,
        payload,
    })
}
