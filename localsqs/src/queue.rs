//! What a queue is: its name, its settings, where its dead letters go. Pure; knows neither SQL nor HTTP.

mod redrive;
mod settings;

pub(crate) use redrive::{ACCOUNT, RedrivePolicy, arn, queue_of};
pub(crate) use settings::{MESSAGE_BYTES_MAX, Settings};

use crate::fault::Fault;

/// 1–80 letters, digits, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueName(String);

impl QueueName {
    const CHARACTERS_MAX: usize = 80;

    /// The name of a queue to be.
    pub(crate) fn parse(name: &str) -> Result<Self, Fault> {
        if name.ends_with(".fifo") {
            return Err(Fault::UnsupportedOperation(
                "FIFO queues are not supported by this endpoint: use a standard queue.".into(),
            ));
        }
        if !is_identifier(name, Self::CHARACTERS_MAX) {
            return Err(Fault::InvalidParameterValue(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".into(),
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// The queue that a URL or a path names. Only the path counts: endpoints are reached under many host names.
    pub(crate) fn from_url(url: &str) -> Result<Self, Fault> {
        let path = url
            .split_once("://")
            .map_or(url, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let Some(name) = path.strip_prefix('/').and_then(|path| path.strip_prefix(ACCOUNT)) else {
            return Err(Fault::QueueDoesNotExist);
        };
        let Some(name) = name
            .strip_prefix('/')
            .filter(|name| is_identifier(name, Self::CHARACTERS_MAX))
        else {
            return Err(Fault::QueueDoesNotExist);
        };
        Ok(Self(name.to_owned()))
    }

    /// A name that was checked when it was stored.
    pub(crate) fn stored(name: String) -> Self {
        Self(name)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// One incarnation of a queue: a queue that is deleted and created again under its name has another id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QueueId(pub(crate) i64);

/// Letters, digits, hyphens and underscores: what queues and batch entries may be called.
pub(crate) fn is_identifier(text: &str, characters_max: usize) -> bool {
    (1..=characters_max).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_a_queue_url_counts() {
        let name = QueueName::parse("jobs").unwrap();
        for url in [
            "http://localhost:9324/000000000000/jobs",
            "https://sqs.eu-west-1.amazonaws.com/000000000000/jobs",
            "/000000000000/jobs",
        ] {
            assert_eq!(QueueName::from_url(url), Ok(name.clone()), "{url}");
        }
    }

    #[test]
    fn a_url_that_names_no_queue_is_a_queue_that_does_not_exist() {
        for url in [
            "",
            "jobs",
            "http://host",
            "http://host/",
            "http://host/1/jobs",
            "/000000000000/",
            "/000000000000/a/b",
            "/000000000000jobs",
        ] {
            assert_eq!(QueueName::from_url(url), Err(Fault::QueueDoesNotExist), "{url}");
        }
    }

    #[test]
    fn a_fifo_queue_is_refused_with_a_reason() {
        let Err(Fault::UnsupportedOperation(reason)) = QueueName::parse("jobs.fifo") else {
            panic!("refused");
        };
        assert!(reason.contains("FIFO"));
    }

    #[test]
    fn names_have_1_to_80_plain_characters() {
        assert!(QueueName::parse(&"a".repeat(80)).is_ok());
        for name in [
            String::new(),
            "a".repeat(81),
            "a b".into(),
            "é".into(),
            "a.b".into(),
        ] {
            assert!(
                matches!(QueueName::parse(&name), Err(Fault::InvalidParameterValue(_))),
                "{name}"
            );
        }
    }
}
