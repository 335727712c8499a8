//! `postern dev`: the whole stack on embedded defaults, until Ctrl-C; says how to try it.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::console::say;
use crate::stack::{Addresses, Stack};

/// Runs until the token is cancelled.
///
/// # Errors
/// When a part cannot start, or fails.
pub async fn run(config: Config, worker: bool, until: CancellationToken) -> anyhow::Result<()> {
    let began = Instant::now();
    let stack = tokio::select! {
        started = Stack::start(&config, worker) => started?,
        () = until.cancelled() => return Ok(()),
    };
    say(&ready(&stack.addresses, began));
    stack.run(until).await
}

fn ready(addresses: &Addresses, began: Instant) -> String {
    let Addresses {
        edge,
        grpc,
        sqs,
        admin,
        ..
    } = addresses;
    format!(
        r#"postern is ready after {millis} ms; Ctrl-C stops it

  edge   http://{edge}   REST, SSE, gRPC, gRPC-Web, tokens
  grpc   {grpc}
  sqs    {sqs}
  admin  http://{admin}

try it:

  TOKEN=$(curl -s http://{edge}/oauth2/token -d grant_type=client_credentials -d client_id=acme -d client_secret=acme-secret | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  curl -i http://{edge}/v1/jobs -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -H 'idempotency-key: order-1' \
    -d '{{"jobType":"contacts.import","payload":{{"account":"a1","reference":"r-1","contacts":[{{"email":"x@example.com","name":"X"}}]}}}}'

  curl -s "http://{edge}/v1/jobs?pageSize=1" -H "authorization: Bearer $TOKEN"

  grpcurl -plaintext -H "authorization: Bearer $TOKEN" -d '{{"page_size":1}}' {edge} postern.v1.JobService/ListJobs
"#,
        millis = began.elapsed().as_millis(),
    )
}
