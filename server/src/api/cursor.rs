//! Cursors over all jobs of a partner, as partners hold them: opaque, authenticated, bound to partner and filter, good for seven days.

use tonic::Code;

use super::problem::{Problem, Violation};
use crate::job::{PartnerId, Timestamp};
use crate::seal::{Purpose, Seal};
use crate::store::Cursor;

const LIFE_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// What a reader of changes wants to know; its cursors fit no other.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    pub(super) partner: PartnerId,
    job_type: String,
}

impl Feed {
    /// All changes of a partner, or those of one type of job.
    pub(super) fn new(partner: PartnerId, job_type: String, violations: &mut Vec<Violation>) -> Self {
        if job_type.contains('\0') {
            violations.push(Violation::nul("/jobType"));
        }
        Self { partner, job_type }
    }

    pub(super) fn job_type(&self) -> Option<&str> {
        Some(self.job_type.as_str()).filter(|name| !name.is_empty())
    }

    /// The cursor as text, issued now.
    pub(super) fn token(&self, seal: &Seal, cursor: Cursor, now: Timestamp) -> String {
        let content = [&now.millis().to_be_bytes()[..], &cursor.to_bytes()].concat();
        seal.seal(Purpose::Cursor, &self.bound(), &content)
    }

    /// The cursor in a text; none where it is empty.
    pub(super) fn read(&self, seal: &Seal, token: &str, now: Timestamp) -> Result<Option<Cursor>, Problem> {
        if token.is_empty() {
            return Ok(None);
        }
        let content = seal
            .open(Purpose::Cursor, &self.bound(), token)
            .ok_or_else(cursor_invalid)?;
        let (time, cursor) = content.split_first_chunk().ok_or_else(cursor_invalid)?;
        let issued = Timestamp::from_millis(i64::from_be_bytes(*time));
        if issued.plus_millis(LIFE_MILLIS) < now {
            return Err(cursor_expired());
        }
        Cursor::from_bytes(cursor).map(Some).ok_or_else(cursor_invalid)
    }

    fn bound(&self) -> [&[u8]; 2] {
        [self.partner.as_str().as_bytes(), self.job_type.as_bytes()]
    }
}

fn cursor_invalid() -> Problem {
    Problem::new(
        Code::InvalidArgument,
        "CURSOR_INVALID",
        "the cursor is not of a previous reply with the same filter",
    )
}

/// Older than it is good for, or not of this database's past.
pub(super) fn cursor_expired() -> Problem {
    Problem::new(
        Code::OutOfRange,
        "CURSOR_EXPIRED",
        "the cursor is too old, or the database was restored: begin with a snapshot",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(partner: &str, job_type: &str) -> Feed {
        Feed::new(PartnerId::new(partner), job_type.to_owned(), &mut Vec::new())
    }

    fn cursor() -> Cursor {
        Cursor::from_bytes(&[7; Cursor::BYTES]).unwrap()
    }

    fn seal() -> Seal {
        Seal::parse(&Seal::generate().unwrap()).unwrap()
    }

    #[test]
    fn a_cursor_is_good_for_its_partner_and_filter_alone() {
        let (seal, now) = (seal(), Timestamp::from_millis(0));
        let token = feed("acme", "a.b").token(&seal, cursor(), now);
        assert!(token.len() <= 256);
        assert_eq!(
            feed("acme", "a.b").read(&seal, &token, now).unwrap(),
            Some(cursor())
        );
        for other in [feed("globex", "a.b"), feed("acme", ""), feed("acmea", ".b")] {
            assert!(other.read(&seal, &token, now).is_err(), "{other:?}");
        }
        let page = seal.seal(Purpose::Page, &[b"acme", b"a.b"], &[7; Cursor::BYTES + 8]);
        let short = seal.seal(Purpose::Cursor, &[b"acme", b"a.b"], &[127; 9]);
        for forged in [page, short, format!("{token}x"), "x".to_owned()] {
            assert!(feed("acme", "a.b").read(&seal, &forged, now).is_err(), "{forged}");
        }
    }

    #[test]
    fn a_cursor_is_good_for_seven_days_by_a_clock_that_may_go_back() {
        let (seal, feed) = (seal(), feed("acme", ""));
        let token = feed.token(&seal, cursor(), Timestamp::from_millis(1_000_000));
        for (millis, good) in [
            (0, true),
            (LIFE_MILLIS + 1_000_000, true),
            (LIFE_MILLIS + 1_000_001, false),
        ] {
            let read = feed.read(&seal, &token, Timestamp::from_millis(millis));
            assert_eq!(read.is_ok(), good, "{millis}");
        }
    }
}
