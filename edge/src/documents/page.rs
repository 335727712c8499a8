//! The OpenAPI document as one HTML page for people: complete without JavaScript, a network or a font of its own.
//!
//! JavaScript only adds a filter, copying, and the page's own address in the examples. Everything from the document is
//! escaped; the policy lets nothing run but the page's own script.

mod example;
mod field;
mod html;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use self::field::{Fields, Type};
use self::html::Html;
use crate::openapi::model::{Document, Media, Operation, Ordered, Parameter, Response, Schema};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// The whole page.
pub(super) fn html(document: &Document) -> String {
    let mut html = Html::default();
    let page = Page { document };
    page.head(&mut html);
    page.navigation(&mut html);
    html.raw("<main id=\"main\">");
    page.introduction(&mut html);
    for tag in &document.tags {
        page.section(&tag.name, &tag.description, &mut html);
    }
    page.errors(&mut html);
    page.schemas(&mut html);
    html.raw("</main></div><script>")
        .raw(SCRIPT)
        .raw("</script></body></html>\n");
    html.into_string()
}

/// What the page may do: its own style and script, by their hashes, and nothing else.
pub(super) fn policy() -> HeaderValue {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    HeaderValue::try_from(policy).expect("base64 is ASCII")
}

struct Page<'a> {
    document: &'a Document,
}

/// An operation with its place.
struct Placed<'a> {
    path: &'a str,
    /// In capitals; with its own template where the path of the document is not it.
    method: String,
    operation: &'a Operation,
}

impl<'a> Page<'a> {
    fn head(&self, html: &mut Html) {
        let info = &self.document.info;
        html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")
            .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")
            .raw("<meta name=\"color-scheme\" content=\"light dark\"><title>")
            .text(&info.title)
            .raw("</title><style>")
            .raw(STYLE)
            .raw("</style></head><body><a class=\"skip\" href=\"#main\">Skip to the operations</a>")
            .raw("<header class=\"top\"><p class=\"title\"><a href=\"#main\">")
            .text(&info.title)
            .raw("</a> <span class=\"version\">")
            .text(&info.version)
            .raw("</span></p><p class=\"links\"><a href=\"/openapi.json\">OpenAPI</a> <a href=\"/descriptors.binpb\">Descriptors</a></p></header><div class=\"layout\">");
    }

    fn navigation(&self, html: &mut Html) {
        html.raw("<nav aria-label=\"Contents\"><input type=\"search\" id=\"filter\" hidden placeholder=\"Filter operations\" aria-label=\"Filter operations\">");
        for tag in &self.document.tags {
            html.raw("<h2>").text(&tag.name).raw("</h2><ul>");
            for placed in self.operations(&tag.name) {
                html.raw("<li><a href=\"#")
                    .text(&placed.operation.operation_id)
                    .raw("\">");
                method(&placed.method, html);
                html.text(name(placed.operation)).raw("</a></li>");
            }
            html.raw("</ul>");
        }
        html.raw("<h2>More</h2><ul><li><a href=\"#errors\">Errors</a></li><li><a href=\"#schemas\">Schemas</a></li></ul></nav>");
    }

    fn introduction(&self, html: &mut Html) {
        let info = &self.document.info;
        html.raw("<section class=\"intro\"><h1>")
            .text(&info.title)
            .raw("</h1>");
        html.markdown(&info.description);
        if !self.document.security.is_empty() {
            html.raw("<p>Every call needs a token: <code>Authorization: Bearer …</code></p>");
        }
        html.raw("<p>Over gRPC, without files of your own: <code>grpcurl -protoset descriptors.binpb</code>, with ")
            .raw("<a href=\"/descriptors.binpb\">the descriptor set</a>. For generators of clients: ")
            .raw("<a href=\"/openapi.json\">the OpenAPI document</a>.</p></section>");
    }

    fn section(&self, tag: &str, description: &str, html: &mut Html) {
        html.raw("<section><h2 id=\"")
            .text(tag)
            .raw("\">")
            .text(tag)
            .raw("</h2>");
        html.markdown(description);
        for placed in self.operations(tag) {
            self.operation(&placed, html);
        }
        html.raw("</section>");
    }

    fn operation(&self, placed: &Placed<'a>, html: &mut Html) {
        let operation = placed.operation;
        let id = &operation.operation_id;
        html.raw("<article id=\"")
            .text(id)
            .raw("\"><h3><a href=\"#")
            .text(id)
            .raw("\">");
        html.text(name(operation)).raw("</a>");
        if operation.deprecated {
            html.raw(" <span class=\"mark\">deprecated</span>");
        }
        html.raw("</h3><p class=\"route\">");
        method(&placed.method, html);
        html.raw("<code>").text(placed.path).raw("</code></p>");
        if !operation.summary.is_empty() {
            html.markdown(&format!("{}. {}", operation.summary, operation.description));
        }
        self.parameters(&operation.parameters, html);
        if let Some(body) = &operation.request_body {
            html.raw("<h4>Body</h4>").markdown(&body.description);
            self.content(&body.content, html);
        }
        html.raw("<h4>Answers</h4>");
        for (status, response) in operation.responses.iter() {
            self.response(status, response, html);
        }
        html.raw("<h4>Example</h4><div class=\"example\"><pre tabindex=\"0\"><code>");
        example::curl(self.document, placed, html);
        html.raw("</code></pre></div><p class=\"rpc\">gRPC: <code>")
            .text(operation.rpc.trim_start_matches('/'))
            .raw("</code></p></article>");
    }

    fn parameters(&self, parameters: &[Parameter], html: &mut Html) {
        if parameters.is_empty() {
            return;
        }
        html.raw("<h4>Parameters</h4>");
        let mut fields = Fields::begin(html);
        for parameter in parameters {
            let note = match (parameter.place, parameter.required) {
                ("path", _) => "path",
                (place, false) => place,
                (_, true) => "query, required",
            };
            let marks = [note, if parameter.deprecated { "deprecated" } else { "" }];
            fields.row(
                &parameter.name,
                &Type(&parameter.schema),
                &marks,
                &parameter.description,
            );
        }
        fields.end();
    }

    fn response(&self, status: &str, response: &'a Response, html: &mut Html) {
        match response {
            Response::Shared { .. } => {
                html.raw("<p class=\"answer\"><b>")
                    .text(status)
                    .raw("</b> <a href=\"#errors\">An error.</a></p>");
            }
            Response::Own { description, content } if content.is_empty() => {
                html.raw("<p class=\"answer\"><b>")
                    .text(status)
                    .raw("</b> ")
                    .inline(description)
                    .raw("</p>");
            }
            Response::Own { description, content } => {
                let (first, rest) = description.split_once("\n\n").unwrap_or((description, ""));
                html.raw("<details><summary><b>")
                    .text(status)
                    .raw("</b> ")
                    .inline(first)
                    .raw(" <code>")
                    .text(content.iter().next().map_or("", |(_, media)| field::name(media)))
                    .raw("</code></summary>")
                    .markdown(rest);
                self.content(content, html);
                html.raw("</details>");
            }
        }
    }

    fn content(&self, content: &'a Ordered<Media>, html: &mut Html) {
        for (media_type, media) in content.iter() {
            html.raw("<p class=\"media\"><code>")
                .text(media_type)
                .raw("</code> ");
            match (&media.schema, &media.item) {
                (_, Some(item)) => {
                    html.raw("each ");
                    Type(item).write(html);
                }
                (Some(schema), None) => Type(schema).write(html),
                (None, None) => {}
            }
            html.raw("</p>");
        }
        // A stream has the same message in each of its forms: its fields are shown once.
        let first = content.iter().next();
        if let Some(schema) = first.and_then(|(_, media)| media.item.as_ref().or(media.schema.as_ref())) {
            field::properties(self.resolve(schema), html);
        }
    }

    fn resolve(&self, schema: &'a Schema) -> &'a Schema {
        let component = schema
            .component()
            .and_then(|name| self.document.components.schemas.get(name));
        component.unwrap_or(schema)
    }

    fn errors(&self, html: &mut Html) {
        html.raw("<section><h2 id=\"errors\">Errors</h2>");
        for (_, response) in self.document.components.responses.iter() {
            if let Response::Own { description, content } = response {
                html.markdown(description);
                self.content(content, html);
            }
        }
        html.raw("</section>");
    }

    fn schemas(&self, html: &mut Html) {
        html.raw("<section id=\"schemas\"><h2>Schemas</h2>");
        for (name, schema) in self.document.components.schemas.iter() {
            html.raw("<details class=\"schema\"><summary><code>")
                .text(name)
                .raw("</code></summary><div id=\"schema-");
            html.text(name).raw("\">").markdown(&schema.description);
            match schema.values.is_empty() {
                true => field::properties(schema, html),
                false => field::values(schema, html),
            }
            html.raw("</div></details>");
        }
        html.raw("</section>");
    }

    fn operations(&self, tag: &str) -> impl Iterator<Item = Placed<'a>> {
        let items = self.document.paths.iter();
        let all = items.flat_map(|(path, item)| {
            let usual = item.operations.iter().map(move |(method, operation)| Placed {
                path,
                method: method.to_ascii_uppercase(),
                operation,
            });
            let other = item.other.iter().map(|(name, operation)| {
                let (method, path) = name.split_once(' ').unwrap_or(("*", name));
                Placed {
                    path,
                    method: method.to_owned(),
                    operation,
                }
            });
            usual.chain(other)
        });
        all.filter(move |placed| placed.operation.tags[0] == tag)
    }
}

/// The name of its method.
fn name(operation: &Operation) -> &str {
    operation.rpc.rsplit('/').next().unwrap_or_default()
}

fn method(name: &str, html: &mut Html) {
    html.raw("<span class=\"method ")
        .text(&name.to_ascii_lowercase())
        .raw("\">")
        .text(name)
        .raw("</span> ");
}
