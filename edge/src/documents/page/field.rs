//! Fields of messages and parameters as rows of a table.

use super::html::Html;
use crate::openapi::model::{Additional, Media, Schema};

/// A table of fields in the making.
pub(super) struct Fields<'h>(&'h mut Html);

impl<'h> Fields<'h> {
    pub(super) fn begin(html: &'h mut Html) -> Self {
        html.raw("<table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead><tbody>");
        Self(html)
    }

    pub(super) fn row(&mut self, name: &str, kind: &Type<'_>, marks: &[&str], description: &str) {
        let html = &mut *self.0;
        html.raw("<tr><th scope=\"row\"><code>")
            .text(name)
            .raw("</code></th><td class=\"type\">");
        kind.write(html);
        for mark in marks.iter().filter(|mark| !mark.is_empty()) {
            html.raw(" <span class=\"mark\">").text(mark).raw("</span>");
        }
        html.raw("</td><td>").markdown(description).raw("</td></tr>");
    }

    fn rows(&mut self, schema: &Schema, prefix: &str) {
        for (name, property) in schema.properties.iter() {
            // That most fields of an answer are always there goes without saying; that one is not, does not.
            let is_optional =
                !schema.required.is_empty() && schema.required.iter().all(|required| required != name);
            let marks = [
                if is_optional { "may be absent" } else { "" },
                if property.read_only { "read only" } else { "" },
                if property.write_only { "write only" } else { "" },
                if property.deprecated { "deprecated" } else { "" },
            ];
            let name = format!("{prefix}{name}");
            self.row(&name, &Type(property), &marks, &property.description);
            if property.additional_properties.is_none() {
                self.rows(property, &format!("{name}."));
            }
        }
    }

    pub(super) fn end(self) {
        self.0.raw("</tbody></table>");
    }
}

/// The properties of an object, and of objects that stand in it without a name of their own; nothing for anything else.
pub(super) fn properties(schema: &Schema, html: &mut Html) {
    if schema.properties.is_empty() {
        return;
    }
    let mut fields = Fields::begin(html);
    fields.rows(schema, "");
    fields.end();
}

/// The names of an enum; their meanings stand in its description.
pub(super) fn values(schema: &Schema, html: &mut Html) {
    html.raw("<p class=\"values\">One of ");
    for (index, value) in schema.values.iter().enumerate() {
        html.raw(if index == 0 { "<code>" } else { ", <code>" })
            .text(value)
            .raw("</code>");
    }
    html.raw("</p>");
}

/// A type in words.
pub(super) struct Type<'a>(pub(super) &'a Schema);

impl Type<'_> {
    pub(super) fn write(&self, html: &mut Html) {
        let schema = self.0;
        if let Some(name) = schema.component() {
            html.raw("<a href=\"#schema-")
                .text(name)
                .raw("\">")
                .text(short(name))
                .raw("</a>");
            return;
        }
        if let Some(items) = &schema.items {
            html.raw("list of ");
            return Type(items).write(html);
        }
        if let Some(Additional::Like(value)) = &schema.additional_properties {
            html.raw("map of ");
            return Type(value).write(html);
        }
        for (index, one) in schema.any_of.iter().enumerate() {
            html.raw(if index == 0 { "" } else { " or " });
            Type(one).write(html);
        }
        if schema.any_of.is_empty() {
            self.plain(html);
        }
    }

    fn plain(&self, html: &mut Html) {
        let schema = self.0;
        match (schema.kind, schema.format.or(schema.content_encoding)) {
            (Some(kind), Some(format)) => html.text(kind).raw(" (").text(format).raw(")"),
            (Some(kind), None) => html.text(kind),
            (None, _) => html.raw("any"),
        };
        if let Some([example]) = schema.examples {
            html.raw(", like <code>").text(example).raw("</code>");
        }
        for value in &schema.values {
            html.raw(" <code>").text(value).raw("</code>");
        }
    }
}

/// The name of a message, or of each message of a list or a stream; empty for what has no name.
pub(super) fn name(media: &Media) -> &str {
    let schema = media.item.as_ref().or(media.schema.as_ref());
    let single = schema.map(|schema| schema.items.as_deref().unwrap_or(schema));
    single.and_then(Schema::component).map_or("", short)
}

/// A name without its package.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
