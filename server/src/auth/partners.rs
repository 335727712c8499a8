//! Which partner a client acts for.

use std::collections::{HashMap, HashSet};

use super::{ConfigError, PartnerConfig};
use crate::job::PartnerId;

/// The clients of all issuers.
#[derive(Debug)]
pub(super) struct Partners {
    /// By the issuer's position and the client.
    listed: HashMap<(usize, String), PartnerId>,
    /// With more issuers two clients of one name could be two companies.
    one_issuer: bool,
    /// An unlisted client may not become a partner that has clients of its own.
    taken: HashSet<String>,
}

impl Partners {
    /// The partners of a configuration.
    pub(super) fn new(issuers: &[String], partners: &[PartnerConfig]) -> Result<Self, ConfigError> {
        let mut listed = HashMap::new();
        let mut taken = HashSet::new();
        for partner in partners {
            let refuse = |why: String| ConfigError::Partner {
                id: partner.id.clone(),
                why,
            };
            if partner.id.is_empty() {
                return Err(refuse("its id is empty".to_owned()));
            }
            let issuer = position(issuers, partner.issuer.as_deref()).map_err(refuse)?;
            taken.insert(partner.id.clone());
            for client in &partner.clients {
                let earlier = listed.insert((issuer, client.clone()), PartnerId::new(&partner.id));
                if earlier.is_some_and(|earlier| earlier.as_str() != partner.id) {
                    return Err(refuse(format!("client {client} is that of another partner, too")));
                }
            }
        }
        Ok(Self {
            listed,
            one_issuer: issuers.len() == 1,
            taken,
        })
    }

    /// The partner of a client of the issuer at this position. A client that is not listed is the partner of its own name, if there is
    /// one issuer only and no partner has that name.
    pub(super) fn of(&self, issuer: usize, client: &str) -> Option<PartnerId> {
        let listed = self.listed.get(&(issuer, client.to_owned())).cloned();
        listed.or_else(|| (self.one_issuer && !self.taken.contains(client)).then(|| PartnerId::new(client)))
    }
}

fn position(issuers: &[String], issuer: Option<&str>) -> Result<usize, String> {
    match issuer {
        None if issuers.len() == 1 => Ok(0),
        None => Err("there are several issuers: say which one its clients are of".to_owned()),
        Some(issuer) => issuers
            .iter()
            .position(|known| known == issuer)
            .ok_or_else(|| format!("{issuer} is not one of the issuers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(id: &str, issuer: Option<&str>, clients: &[&str]) -> PartnerConfig {
        let clients = clients.iter().map(|&client| client.to_owned()).collect();
        PartnerConfig {
            id: id.to_owned(),
            issuer: issuer.map(str::to_owned),
            clients,
        }
    }

    fn issuers(count: usize) -> Vec<String> {
        (1..=count)
            .map(|number| format!("https://issuer{number}"))
            .collect()
    }

    fn of(partners: &Partners, issuer: usize, client: &str) -> Option<String> {
        partners.of(issuer, client).map(|partner| partner.to_string())
    }

    #[test]
    fn every_client_of_a_partner_is_that_partner() {
        let partners = Partners::new(&issuers(1), &[partner("acme", None, &["a1", "a2"])]).unwrap();
        assert_eq!(of(&partners, 0, "a1").as_deref(), Some("acme"));
        assert_eq!(of(&partners, 0, "a2").as_deref(), Some("acme"));
    }

    #[test]
    fn a_client_that_is_not_listed_is_the_partner_of_its_own_name() {
        let partners = Partners::new(&issuers(1), &[partner("acme", None, &["a1"])]).unwrap();
        assert_eq!(of(&partners, 0, "globex").as_deref(), Some("globex"));
    }

    #[test]
    fn a_client_cannot_become_a_partner_by_having_its_name() {
        let partners = Partners::new(&issuers(1), &[partner("acme", None, &["a1"])]).unwrap();
        assert_eq!(of(&partners, 0, "acme"), None);
        let own = Partners::new(&issuers(1), &[partner("acme", None, &["acme"])]).unwrap();
        assert_eq!(of(&own, 0, "acme").as_deref(), Some("acme"));
    }

    #[test]
    fn with_several_issuers_every_client_must_be_listed() {
        let listed = [
            partner("acme", Some("https://issuer1"), &["x"]),
            partner("globex", Some("https://issuer2"), &["x"]),
        ];
        let partners = Partners::new(&issuers(2), &listed).unwrap();
        assert_eq!(of(&partners, 0, "x").as_deref(), Some("acme"));
        assert_eq!(of(&partners, 1, "x").as_deref(), Some("globex"));
        assert_eq!(of(&partners, 0, "y"), None);
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for (count, listed) in [
            (2, vec![partner("acme", None, &["x"])]),
            (1, vec![partner("acme", Some("https://other"), &["x"])]),
            (
                1,
                vec![partner("acme", None, &["x"]), partner("globex", None, &["x"])],
            ),
            (1, vec![partner("", None, &["x"])]),
        ] {
            assert!(Partners::new(&issuers(count), &listed).is_err(), "{listed:?}");
        }
    }
}
