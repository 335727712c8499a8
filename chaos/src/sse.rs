//! Server-sent events, as they come from an edge.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

/// A body that is read event by event.
#[derive(Debug)]
pub(crate) struct Events {
    response: Response,
    buffer: String,
}

/// One event with data.
#[derive(Debug)]
pub(crate) struct Event {
    /// What to resume after, where it says.
    pub(crate) id: Option<String>,
    /// None for messages.
    pub(crate) kind: Option<String>,
    /// Null where it is no JSON.
    pub(crate) data: Value,
}

impl Events {
    /// Of an answer that is a stream.
    pub(crate) const fn new(response: Response) -> Self {
        Self {
            response,
            buffer: String::new(),
        }
    }

    /// The next event; none when the stream was cut, or said nothing for so long.
    pub(crate) async fn next(&mut self, silence_max: Duration) -> Option<Event> {
        loop {
            while let Some((text, rest)) = self.buffer.split_once("\n\n") {
                let event = read(text);
                self.buffer = rest.to_owned();
                if event.is_some() {
                    return event;
                }
            }
            let chunk = timeout(silence_max, self.response.chunk()).await.ok()?.ok()??;
            self.buffer.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

/// None for comments and `retry:`.
fn read(text: &str) -> Option<Event> {
    let field = |name| text.lines().find_map(|line| line.strip_prefix(name));
    Some(Event {
        data: serde_json::from_str(field("data: ")?).unwrap_or_default(),
        id: field("id: ").map(str::to_owned),
        kind: field("event: ").map(str::to_owned),
    })
}
