//! A file of the catalog becomes a job type: every key, its default, and what it must look like.

use std::time::Duration;

use serde_json::Value;

use super::fields::{At, Fields};
use super::job_type::{DISPATCHES, JobType, OnDeadLetter};
use super::not_yet::{self, Later};
use super::schema::Schema;
use super::source::is_file_name;
use super::unique::is_pointer;
use super::yaml::{self, Node, Yaml};
use super::{Backoff, Fault, Source, UniqueConstraint};

const QUEUE_TIMEOUT: Duration = Duration::from_hours(7 * 24);
const EXECUTION_TIMEOUT: Duration = Duration::from_hours(1);
const RETENTION: Duration = Duration::from_hours(30 * 24);
/// A retry of the same request must find its job for a week.
const RETENTION_MIN: Duration = Duration::from_hours(7 * 24);
/// SQS takes attribute values of any length, people do not.
const NAME_CHARS_MAX: usize = 128;
/// Of SQS.
const QUEUE_CHARS_MAX: usize = 80;
const FIFO: &str = ".fifo";

/// Reads one file. The line is that of its name. None where something is wrong with it: `faults` has all of that.
pub(super) fn read(source: &Source, file: &str, faults: &mut Vec<Fault>) -> Option<(u64, JobType)> {
    let before = faults.len();
    let node = match source.read(file).map_err(|message| Fault {
        file: file.to_owned(),
        line: None,
        message,
    }) {
        Ok(bytes) => yaml::parse(file, &bytes),
        Err(fault) => Err(fault),
    };
    let node = node.map_err(|fault| faults.push(fault)).ok()?;
    let line = node.line;
    let mut fields = Fields::open(file, node, "a job type", faults)?;
    let job_type = job_type(source, &mut fields);
    fields.close();
    // A job type with a fault anywhere is none, even where the faulty part could be left out.
    job_type
        .filter(|_| faults.len() == before)
        .map(|(name_line, job_type)| (name_line.unwrap_or(line), job_type))
}

fn job_type(source: &Source, fields: &mut Fields<'_>) -> Option<(Option<u64>, JobType)> {
    let name = fields
        .required_text("name")
        .filter(|name| check_name(name, fields));
    let title = fields.text("title");
    let description = fields.text("description");
    let version = fields
        .required_text("version")
        .filter(|version| check_short("version", version, fields));
    let schema = schema(source, fields);
    let consumer_type = fields
        .required_text("consumer_type")
        .filter(|name| check_short("consumer_type", name, fields));
    let queue = queue(fields);
    let unique = unique(fields);
    let queue_timeout = fields.duration("queue_timeout", QUEUE_TIMEOUT).value;
    let execution_timeout = fields.duration("execution_timeout", EXECUTION_TIMEOUT).value;
    let retention = fields.duration("retention", RETENTION);
    if retention.value < RETENTION_MIN {
        fields.fault(retention.line, "retention must be 7d at least");
    }
    let dispatches = fields.count("dispatches", DISPATCHES).value;
    let backoff = backoff(fields);
    let on_dead_letter = on_dead_letter(fields);
    let later = Later {
        claim_check: fields.flag("claim_check", false),
    };
    not_yet::refuse(&later, fields);
    let examples = examples(source, schema.as_ref(), fields);
    let name = name?;
    let job_type = JobType {
        name: name.value,
        title,
        description,
        version: version?.value,
        schema: schema?,
        consumer_type: consumer_type?.value,
        queue,
        unique,
        queue_timeout,
        execution_timeout,
        retention: retention.value,
        dispatches,
        backoff,
        on_dead_letter,
        examples,
    };
    Some((name.line, job_type))
}

fn check_name(name: &At<String>, fields: &mut Fields<'_>) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let fits = name.value.len() <= NAME_CHARS_MAX && name.value.split('.').all(is_part);
    if !fits {
        fields.fault(
            name.line,
            format!("name must be parts of [a-z0-9_] joined by dots, {NAME_CHARS_MAX} characters at most"),
        );
    }
    fits
}

/// What travels in message attributes and columns: short, and without characters that either refuses.
fn check_short(key: &str, text: &At<String>, fields: &mut Fields<'_>) -> bool {
    let fits = text.value.len() <= NAME_CHARS_MAX && text.value.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        fields.fault(
            text.line,
            format!("{key} must be printable ASCII without spaces, {NAME_CHARS_MAX} characters at most"),
        );
    }
    fits
}

/// The schema, from the file that is named or from the place itself.
fn schema(source: &Source, fields: &mut Fields<'_>) -> Option<Schema> {
    let node = fields.require("schema")?;
    let line = node.line;
    let document = match node.value {
        Yaml::Text(name) => json_file(
            source,
            &At {
                line: Some(line),
                value: name,
            },
            "schema",
            fields,
        )?,
        Yaml::Mapping(_) | Yaml::Flag(_) => node.into_json(),
        Yaml::Null | Yaml::Number(_) | Yaml::List(_) => {
            fields.fault(Some(line), "schema must be the name of a file, or a JSON Schema");
            return None;
        }
    };
    Schema::compile(document)
        .map_err(|error| fields.fault(Some(line), format!("schema: {error}")))
        .ok()
}

/// The queue of its tasks, by name or URL. Whether there is one, SQS knows.
fn queue(fields: &mut Fields<'_>) -> Option<String> {
    let node = fields.take("queue")?;
    let line = Some(node.line);
    let Some(queue) = node.value.as_text().filter(|text| is_queue(text)) else {
        fields.fault(
            line,
            "queue must be the name of a queue (letters, digits, - and _, 80 at most) or its URL",
        );
        return None;
    };
    if queue.ends_with(FIFO) {
        fields.fault(
            line,
            "queue must be a standard queue: in a FIFO queue the jobs of a partner would wait for each other",
        );
    }
    Some(queue.to_owned())
}

fn is_queue(text: &str) -> bool {
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let name = text.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(FIFO).unwrap_or(name);
    let is_name = (1..=QUEUE_CHARS_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    is_name && (is_address || !text.contains('/')) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn unique(fields: &mut Fields<'_>) -> Vec<UniqueConstraint> {
    let mut constraints: Vec<UniqueConstraint> = Vec::new();
    for item in fields.list("unique") {
        let line = item.line;
        let Some(constraint) = unique_constraint(item, fields) else {
            continue;
        };
        if constraints.iter().any(|earlier| earlier.name == constraint.name) {
            fields.fault(
                Some(line),
                format!("unique: the name {} stands twice", constraint.name),
            );
        }
        constraints.push(constraint);
    }
    constraints
}

fn unique_constraint(item: Node, fields: &mut Fields<'_>) -> Option<UniqueConstraint> {
    let line = item.line;
    let mut fields = fields.item(item, "a unique constraint")?;
    let name = fields
        .required_text("name")
        .filter(|name| check_name(name, &mut fields));
    let pointers = fields.texts("pointers");
    if pointers.is_empty() {
        fields.fault(Some(line), "pointers must name one value at least");
    }
    for pointer in pointers.iter().filter(|pointer| !is_pointer(&pointer.value)) {
        fields.fault(
            pointer.line,
            format!("{:?} is not a JSON Pointer such as /reference", pointer.value),
        );
    }
    fields.close();
    Some(UniqueConstraint {
        name: name?.value,
        pointers: pointers.into_iter().map(|pointer| pointer.value).collect(),
    })
}

fn on_dead_letter(fields: &mut Fields<'_>) -> OnDeadLetter {
    let parse = |value: &Yaml| match value.as_text()? {
        "fail" => Some(OnDeadLetter::Fail),
        "hold" => Some(OnDeadLetter::Hold),
        _ => None,
    };
    let must = "must be fail or hold";
    fields
        .parsed("on_dead_letter", OnDeadLetter::Fail, must, parse)
        .value
}

fn backoff(fields: &mut Fields<'_>) -> Backoff {
    let default = Backoff::default();
    let Some(mut fields) = fields.nested("backoff") else {
        return default;
    };
    let first = fields.duration("first", default.first).value;
    let factor = fields.count("factor", 2).value.unsigned_abs();
    let max = fields.duration("max", default.max).value;
    if max < first {
        let line = Some(fields.line());
        fields.fault(line, "backoff: max must not be less than first");
    }
    fields.close();
    Backoff { first, factor, max }
}

fn examples(source: &Source, schema: Option<&Schema>, fields: &mut Fields<'_>) -> Vec<Value> {
    let mut examples = Vec::new();
    for name in fields.texts("examples") {
        let Some(example) = json_file(source, &name, "examples", fields) else {
            continue;
        };
        if !example.is_object() {
            fields.fault(
                name.line,
                format!("examples: {} must be a JSON object", name.value),
            );
        }
        for violation in schema
            .and_then(|schema| schema.check(&example).err())
            .into_iter()
            .flat_map(|found| found.list)
        {
            let at = violation.pointer.strip_prefix("/payload").unwrap_or_default();
            fields.fault(
                name.line,
                format!(
                    "examples: {} does not fit the schema at {at:?}: {}",
                    name.value, violation.description
                ),
            );
        }
        examples.push(example);
    }
    examples
}

/// The JSON of a file beside this one.
fn json_file(source: &Source, name: &At<String>, key: &str, fields: &mut Fields<'_>) -> Option<Value> {
    if !is_file_name(&name.value) {
        fields.fault(
            name.line,
            format!("{key} must be the name of a file in the same folder, without a path"),
        );
        return None;
    }
    let bytes = source
        .read(&name.value)
        .map_err(|error| fields.fault(name.line, format!("{key}: {} {error}", name.value)))
        .ok()?;
    let value = serde_json::from_slice(&bytes);
    value
        .map_err(|error| fields.fault(name.line, format!("{key}: {} is not JSON: {error}", name.value)))
        .ok()
}
