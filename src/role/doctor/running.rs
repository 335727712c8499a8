//! A server that runs, if one is named: whether it serves.

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::finding::Finding;

pub(super) async fn check(server: Option<&str>) -> Vec<Finding> {
    let Some(server) = server else {
        return Vec::new();
    };
    vec![match ask(server).await {
        Ok(ServingStatus::Serving) => Finding::ok("server", format!("{server} serves")),
        Ok(other) => {
            let says = format!("{server} says {}", other.as_str_name());
            Finding::wrong("server", says, "see its log, and /readyz at its admin address")
        }
        Err(error) => {
            let says = format!("{server}: {error:#}");
            Finding::wrong(
                "server",
                says,
                "see whether it runs, and whether this is its grpc_listen as this machine reaches it",
            )
        }
    }]
}

async fn ask(server: &str) -> anyhow::Result<ServingStatus> {
    // `new` alone sets up TLS where the URL says https, with the certificates that this machine trusts.
    let channel = Endpoint::new(server.to_owned())?.connect().await?;
    let answer = HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await?;
    Ok(answer.into_inner().status())
}
