//! An issuer as those see it who check tokens: its keys as they are known now, and a way to ask for them again.
//!
//! Never fetches anything itself: that is for [`Refresh`](super::Refresh), so that no caller who goes away takes a fetch with it, and a
//! hundred callers with a new key cause one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::Error;
use super::jwks::{Key, Keys};

/// How long keys count while the issuer cannot be asked.
const STALE_MAX: Duration = Duration::from_hours(24);
/// How soon after an answer the issuer is asked again because of an unknown key.
const COOL_DOWN: Duration = Duration::from_secs(10);
/// The same after a failure, when it may be that no token can be checked at all.
const COOL_DOWN_FAILED: Duration = Duration::from_secs(1);
/// How long a caller waits for keys: a little longer than a fetch may take.
const WAIT_MAX: Duration = Duration::from_secs(6);

/// An issuer whose tokens count.
#[derive(Clone)]
pub(super) struct Issuer {
    url: Arc<str>,
    known: watch::Receiver<Known>,
    asked: Arc<Notify>,
}

/// What is known of an issuer's keys.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: Keys,
    fetched: Option<Instant>,
    /// When the issuer was last asked, and whether it answered.
    tried: Option<(Instant, bool)>,
}

impl Issuer {
    /// An issuer of which `known` tells, and which `asked` makes somebody ask.
    pub(super) fn new(url: &str, known: watch::Receiver<Known>, asked: Arc<Notify>) -> Self {
        Self {
            url: url.into(),
            known,
            asked,
        }
    }

    /// What stands in `iss`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether this key counts now, under this id.
    pub(super) fn has(&self, id: &str, key: &Key) -> bool {
        self.known.borrow().key(id).is_some_and(|known| *known == *key)
    }

    /// The key of this id. An unknown one may be new: then the issuer is asked again, unless that was done a moment ago.
    pub(super) async fn key(&self, id: &str) -> Result<Arc<Key>, Error> {
        let mut known = self.known.clone();
        {
            let now = known.borrow_and_update();
            if let Some(key) = now.key(id) {
                return Ok(key);
            }
            if now.cools_until().is_some_and(|end| Instant::now() < end) {
                return Err(now.refusal());
            }
        }
        // Seen until here, so whatever comes from now on is a change.
        self.asked.notify_one();
        let Ok(Ok(())) = timeout(WAIT_MAX, known.changed()).await else {
            return Err(Error::IssuerUnavailable);
        };
        let now = known.borrow();
        now.key(id).ok_or_else(|| now.refusal())
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Issuer").field(&self.url).finish()
    }
}

impl Known {
    /// Takes new keys in.
    pub(super) fn answered(&mut self, keys: Keys) {
        let now = Instant::now();
        *self = Self {
            keys,
            fetched: Some(now),
            tried: Some((now, true)),
        };
    }

    /// Notes that the issuer could not be asked. The keys stay, for a while.
    pub(super) fn failed(&mut self) {
        self.tried = Some((Instant::now(), false));
    }

    /// When the issuer may be asked again because of an unknown key; none when it never was.
    pub(super) fn cools_until(&self) -> Option<Instant> {
        self.tried
            .map(|(at, answered)| at + if answered { COOL_DOWN } else { COOL_DOWN_FAILED })
    }

    fn key(&self, id: &str) -> Option<Arc<Key>> {
        let fresh = self.fetched.is_some_and(|at| at.elapsed() < STALE_MAX);
        self.keys.get(id).filter(|_| fresh).cloned()
    }

    /// An unknown key is a wrong one only if the issuer says so.
    fn refusal(&self) -> Error {
        match self.tried {
            Some((_, true)) => Error::Invalid("its key is not one of the issuer's"),
            Some((_, false)) | None => Error::IssuerUnavailable,
        }
    }
}
