//! The name of an account. It becomes the name of a file, so nothing else than this is one.

use std::fmt;

use serde::Deserialize;

const BYTES_MAX: usize = 63;

/// A name of lower-case letters, digits and hyphens, 63 at most, no hyphen first: no path, no dot, no separator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Account(String);

/// The name can be none of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an account is named by 1 to 63 lower-case letters, digits and hyphens, no hyphen first")]
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
        let is_letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_sound = (1..=BYTES_MAX).contains(&name.len())
            && name.bytes().all(|byte| is_letter_or_digit(byte) || byte == b'-')
            && !name.starts_with('-');
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
            "A",
            "a.b",
            "a\0",
            "ä",
            &"a".repeat(64),
        ] {
            assert_eq!(Account::try_from(name.to_owned()), Err(InvalidAccount), "{name}");
        }
        for name in ["a", "0", "north-harbour", "42-west", &"a".repeat(63)] {
            assert_eq!(Account::try_from(name.to_owned()).unwrap().as_str(), name);
        }
    }
}
