//! JSON numbers as exact decimals: `1e2`, `100.0` and `100` are the same whole number, however large. Knows nothing of
//! fields.

/// More decimal digits than any 64-bit integer has.
const WHOLE_DIGITS_MAX: i64 = 20;

/// The text of a number that follows RFC 8259, section 6.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    text: &'a str,
    /// Neither fraction nor exponent.
    is_plain: bool,
}

/// Why a number is no integer of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotInteger {
    Fraction,
    OutOfRange,
}

impl<'a> Number<'a> {
    /// The number at the start of a text.
    #[inline]
    pub(crate) fn prefix_of(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let start = usize::from(bytes.first() == Some(&b'-'));
        let mut end = start + digits(bytes, start);
        if end == start || (bytes[start] == b'0' && end > start + 1) {
            return None;
        }
        let whole = end;
        if bytes.get(end) == Some(&b'.') {
            let count = digits(bytes, end + 1);
            end += 1 + count;
            if count == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = bytes.get(end) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let count = digits(bytes, end + 1 + sign);
            end += 1 + sign + count;
            if count == 0 {
                return None;
            }
        }
        Some(Self {
            text: &text[..end],
            is_plain: end == whole,
        })
    }

    /// A text that is a number and nothing else.
    pub(crate) fn whole_text(text: &'a str) -> Option<Self> {
        Self::prefix_of(text).filter(|number| number.text.len() == text.len())
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The exact integer, within ±10^20.
    #[inline]
    pub(crate) fn integer(&self) -> Result<i128, NotInteger> {
        if !self.is_plain || self.text.len() > 18 {
            return self.exact_integer();
        }
        let (sign, digits) = self.split_sign();
        let mut value = 0;
        for digit in digits.bytes() {
            value = value * 10 + i64::from(digit - b'0');
        }
        Ok(i128::from(sign * value))
    }

    /// The nearest double; None beyond its range.
    pub(crate) fn double(&self) -> Option<f64> {
        self.text.parse().ok().filter(|value: &f64| value.is_finite())
    }

    /// The nearest float; None beyond its range.
    pub(crate) fn float(&self) -> Option<f32> {
        self.text.parse().ok().filter(|value: &f32| value.is_finite())
    }

    /// Whether the number as written has no fraction; also when it is far too large for an integer.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_plain || self.exact_integer() != Err(NotInteger::Fraction)
    }

    fn split_sign(&self) -> (i64, &'a str) {
        match self.text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, self.text),
        }
    }

    fn exact_integer(&self) -> Result<i128, NotInteger> {
        let (sign, text) = self.split_sign();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digit_at = |at: usize| whole.bytes().chain(fraction.bytes()).nth(at);
        let is_nonzero = |digit: u8| digit != b'0';
        let mut all = whole.bytes().chain(fraction.bytes());
        let Some(first) = all.position(is_nonzero) else {
            return Ok(0);
        };
        let trailing = whole.len() + fraction.len()
            - fraction
                .bytes()
                .rev()
                .chain(whole.bytes().rev())
                .position(is_nonzero)
                .unwrap_or(0);
        // Where the decimal point stands once the exponent is applied.
        let point = saturating(exponent).saturating_add(saturating_length(whole.len()));
        if saturating_length(trailing) > point {
            return Err(NotInteger::Fraction);
        }
        if point.saturating_sub(saturating_length(first)) > WHOLE_DIGITS_MAX {
            return Err(NotInteger::OutOfRange);
        }
        let mut value: i128 = 0;
        let mut at = first;
        while saturating_length(at) < point {
            value = value * 10 + i128::from(digit_at(at).unwrap_or(b'0') - b'0');
            at += 1;
        }
        Ok(value * i128::from(sign))
    }
}

fn digits(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len())
}

/// An exponent; beyond 64 bits its sign is all that matters.
fn saturating(exponent: &str) -> i64 {
    let limit = if exponent.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    exponent
        .strip_prefix('+')
        .unwrap_or(exponent)
        .parse()
        .unwrap_or(limit)
}

fn saturating_length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
