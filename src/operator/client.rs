//! The operators' service of a server, over gRPC, directly or through an edge.

use std::time::Duration;

use postern_proto::postern::admin::v1::admin_service_client::AdminServiceClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};

use super::tokens::Tokens;
use super::{Error, refusal};
use crate::cli::Access;
use crate::config::Config;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one call. A page of a list takes milliseconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// A job with its payload and its result; a server takes no larger message in.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The verbs of operators.
#[derive(Debug)]
pub(crate) struct Client {
    server: String,
    admin: AdminServiceClient<Channel>,
    tokens: Tokens,
}

impl Client {
    /// A connection to the server that the command line or the settings name.
    pub(crate) async fn connect(config: &Config, access: &Access) -> Result<Self, Error> {
        let server = access.server.as_ref().unwrap_or(&config.operator.server);
        let tokens = Tokens::new(config, access.token.as_ref(), server)?;
        let channel = endpoint(server)?
            .connect()
            .await
            .map_err(|error| Error::Unavailable(format!("{server}: {}", refusal::cause(&error))))?;
        Ok(Self {
            server: server.clone(),
            admin: AdminServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
            tokens,
        })
    }

    /// One call. Where the server does not take a token that was fetched, it is made again with a new one.
    pub(crate) async fn call<Q: Clone, A>(
        &self,
        question: Q,
        verb: impl AsyncFn(AdminServiceClient<Channel>, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Error> {
        let mut token = self.tokens.token().await?;
        let mut answer = verb(self.admin.clone(), asked(question.clone(), &token)?).await;
        let refused = answer
            .as_ref()
            .is_err_and(|status| status.code() == Code::Unauthenticated);
        if refused && self.tokens.forget(&token) {
            token = self.tokens.token().await?;
            answer = verb(self.admin.clone(), asked(question, &token)?).await;
        }
        answer
            .map(Response::into_inner)
            .map_err(|status| refusal::read(&self.server, &status))
    }
}

fn endpoint(server: &str) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(server.to_owned())
        .map_err(|error| Error::Usage(format!("{server:?} is not the URL of a server: {error}")))?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .user_agent("postern")
        .map_err(|error| Error::Failed(error.to_string()))?;
    if !server.starts_with("https://") {
        return Ok(endpoint);
    }
    endpoint
        .tls_config(ClientTlsConfig::new().with_native_roots())
        .map_err(|error| Error::Failed(format!("TLS: {}", refusal::cause(&error))))
}

fn asked<Q>(question: Q, token: &str) -> Result<Request<Q>, Error> {
    let authorization: AsciiMetadataValue = format!("Bearer {token}").parse().map_err(|_other_bytes| {
        Error::Usage("the token is none: it has bytes that no header can have".to_owned())
    })?;
    let mut request = Request::new(question);
    request.metadata_mut().insert("authorization", authorization);
    Ok(request)
}
