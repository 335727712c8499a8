//! Identifiers. A job's id is a TypeID (<https://github.com/jetify-com/typeid>): `job_` and a UUIDv7 in 26 characters of base32.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::Timestamp;

const PREFIX: &str = "job_";
const SUFFIX_CHARS: usize = 26;
/// Of a UUIDv7 (RFC 9562 §5.7): the first bits are a time.
const UNIX_MILLIS_BITS: u32 = 48;
const UNIX_MILLIS_MAX: u128 = (1 << UNIX_MILLIS_BITS) - 1;
/// Crockford's alphabet in lower case, without i, l, o and u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Names a job: `job_` and 26 characters. Ids of later milliseconds sort after earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

/// The text is not an id of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a job id")]
pub struct InvalidId;

impl JobId {
    /// A new id that carries the given time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(unix_millis: u64) -> Self {
        let seconds = unix_millis / 1000;
        let nanos = u32::try_from(unix_millis % 1000).expect("below 1000") * 1_000_000;
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            seconds,
            nanos,
        )))
    }

    /// Less than every id that carries this time or a later one, and greater than all that carry an earlier one: where a search begins.
    #[must_use]
    pub fn earliest_of(time: Timestamp) -> Self {
        let millis = u128::try_from(time.millis()).unwrap_or(0).min(UNIX_MILLIS_MAX);
        Self(Uuid::from_u128(millis << (128 - UNIX_MILLIS_BITS)))
    }

    /// The id of a stored UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID to store.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.as_u128();
        f.write_str(PREFIX)?;
        for position in (0..SUFFIX_CHARS).rev() {
            let index = (value >> (5 * position)) & 31;
            let character = ALPHABET[usize::try_from(index).expect("below 32")];
            write!(f, "{}", char::from(character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for JobId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let suffix = text.strip_prefix(PREFIX).ok_or(InvalidId)?.as_bytes();
        // 26 characters hold 130 bits: the first may only use its low three.
        if suffix.len() != SUFFIX_CHARS || suffix[0] > b'7' {
            return Err(InvalidId);
        }
        let mut value: u128 = 0;
        for character in suffix {
            let index = ALPHABET.iter().position(|c| c == character).ok_or(InvalidId)?;
            value = (value << 5) | u128::try_from(index).expect("below 32");
        }
        Ok(Self(Uuid::from_u128(value)))
    }
}

/// Names a partner: our own id, whichever of its clients and tokens it came with.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PartnerId(String);

impl PartnerId {
    /// A partner of this name.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names an operator: the client of the token that they came with.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Operator(String);

impl Operator {
    /// An operator of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Operator> for String {
    fn from(operator: Operator) -> Self {
        operator.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_form() {
        let id = JobId::new(1_764_000_000_123);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().len(), 30);
    }

    #[test]
    fn the_text_form_is_that_of_the_typeid_specification() {
        let id = JobId::from_uuid(Uuid::from_u128(0x0188_bac7_4afa_78aa_bc3b_bd1e_ef28_d881));
        assert_eq!(id.to_string(), "job_01h2xcejqtf2nbrexx3vqjhp41");
    }

    #[test]
    fn later_ids_sort_after_earlier_ones_as_text_too() {
        let (early, late) = (JobId::new(1000), JobId::new(1001));
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn the_earliest_of_a_time_stands_between_it_and_what_came_before() {
        let earliest = |millis| JobId::earliest_of(Timestamp::from_millis(millis));
        assert!(JobId::new(999) < earliest(1000) && earliest(1000) < JobId::new(1000));
        assert!(earliest(-1) < JobId::new(0));
        assert!(JobId::new(0xffff_ffff_fffe) < earliest(i64::MAX));
    }

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        for text in [
            "",
            "job_",
            "job_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "job_01H2XCEJQTF2NBREXX3VQJHP41",
            "att_01h2xcejqtf2nbrexx3vqjhp41",
        ] {
            assert_eq!(text.parse::<JobId>(), Err(InvalidId), "{text}");
        }
    }
}
