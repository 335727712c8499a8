//! Path templates as OpenAPI can say them: every variable part one `{name}` of one segment.
//!
//! `{book.name=shelves/*/books/*}` becomes `shelves/{shelvesId}/books/{booksId}`, as Google's discovery documents have it.
//! `**` has no like in OpenAPI 3.1: it is said as one part, and told in words.

use std::fmt::Write as _;

use crate::route::{Route, Segment, Template};

/// A template for OpenAPI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// What is fixed, in front of each slot, and behind the last.
    fixed: Vec<String>,
    pub(crate) slots: Vec<Slot>,
}

/// A part of the path that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) name: String,
    /// The index of the variable that it belongs to, if it belongs to one.
    pub(crate) variable: Option<usize>,
    pub(crate) extent: Extent,
}

/// How much of its variable a slot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    /// One segment of several.
    Part,
    /// All that is left, slashes included.
    Rest,
}

impl Path {
    pub(crate) fn of_route(route: &Route) -> Self {
        let names: Vec<_> = route
            .variables
            .iter()
            .map(|(_, parameter)| json_path(&parameter.pointer))
            .collect();
        let template = Template::parse(&route.template).expect("it was parsed when the route was compiled");
        Self::of(&template, &names)
    }

    /// `names` are the JSON names of the template's variables.
    fn of(template: &Template, names: &[String]) -> Self {
        let mut path = Self {
            fixed: Vec::new(),
            slots: Vec::new(),
        };
        let mut fixed = String::new();
        for (at, segment) in template.segments.iter().enumerate() {
            fixed.push('/');
            if let Segment::Literal(text) = segment {
                encode(text, &mut fixed);
                continue;
            }
            path.fixed.push(std::mem::take(&mut fixed));
            let slot = path.slot(template, names, at);
            path.slots.push(slot);
        }
        if template.segments.is_empty() {
            fixed.push('/');
        }
        if let Some(verb) = &template.verb {
            fixed.push(':');
            encode(verb, &mut fixed);
        }
        path.fixed.push(fixed);
        path
    }

    /// The path with the slots' names.
    pub(crate) fn text(&self) -> String {
        self.with(|slot| &slot.name)
    }

    /// The path without them: OpenAPI has two paths that differ in names alone for the same.
    pub(crate) fn shape(&self) -> String {
        self.with(|_| "")
    }

    fn with<'a>(&'a self, name: impl Fn(&'a Slot) -> &'a str) -> String {
        let mut text = String::new();
        for (index, fixed) in self.fixed.iter().enumerate() {
            text.push_str(fixed);
            if let Some(slot) = self.slots.get(index) {
                let _ = write!(text, "{{{}}}", name(slot));
            }
        }
        text
    }

    fn slot(&self, template: &Template, names: &[String], at: usize) -> Slot {
        let variable = template
            .variables
            .iter()
            .position(|variable| variable.first <= at && variable.end.is_none_or(|end| at < end));
        let is_rest = template.segments[at] == Segment::Rest;
        let is_first = variable.is_some_and(|index| template.variables[index].first == at);
        let is_single = variable.is_some_and(|index| !template.variables[index].is_multi());
        let name = match variable {
            Some(index) if is_single || is_rest && is_first => names[index].clone(),
            Some(_) | None => self.invent(template, at),
        };
        Slot {
            name,
            variable,
            extent: match (is_rest, is_single) {
                (true, _) => Extent::Rest,
                (false, true) => Extent::Whole,
                (false, false) => Extent::Part,
            },
        }
    }

    /// A name for a part that has none: after the collection in front of it.
    fn invent(&self, template: &Template, at: usize) -> String {
        let collection = match at.checked_sub(1).map(|before| &template.segments[before]) {
            Some(Segment::Literal(text)) => text.chars().filter(char::is_ascii_alphanumeric).collect(),
            Some(Segment::Any | Segment::Rest) | None => String::new(),
        };
        let name = match collection.as_str() {
            "" => "part".to_owned(),
            collection => format!("{collection}Id"),
        };
        let is_taken = |name: &str| self.slots.iter().any(|slot| slot.name == name);
        let numbered = (2..).map(|number| format!("{name}{number}"));
        std::iter::once(name.clone())
            .chain(numbered)
            .find(|name| !is_taken(name))
            .unwrap_or(name)
    }
}

/// Appends a literal as it stands in a URL (RFC 3986, `pchar`).
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:@".contains(&byte) {
            true => out.push(char::from(byte)),
            false => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// A JSON Pointer of field names as a dotted path.
pub(super) fn json_path(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(template: &str, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Path::of(&Template::parse(template).unwrap(), &names).text()
    }

    #[test]
    fn templates_are_said_segment_by_segment() {
        for (template, names, said) in [
            ("/", &[][..], "/"),
            ("/v1/jobs/{job_id}:watch", &["jobId"], "/v1/jobs/{jobId}:watch"),
            ("/v1/jobs:watch", &[], "/v1/jobs:watch"),
            (
                "/v1/{book.name=shelves/*/books/*}",
                &["book.name"],
                "/v1/shelves/{shelvesId}/books/{booksId}",
            ),
            ("/v1/{a=*/*}", &["a"], "/v1/{v1Id}/{part}"),
            ("/{a=x/*/x/*}", &["a"], "/x/{xId}/x/{xId2}"),
            ("/v1/{path=**}:stat", &["path"], "/v1/{path}:stat"),
            ("/v1/{path=files/**}", &["path"], "/v1/files/{filesId}"),
            ("/v1/{kind=books}/{id}", &["kind", "id"], "/v1/books/{id}"),
            ("/v1/*/x", &[], "/v1/{v1Id}/x"),
            ("/a%20b/%7Bc%7D", &[], "/a%20b/%7Bc%7D"),
        ] {
            assert_eq!(say(template, names), said, "{template}");
        }
    }

    #[test]
    fn a_shape_has_no_names() {
        let path = Path::of(
            &Template::parse("/v1/{a}/x/{b}").unwrap(),
            &["a".to_owned(), "b".to_owned()],
        );
        assert_eq!(path.shape(), "/v1/{}/x/{}");
    }
}
