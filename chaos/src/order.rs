//! What the campaign's clients ask for: imports that cannot be confused with each other.

use serde_json::{Value, json};

use crate::dice::Dice;

/// The partners that the issuer knows.
pub(crate) const PARTNERS: [&str; 2] = ["acme", "globex"];
/// The account that the example consumer never finds.
const NO_SUCH_ACCOUNT: &str = "unknown";
const ACCOUNTS: u64 = 8;

/// One job that somebody wants.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Its idempotency key.
    pub(crate) request_id: String,
    /// Who wants it.
    pub(crate) partner: &'static str,
    /// Whose contacts.
    pub(crate) account: String,
    /// Email addresses that no other order has.
    pub(crate) contacts: Vec<String>,
    /// Whether it is cancelled once it is acknowledged.
    pub(crate) is_cancelled: bool,
    /// Whether it is retried once it has failed.
    pub(crate) is_retried: bool,
    /// Whether it is asked for twice at the same time.
    pub(crate) is_doubled: bool,
    /// Whether it comes over gRPC.
    pub(crate) is_grpc: bool,
}

impl Order {
    /// The next one of a client.
    pub(crate) fn next(dice: &mut Dice, client: usize, number: usize) -> Self {
        let request_id = format!("chaos-{client}-{number}");
        let account = match dice.percent(5) {
            true => NO_SUCH_ACCOUNT.to_owned(),
            false => format!("account-{}", dice.below(ACCOUNTS)),
        };
        let contacts = (0..=dice.below(3)).map(|contact| format!("{request_id}-{contact}@example.com"));
        Self {
            partner: PARTNERS[client % PARTNERS.len()],
            account,
            contacts: contacts.collect(),
            is_cancelled: dice.percent(15),
            is_retried: dice.percent(50),
            is_doubled: dice.percent(10),
            is_grpc: dice.percent(40),
            request_id,
        }
    }

    /// Whether the consumer can only fail.
    #[must_use]
    pub(crate) fn must_fail(&self) -> bool {
        self.account == NO_SUCH_ACCOUNT
    }

    /// The payload of its job.
    #[must_use]
    pub(crate) fn payload(&self) -> Value {
        let contacts: Vec<_> = self
            .contacts
            .iter()
            .map(|email| json!({"email": email, "name": "Chaos"}))
            .collect();
        json!({"account": self.account, "reference": self.request_id, "contacts": contacts})
    }
}
