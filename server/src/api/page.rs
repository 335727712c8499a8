//! Pages of lists: sizes, and tokens that are opaque, authenticated, and bound to partner, list and filter.

use tonic::Code;
use uuid::Uuid;

use super::problem::{Problem, Violation};
use crate::job::PartnerId;
use crate::seal::{Purpose, Seal};

const SIZE_DEFAULT: usize = 50;
const SIZE_MAX: usize = 1000;

/// A list of a partner under a filter, whose pages' tokens fit no other.
pub(super) struct Page<'a> {
    seal: &'a Seal,
    partner: &'a PartnerId,
    list: &'static str,
    filter: &'a [u8],
}

impl<'a> Page<'a> {
    pub(super) const fn new(
        seal: &'a Seal,
        partner: &'a PartnerId,
        list: &'static str,
        filter: &'a [u8],
    ) -> Self {
        Self {
            seal,
            partner,
            list,
            filter,
        }
    }

    /// The token of the page that begins after this position.
    pub(super) fn token(&self, position: &[u8]) -> String {
        self.seal.seal(Purpose::Page, &self.bound(), position)
    }

    /// The position in a token; none on the first page.
    pub(super) fn read(&self, token: &str) -> Result<Option<Vec<u8>>, Problem> {
        if token.is_empty() {
            return Ok(None);
        }
        self.seal
            .open(Purpose::Page, &self.bound(), token)
            .map(Some)
            .ok_or_else(token_invalid)
    }

    /// The same where lists are in the order of ids.
    pub(super) fn read_id(&self, token: &str) -> Result<Option<Uuid>, Problem> {
        let position = self.read(token)?;
        let id = position.map(|position| Uuid::from_slice(&position));
        id.transpose().map_err(|_invalid| token_invalid())
    }

    /// Cuts what was read to the size of a page, and returns the token of the next one, empty where there is none: one more than a page holds,
    /// as [`read_max`] has it, tells whether there is.
    pub(super) fn cut<T, P: AsRef<[u8]>>(
        &self,
        read: &mut Vec<T>,
        size: usize,
        position: impl FnOnce(&T) -> P,
    ) -> String {
        let more = read.len() > size;
        read.truncate(size);
        let last = read.last().filter(|_| more);
        last.map(|last| self.token(position(last).as_ref()))
            .unwrap_or_default()
    }

    fn bound(&self) -> [&[u8]; 3] {
        [
            self.partner.as_str().as_bytes(),
            self.list.as_bytes(),
            self.filter,
        ]
    }
}

/// How many to read for a page of this size: see [`Page::cut`].
pub(super) const fn read_max(size: usize) -> u64 {
    size as u64 + 1
}

pub(super) fn token_invalid() -> Problem {
    Problem::new(
        Code::InvalidArgument,
        "PAGE_TOKEN_INVALID",
        "the page token is not of a previous reply with the same filter",
    )
}

/// 50 when none is asked for; more than 1,000 is cut.
pub(super) fn page_size(asked: i32, violations: &mut Vec<Violation>) -> usize {
    page_size_or(SIZE_DEFAULT, asked, violations)
}

/// The same with another default.
pub(super) fn page_size_or(default: usize, asked: i32, violations: &mut Vec<Violation>) -> usize {
    match usize::try_from(asked) {
        Ok(0) => default,
        Ok(size) => size.min(SIZE_MAX),
        Err(_negative) => {
            violations.push(Violation::new(
                "/pageSize",
                "OUT_OF_RANGE",
                "must not be negative",
            ));
            default
        }
    }
}
