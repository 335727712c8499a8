//! The name of an account. It becomes the name of a file, so nothing else than this is one; the catalog's schema of
//! `contacts.import` says the same.

use std::fmt;

use serde::Deserialize;

const BYTES_MAX: usize = 64;

/// 1 to 64 letters, digits, dots, underscores and hyphens, neither dot nor hyphen first: no path, and no hidden file.
///
/// Names that differ in case are two accounts, and may yet be one file: see [`Error::OtherAccount`](crate::Error).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Account(String);

/// The name can be none of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an account is named by 1 to 64 letters, digits, dots, underscores and hyphens, neither dot nor hyphen first"
)]
pub struct InvalidAccount;

impl Account {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Account {
    type Error = InvalidAccount;

    fn try_from(name: String) -> Result<Self, InvalidAccount> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_sound = (1..=BYTES_MAX).contains(&name.len())
            && name.bytes().all(is_plain)
            && !name.starts_with(['.', '-']);
        if is_sound {
            Ok(Self(name))
        } else {
            Err(InvalidAccount)
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_the_folder_is_no_account() {
        for name in [
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "",
            "-a",
            ".a",
            "a b",
            "a\0",
            "a\n",
            "ä",
            &"a".repeat(65),
        ] {
            assert_eq!(Account::try_from(name.to_owned()), Err(InvalidAccount), "{name}");
        }
        for name in [
            "a",
            "0",
            "_",
            "north-harbour",
            "42-West",
            "A.b_c-",
            "a..b",
            &"a".repeat(64),
        ] {
            assert_eq!(Account::try_from(name.to_owned()).unwrap().as_str(), name);
        }
    }
}
