//! A call with curl, to be filled in.

use std::fmt::Write as _;

use super::Placed;
use super::html::Html;
use crate::openapi::model::{Additional, Document, Operation, Schema};

/// A body shows as many fields of a message: the first ones are what it is about.
const FIELDS_MAX: usize = 3;

/// Messages in messages that a body shows.
const NESTING_MAX: usize = 2;

/// Appends the command line. `<span class="origin">` is where the address belongs.
pub(super) fn curl(document: &Document, placed: &Placed<'_>, html: &mut Html) {
    let operation = placed.operation;
    let is_stream = operation.responses.get("200").is_some();
    html.raw(if is_stream { "curl -N" } else { "curl" });
    if !matches!(placed.method.as_str(), "GET" | "*") {
        html.raw(" -X ").text(&placed.method);
    }
    html.raw(" \"<span class=\"origin\">https://HOST</span>");
    let required = operation.parameters.iter();
    let required = required.filter(|parameter| parameter.place == "query" && parameter.required);
    let mut address = placed.path.to_owned();
    for (index, parameter) in required.enumerate() {
        let mark = if index == 0 { '?' } else { '&' };
        let _ = write!(address, "{mark}{0}={{{0}}}", parameter.name);
    }
    html.text(&variables(&address)).raw("\"");
    if !document.security.is_empty() {
        html.raw(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
    }
    if is_stream {
        html.raw(" \\\n  -H \"Accept: text/event-stream\"");
    }
    if let Some(body) = body(document, operation) {
        html.raw(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '")
            .text(&body)
            .raw("'");
    }
}

/// `{jobId}` as a variable of the shell, `$JOB_ID`.
fn variables(path: &str) -> String {
    let mut text = String::new();
    let mut is_name = false;
    let mut is_after_small = false;
    for character in path.chars() {
        match character {
            '{' => {
                is_name = true;
                text.push_str("${");
            }
            '}' => {
                is_name = false;
                text.push('}');
            }
            _ if !is_name => text.push(character),
            '.' | '=' | '/' | '*' => text.push('_'),
            _ => {
                if character.is_ascii_uppercase() && is_after_small {
                    text.push('_');
                }
                text.push(character.to_ascii_uppercase());
            }
        }
        is_after_small = character.is_ascii_lowercase() || character.is_ascii_digit();
    }
    text
}

fn body(document: &Document, operation: &Operation) -> Option<String> {
    let media = operation.request_body.as_ref()?.content.get("application/json")?;
    let mut out = String::new();
    write(document, media.schema.as_ref()?, NESTING_MAX, &mut out);
    Some(out)
}

/// A value that fits a schema, as JSON. Nothing in it needs quoting in a shell.
fn write(document: &Document, schema: &Schema, nesting: usize, out: &mut String) {
    if let Some(name) = schema.component() {
        if let Some(schema) = document.components.schemas.get(name) {
            write(document, schema, nesting, out);
        }
        return;
    }
    match schema.kind {
        Some("object") if nesting > 0 => object(document, schema, nesting - 1, out),
        Some("object") => out.push_str("{}"),
        Some("array") => out.push_str("[]"),
        Some("integer" | "number") => out.push('1'),
        Some("boolean") => out.push_str("true"),
        Some("null") => out.push_str("null"),
        Some(_) => {
            let _ = write!(out, "\"{}\"", text(schema));
        }
        None => out.push('1'),
    }
}

fn object(document: &Document, schema: &Schema, nesting: usize, out: &mut String) {
    out.push('{');
    let mut excluded: Vec<&str> = Vec::new();
    let mut count = 0;
    for (name, property) in schema.properties.iter() {
        let is_map = matches!(property.additional_properties, Some(Additional::Like(_)));
        let is_dull = property.deprecated || is_map || matches!(property.kind, Some("array" | "boolean"));
        let is_required = schema.required.iter().any(|required| required == name);
        let is_left_out = property.read_only || excluded.contains(&name);
        if is_left_out || !is_required && (is_dull || count >= FIELDS_MAX) {
            continue;
        }
        let _ = write!(out, "{}\"{name}\": ", if count == 0 { "" } else { ", " });
        write(document, property, nesting, out);
        count += 1;
        if let Some(not) = schema
            .dependent_schemas
            .get(name)
            .and_then(|rival| rival.not.as_ref())
        {
            let rivals = std::iter::once(not.as_ref()).chain(&not.any_of);
            excluded.extend(rivals.flat_map(|rival| rival.required.iter().map(String::as_str)));
        }
    }
    out.push('}');
}

fn text(schema: &Schema) -> &str {
    match (schema.examples, schema.format, schema.content_encoding) {
        (Some([example]), ..) => example,
        (_, Some("int64" | "uint64"), _) => "1",
        (.., Some(_)) => "AAEC",
        // The first of an enum says that nothing is said.
        _ if !schema.values.is_empty() => schema.values.get(1).unwrap_or(&schema.values[0]),
        _ => "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_parameters_are_variables_of_the_shell() {
        assert_eq!(variables("/v1/jobs/{jobId}:watch"), "/v1/jobs/${JOB_ID}:watch");
        assert_eq!(variables("/v1/{book.name}"), "/v1/${BOOK_NAME}");
    }
}
