//! Content negotiation by `Accept` (RFC 9110, section 12.5.1).

use http::HeaderMap;
use http::header::ACCEPT;

use super::Form;

/// Ranges looked at; more than anybody has types for.
const RANGES_MAX: usize = 100;

/// The offer that is wanted most: by weight, then by how exactly it was named, then in the order of the offers.
/// Without `Accept` the first one.
pub(super) fn best(headers: &HeaderMap, offers: &[Form]) -> Option<Form> {
    if !headers.contains_key(ACCEPT) {
        return offers.first().copied();
    }
    let ranges: Vec<_> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(RANGES_MAX)
        .filter_map(Range::parse)
        .collect();
    let mut best: Option<(Range, Form)> = None;
    for offer in offers {
        let Some(range) = weight(&ranges, offer.media_type()) else {
            continue;
        };
        let beats = |other: &Range| (range.weight, range.precision) > (other.weight, other.precision);
        if range.weight > 0 && best.as_ref().is_none_or(|(other, _)| beats(other)) {
            best = Some((range, *offer));
        }
    }
    best.map(|(_, offer)| offer)
}

/// One media range; parameters other than the weight are not looked at.
#[derive(Debug, Clone, Copy)]
struct Range<'a> {
    kind: &'a str,
    /// Thousandths.
    weight: u16,
    /// 0 for `*/*`, 1 for `type/*`, 2 for a type.
    precision: u8,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| kind.contains('/'))?;
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(1_000), |(_, weight)| parse_weight(weight.trim()))?;
        let precision = match kind {
            "*/*" => 0,
            kind if kind.ends_with("/*") => 1,
            _ => 2,
        };
        Some(Self {
            kind,
            weight,
            precision,
        })
    }

    fn fits(&self, media_type: &str) -> bool {
        match self.precision {
            0 => true,
            1 => {
                let prefix = &self.kind[..self.kind.len() - 1];
                media_type
                    .get(..prefix.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
            _ => self.kind.eq_ignore_ascii_case(media_type),
        }
    }
}

/// The most exact range that fits decides.
fn weight<'a>(ranges: &[Range<'a>], media_type: &str) -> Option<Range<'a>> {
    let fitting = ranges.iter().filter(|range| range.fits(media_type));
    fitting.max_by_key(|range| range.precision).copied()
}

/// A weight in thousandths: `0`, `1`, or either with up to three decimals.
pub(crate) fn parse_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &'static str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, http::HeaderValue::from_static(accept));
        Form::negotiate(&headers)
    }

    #[test]
    fn the_weightiest_type_is_served_and_events_when_anything_goes() {
        for (accept, form) in [
            ("*/*", Some(Form::Sse)),
            ("text/*", Some(Form::Sse)),
            ("application/*", Some(Form::Ndjson)),
            ("application/json", Some(Form::Array)),
            ("Application/X-NDJSON;v=1", Some(Form::Ndjson)),
            ("application/json, text/plain, */*", Some(Form::Array)),
            (
                "text/event-stream;q=0.5, application/json;q=0.9",
                Some(Form::Array),
            ),
            ("text/event-stream;q=0, */*", Some(Form::Ndjson)),
            ("text/event-stream, application/json", Some(Form::Sse)),
            ("application/json;q=0.001", Some(Form::Array)),
            ("text/html", None),
            ("*/*;q=0", None),
            ("", None),
        ] {
            assert_eq!(negotiate(accept), form, "{accept}");
        }
        assert_eq!(Form::negotiate(&HeaderMap::new()), Some(Form::Sse));
    }
}
