//! Access tokens for the work service.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::client::{self, Client};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A token is not used in the last part of its life: its call must arrive.
const MARGIN: Duration = Duration::from_secs(30);

/// Where access tokens come from: bearer tokens with the scope `work/execute`. [`ClientCredentials`] will do for most.
///
/// ```
/// use postern_worker::Tokens;
///
/// /// A file that somebody else keeps up to date.
/// struct Mounted(std::path::PathBuf);
///
/// impl Tokens for Mounted {
///     async fn token(&self) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
///         Ok(tokio::fs::read_to_string(&self.0).await?.trim().to_owned())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("token");
/// # std::fs::write(&path, "secret\n")?;
/// assert_eq!(Mounted(path).token().await?, "secret");
/// # Ok(())
/// # }
/// ```
pub trait Tokens: Send + Sync + 'static {
    /// A token that is good now. Asked before every call, so keep it for as long as it is good.
    fn token(&self) -> impl Future<Output = Result<String, BoxError>> + Send;

    /// The server has refused this token: do not give it again.
    fn refused(&self, _token: &str) {}
}

/// A [`Tokens`] whose type is no longer to be seen.
trait AnyTokens: Send + Sync {
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + '_>>;
    fn refused(&self, token: &str);
}

/// The tokens of a consumer, which its executions share.
#[derive(Clone)]
pub(crate) struct SharedTokens(Arc<dyn AnyTokens>);

/// Tokens of an OAuth 2.0 token endpoint by the client credentials grant (RFC 6749 §4.4), each kept until shortly before its end.
pub struct ClientCredentials {
    client: Client,
    endpoint: String,
    form: String,
    kept: Mutex<Option<Kept>>,
    refused: std::sync::Mutex<Option<String>>,
}

struct Kept {
    token: String,
    good_until: Instant,
}

/// The endpoint gave no token.
#[derive(Debug, thiserror::Error)]
enum NoToken {
    #[error("the token endpoint does not answer: {0}")]
    Call(#[from] client::Failed),
    #[error("the token endpoint answers with status {0}")]
    Status(u16),
    #[error("the token endpoint's answer holds no token")]
    Unreadable,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: u64,
}

impl ClientCredentials {
    /// Tokens of this endpoint, such as `https://auth.example.com/oauth2/token`, with the scope `work/execute`.
    ///
    /// ```
    /// use postern_worker::ClientCredentials;
    ///
    /// let tokens = ClientCredentials::new("https://auth.example.com/oauth2/token", "worker", "worker-secret");
    /// assert!(!format!("{tokens:?}").contains("worker-secret"));
    /// ```
    #[must_use]
    pub fn new(endpoint: impl Into<String>, client_id: &str, client_secret: &str) -> Self {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", client_id)
            .append_pair("client_secret", client_secret)
            .append_pair("scope", "work/execute")
            .finish();
        Self {
            client: Client::new(),
            endpoint: endpoint.into(),
            form,
            kept: Mutex::new(None),
            refused: std::sync::Mutex::new(None),
        }
    }

    async fn fetch(&self) -> Result<Kept, NoToken> {
        let asked = Instant::now();
        let form_type = "application/x-www-form-urlencoded";
        let (status, body) = self
            .client
            .post(&self.endpoint, form_type, &[], self.form.clone())
            .await?;
        if status != 200 {
            return Err(NoToken::Status(status));
        }
        let given: Given = serde_json::from_slice(&body).map_err(|_unreadable| NoToken::Unreadable)?;
        let life = Duration::from_secs(given.expires_in);
        Ok(Kept {
            token: given.access_token,
            good_until: asked + life.saturating_sub(MARGIN.min(life / 2)),
        })
    }

    fn is_refused(&self, token: &str) -> bool {
        let refused = self
            .refused
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        refused.as_deref() == Some(token)
    }
}

impl Tokens for ClientCredentials {
    async fn token(&self) -> Result<String, BoxError> {
        // Held while one is fetched: the others would only fetch more.
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref()
            && Instant::now() < kept.good_until
            && !self.is_refused(&kept.token)
        {
            return Ok(kept.token.clone());
        }
        let fetched = self.fetch().await?;
        let token = fetched.token.clone();
        *kept = Some(fetched);
        Ok(token)
    }

    fn refused(&self, token: &str) {
        let mut refused = self
            .refused
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *refused = Some(token.to_owned());
    }
}

impl<T: Tokens> AnyTokens for T {
    fn token(&self) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + '_>> {
        Box::pin(Tokens::token(self))
    }

    fn refused(&self, token: &str) {
        Tokens::refused(self, token);
    }
}

impl SharedTokens {
    pub(crate) fn new(tokens: impl Tokens) -> Self {
        Self(Arc::new(tokens))
    }

    pub(super) async fn token(&self) -> Result<String, BoxError> {
        self.0.token().await
    }

    pub(super) fn refused(&self, token: &str) {
        self.0.refused(token);
    }
}

impl fmt::Debug for SharedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SharedTokens(..)")
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientCredentials")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
