//! `If-None-Match` against the answer's entity tag (RFC 9110, section 13.1.2).

use http::HeaderMap;
use http::header::{ETAG, IF_NONE_MATCH};

/// Whether the caller has this representation already. Compared weakly; lists and `*` are allowed.
pub(crate) fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    let Some(tag) = answer.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let mut given = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    given.any(|list| list.trim() == "*" || tags(list).any(|given| given == opaque(tag)))
}

/// The tags of a list without their weakness. A comma within quotes belongs to the tag.
fn tags(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = opaque(rest.trim_start_matches([' ', '\t', ',']));
        let inner = start.strip_prefix('"')?;
        let end = inner.find('"')?;
        rest = &inner[end + 1..];
        Some(&start[..end + 2])
    })
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_known(given: &'static str, tag: &'static str) -> bool {
        let header = |name, value| HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))]);
        super::is_known(&header(IF_NONE_MATCH, given), &header(ETAG, tag))
    }

    #[test]
    fn tags_compare_weakly_and_come_in_lists() {
        for (given, tag, expected) in [
            (r#""1""#, r#""1""#, true),
            (r#"W/"1""#, r#""1""#, true),
            (r#""1""#, r#"W/"1""#, true),
            (r#""0", W/"1""#, r#""1""#, true),
            (r#""a,b", "c""#, r#""a,b""#, true),
            (r#""a,b""#, r#""b""#, false),
            ("*", r#""1""#, true),
            (r#""2""#, r#""1""#, false),
            ("1", r#""1""#, false),
            ("", r#""1""#, false),
        ] {
            assert_eq!(is_known(given, tag), expected, "{given} {tag}");
        }
        assert!(!super::is_known(&HeaderMap::new(), &HeaderMap::new()));
    }
}
