//! Where a reader of changes stands, as it takes it along and brings it back.
//!
//! A cursor is always the place of a change that was committed, or the beginning. The ids of transactions still to come would be no
//! place to stand on: PostgreSQL gives some of them out a second time when it recovers from a crash.

use uuid::Uuid;

/// A place in the order of all changes: everything up to it has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) generation: i32,
    pub(super) position: i64,
    pub(super) job: Uuid,
    /// The newest mark when it was issued, and the cluster: they tell whether this database is the one that issued it.
    pub(super) mark: i64,
    pub(super) cluster: i64,
}

impl Cursor {
    /// How long [`Cursor::to_bytes`] is.
    pub const BYTES: usize = 44;

    /// The same as bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        [
            &self.generation.to_be_bytes()[..],
            &self.position.to_be_bytes(),
            self.job.as_bytes(),
            &self.mark.to_be_bytes(),
            &self.cluster.to_be_bytes(),
        ]
        .concat()
    }

    /// What [`Cursor::to_bytes`] made; none where it did not.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (generation, rest) = bytes.split_first_chunk()?;
        let (position, rest) = rest.split_first_chunk()?;
        let (job, rest) = rest.split_first_chunk()?;
        let (mark, rest) = rest.split_first_chunk()?;
        let (cluster, rest) = rest.split_first_chunk()?;
        rest.is_empty().then(|| Self {
            generation: i32::from_be_bytes(*generation),
            position: i64::from_be_bytes(*position),
            job: Uuid::from_bytes(*job),
            mark: i64::from_be_bytes(*mark),
            cluster: i64::from_be_bytes(*cluster),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_bytes_and_nothing_else_is_one() {
        let cursor = Cursor {
            generation: 1,
            position: -2,
            job: Uuid::from_u128(3),
            mark: 4,
            cluster: i64::MIN,
        };
        let bytes = cursor.to_bytes();
        assert_eq!(bytes.len(), Cursor::BYTES);
        assert_eq!(Cursor::from_bytes(&bytes), Some(cursor));
        assert_eq!(Cursor::from_bytes(&bytes[1..]), None);
        assert_eq!(Cursor::from_bytes(&[bytes.as_slice(), &[0]].concat()), None);
        assert_eq!(Cursor::from_bytes(&[]), None);
    }
}
