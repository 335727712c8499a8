//! Starts an endpoint or finds the one that is given, and speaks to it through the SDK or by hand.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::change_message_visibility::{
    ChangeMessageVisibilityError, ChangeMessageVisibilityOutput,
};
use aws_sdk_sqs::operation::set_queue_attributes::{SetQueueAttributesError, SetQueueAttributesOutput};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use postern_localsqs::{Config, Endpoint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Until a behaviour that takes its time must have shown itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// Nobody checks it, but servers that speak for several services take from it which one is meant.
const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 \
    Credential=test/20250101/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=0";

/// An endpoint under test.
pub(crate) struct Sqs {
    pub(crate) client: Client,
    /// `host:port`
    pub(crate) authority: String,
}

/// Runs a test against an endpoint. One of our own must end within its grace when the test has ended.
pub(crate) async fn with_sqs(test: impl AsyncFnOnce(&Sqs)) {
    if let Some(given) = given_endpoint() {
        return Box::pin(test(&Sqs::at(
            given.trim_start_matches("http://").trim_end_matches('/'),
        )))
        .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::open(Config::new(folder.path())).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(endpoint.serve(listener, shutdown.clone()));
    Box::pin(test(&Sqs::at(&authority))).await;
    shutdown.cancel();
    timeout(Duration::from_secs(5), serving)
        .await
        .expect("the endpoint ends")
        .unwrap()
        .unwrap();
}

#[allow(
    clippy::disallowed_methods,
    reason = "the suite takes any endpoint, and tests have no other way to be told"
)]
fn given_endpoint() -> Option<String> {
    std::env::var("POSTERN_SQS_SUITE_ENDPOINT").ok()
}

/// A client for plain HTTP that tries once.
pub(crate) fn client(authority: &str) -> Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .region(Region::new("eu-west-1"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(format!("http://{authority}"))
        .build();
    Client::from_conf(config)
}

impl Sqs {
    fn at(authority: &str) -> Self {
        Self {
            client: client(authority),
            authority: authority.to_owned(),
        }
    }

    /// A queue that no other test has, with attributes.
    pub(crate) async fn queue(&self, attributes: &[(QueueAttributeName, &str)]) -> String {
        let mut request = self.client.create_queue().queue_name(unique_name());
        for (name, value) in attributes {
            request = request.attributes(name.clone(), *value);
        }
        request.send().await.unwrap().queue_url.unwrap()
    }

    /// Sends a message and answers its id.
    pub(crate) async fn send(&self, queue: &str, body: &str) -> String {
        self.client
            .send_message()
            .queue_url(queue)
            .message_body(body)
            .send()
            .await
            .unwrap()
            .message_id
            .unwrap()
    }

    /// What is visible now, up to ten messages, with everything that can be asked for.
    pub(crate) async fn receive(&self, queue: &str) -> Vec<Message> {
        self.receive_within(queue, 0).await
    }

    /// The same after waiting for it.
    pub(crate) async fn receive_within(&self, queue: &str, wait_seconds: i32) -> Vec<Message> {
        let request = self
            .client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10);
        let request = request
            .wait_time_seconds(wait_seconds)
            .message_attribute_names("All");
        let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
        request.send().await.unwrap().messages.unwrap_or_default()
    }

    /// Receives until there are so many messages.
    pub(crate) async fn receive_all(&self, queue: &str, count: usize) -> Vec<Message> {
        let deadline = Instant::now() + PATIENCE;
        let mut messages = Vec::new();
        while messages.len() < count {
            assert!(
                Instant::now() < deadline,
                "{} of {count} messages came",
                messages.len()
            );
            messages.extend(self.receive_within(queue, 1).await);
        }
        messages
    }

    /// The one message that is visible, or becomes so soon.
    pub(crate) async fn receive_one(&self, queue: &str) -> Message {
        let mut messages = self.receive_all(queue, 1).await;
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    pub(crate) async fn delete(&self, queue: &str, message: &Message) {
        self.client
            .delete_message()
            .queue_url(queue)
            .receipt_handle(handle(message))
            .send()
            .await
            .unwrap();
    }

    pub(crate) async fn attribute(&self, queue: &str, name: QueueAttributeName) -> Option<String> {
        let request = self
            .client
            .get_queue_attributes()
            .queue_url(queue)
            .attribute_names(name.clone());
        request
            .send()
            .await
            .unwrap()
            .attributes
            .and_then(|mut attributes| attributes.remove(&name))
    }

    pub(crate) async fn attributes(&self, queue: &str) -> HashMap<QueueAttributeName, String> {
        let request = self.client.get_queue_attributes().queue_url(queue);
        let answer = request
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        answer.attributes.unwrap_or_default()
    }

    pub(crate) async fn set(
        &self,
        queue: &str,
        name: QueueAttributeName,
        value: &str,
    ) -> Result<SetQueueAttributesOutput, SdkError<SetQueueAttributesError>> {
        self.client
            .set_queue_attributes()
            .queue_url(queue)
            .attributes(name, value)
            .send()
            .await
    }

    /// Asks for this visibility timeout of a message in flight.
    pub(crate) async fn hide(
        &self,
        queue: &str,
        handle: &str,
        seconds: i32,
    ) -> Result<ChangeMessageVisibilityOutput, SdkError<ChangeMessageVisibilityError>> {
        let request = self.client.change_message_visibility().queue_url(queue);
        request
            .receipt_handle(handle)
            .visibility_timeout(seconds)
            .send()
            .await
    }

    /// Receives one message, and shows it at once again.
    pub(crate) async fn glimpse(&self, queue: &str) -> Message {
        let request = self
            .client
            .receive_message()
            .queue_url(queue)
            .visibility_timeout(0);
        let mut messages = request.send().await.unwrap().messages.unwrap_or_default();
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    /// A request by hand, with this head (without `Host` and `Content-Length`) and this body.
    pub(crate) async fn raw(&self, head: &str, body: &[u8]) -> Answer {
        raw(&self.authority, head, body).await
    }

    /// A form, as the Query protocol has it.
    pub(crate) async fn form(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        self.raw(&head, body.as_bytes()).await
    }

    /// A call of the JSON protocol, with any body.
    pub(crate) async fn json(&self, action: &str, body: &str) -> Answer {
        let head = format!(
            "POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{action}\r\n"
        );
        self.raw(&head, body.as_bytes()).await
    }
}

pub(crate) async fn raw(authority: &str, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let length_bytes = body.len();
    let head = format!(
        "{head}Host: {authority}\r\n{SIGNED}\r\nContent-Length: {length_bytes}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("an answer in time")
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).expect("a status").parse().unwrap();
    Answer {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

/// An answer to a request by hand.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The text of the first such element.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }
}

pub(crate) fn unique_name() -> String {
    format!("suite-{}", uuid::Uuid::now_v7())
}

pub(crate) fn handle(message: &Message) -> &str {
    message
        .receipt_handle()
        .expect("a received message has a receipt handle")
}

pub(crate) fn bodies(messages: &[Message]) -> Vec<&str> {
    let mut bodies: Vec<_> = messages.iter().filter_map(Message::body).collect();
    bodies.sort_unstable();
    bodies
}

/// The code of the error that a call must have ended with.
pub(crate) fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    result: Result<T, E>,
) -> String {
    result
        .expect_err("the call is refused")
        .code()
        .unwrap_or_default()
        .to_owned()
}
