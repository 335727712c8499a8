//! Path templates as google/api/http.proto defines them, parsed once at start.
//!
//! Knows nothing of messages: whether a variable's field exists is asked elsewhere.

use super::decode;

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    pub(crate) verb: Option<String>,
    pub(crate) variables: Vec<Variable>,
}

/// What one segment of a path may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text, compared after decoding.
    Literal(String),
    /// One segment that is not empty.
    Any,
    /// All that is left, nothing included.
    Rest,
}

/// The run of segments whose text becomes a field of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Dotted field path.
    pub(crate) path: String,
    pub(crate) first: usize,
    /// One behind the last segment; None when it ends in `**`.
    pub(crate) end: Option<usize>,
}

impl Variable {
    /// Whether it spans several segments, so that its value keeps `%2F` encoded.
    pub(crate) fn is_multi(&self) -> bool {
        self.end != Some(self.first + 1)
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("it does not begin with a slash")]
    NoSlash,
    #[error("it has an empty segment")]
    EmptySegment,
    #[error("it has an empty verb")]
    EmptyVerb,
    #[error("a literal has a character that must be escaped, or is escaped badly")]
    BadLiteral,
    #[error("`**` is not its last segment")]
    RestNotLast,
    #[error("a variable is not closed, is nested, or is not a whole segment")]
    BadVariable,
    #[error("a variable's name is no field path")]
    BadFieldPath,
    #[error("a variable stands there twice")]
    VariableTwice,
}

impl Template {
    /// Parses `"/" Segments [ ":" Verb ]`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let (path, verb) = split_verb(text);
        let path = path.strip_prefix('/').ok_or(Error::NoSlash)?;
        let mut template = Self {
            segments: Vec::new(),
            verb: verb.map(parse_verb).transpose()?,
            variables: Vec::new(),
        };
        if path.is_empty() && verb.is_none() {
            return Ok(template);
        }
        for part in split_outside_braces(path)? {
            template.push(part)?;
        }
        template.check_rest()?;
        Ok(template)
    }

    fn push(&mut self, part: &str) -> Result<(), Error> {
        let Some(inner) = part.strip_prefix('{') else {
            self.segments.push(parse_segment(part)?);
            return Ok(());
        };
        let inner = inner.strip_suffix('}').ok_or(Error::BadVariable)?;
        let (path, pattern) = inner.split_once('=').unwrap_or((inner, "*"));
        if !is_field_path(path) {
            return Err(Error::BadFieldPath);
        }
        if self.variables.iter().any(|variable| variable.path == path) {
            return Err(Error::VariableTwice);
        }
        let first = self.segments.len();
        for segment in pattern.split('/') {
            self.segments.push(parse_segment(segment)?);
        }
        let open = self.segments.last() == Some(&Segment::Rest);
        self.variables.push(Variable {
            path: path.to_owned(),
            first,
            end: (!open).then_some(self.segments.len()),
        });
        Ok(())
    }

    fn check_rest(&self) -> Result<(), Error> {
        match self.segments.iter().position(|segment| *segment == Segment::Rest) {
            Some(at) if at + 1 != self.segments.len() => Err(Error::RestNotLast),
            _ => Ok(()),
        }
    }
}

/// The verb stands behind the last colon of the last segment; a colon within braces belongs to the variable.
fn split_verb(text: &str) -> (&str, Option<&str>) {
    let last = text.rfind(['/', '}']).map_or(0, |at| at + 1);
    match text[last..].rfind(':') {
        Some(at) => (&text[..last + at], Some(&text[last + at + 1..])),
        None => (text, None),
    }
}

fn parse_verb(text: &str) -> Result<String, Error> {
    match text {
        "" => Err(Error::EmptyVerb),
        text => parse_literal(text),
    }
}

fn split_outside_braces(path: &str) -> Result<Vec<&str>, Error> {
    let mut parts = Vec::new();
    let (mut start, mut inside) = (0, false);
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'{' if inside => return Err(Error::BadVariable),
            b'{' => inside = true,
            b'}' if !inside => return Err(Error::BadVariable),
            b'}' => inside = false,
            b'/' if !inside => {
                parts.push(&path[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err(Error::BadVariable);
    }
    parts.push(&path[start..]);
    Ok(parts)
}

fn parse_segment(text: &str) -> Result<Segment, Error> {
    Ok(match text {
        "" => return Err(Error::EmptySegment),
        "*" => Segment::Any,
        "**" => Segment::Rest,
        text => Segment::Literal(parse_literal(text)?),
    })
}

fn parse_literal(text: &str) -> Result<String, Error> {
    if text.contains(['{', '}']) {
        return Err(Error::BadVariable);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!$&'()+,;:@%".contains(&byte);
    if !text.bytes().all(allowed) {
        return Err(Error::BadLiteral);
    }
    match decode::segment(text) {
        Some(text) => Ok(text.into_owned()),
        None => Err(Error::BadLiteral),
    }
}

fn is_field_path(text: &str) -> bool {
    text.split('.').all(|name| {
        let mut bytes = name.bytes();
        bytes
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.to_owned())
    }

    #[test]
    fn variables_span_the_segments_of_their_pattern() {
        let template = Template::parse("/v1/{a.b=shelves/*}/books/{c}:read").unwrap();
        assert_eq!(
            template.segments,
            [
                literal("v1"),
                literal("shelves"),
                Segment::Any,
                literal("books"),
                Segment::Any
            ]
        );
        assert_eq!(template.verb.as_deref(), Some("read"));
        let spans: Vec<_> = template
            .variables
            .iter()
            .map(|v| (v.path.as_str(), v.first, v.end))
            .collect();
        assert_eq!(spans, [("a.b", 1, Some(3)), ("c", 4, Some(5))]);
        assert!(template.variables[0].is_multi());
        assert!(!template.variables[1].is_multi());
    }

    #[test]
    fn a_variable_that_ends_in_two_stars_is_open() {
        let template = Template::parse("/v1/{name=files/**}:get").unwrap();
        assert_eq!(template.variables[0].end, None);
        assert!(template.variables[0].is_multi());
    }

    #[test]
    fn the_root_has_no_segments() {
        assert_eq!(Template::parse("/").unwrap().segments, []);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for (text, error) in [
            ("v1", Error::NoSlash),
            ("", Error::NoSlash),
            ("/v1//x", Error::EmptySegment),
            ("/v1/", Error::EmptySegment),
            ("/:verb", Error::EmptySegment),
            ("/v1:", Error::EmptyVerb),
            ("/v1/a*", Error::BadLiteral),
            ("/v1/%zz", Error::BadLiteral),
            ("/v1/**/x", Error::RestNotLast),
            ("/v1/{a=**}/x", Error::RestNotLast),
            ("/v1/{a", Error::BadVariable),
            ("/v1/{a={b}}", Error::BadVariable),
            ("/v1/x{a}", Error::BadVariable),
            ("/v1/{a}x", Error::BadVariable),
            ("/v1/{}", Error::BadFieldPath),
            ("/v1/{a..b}", Error::BadFieldPath),
            ("/v1/{1a}", Error::BadFieldPath),
            ("/v1/{a}/{a}", Error::VariableTwice),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
    }
}
