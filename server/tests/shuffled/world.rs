//! A database and a results queue with the loop between them, and what it takes to call the API.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use postern_server::api::Api;
use postern_server::auth::Caller;
use postern_server::catalog::{Catalog, Source};
use postern_server::collect::{Collect, Reader};
use postern_server::hub::Hub;
use postern_server::job::{Job, JobId, PartnerId, Timestamp};
use postern_server::listening::Listening;
use postern_server::queue::{self, Census, Results};
use postern_server::seal::Seal;
use postern_server::store::{self, Store};
use postern_server::vitals::Vitals;
use sea_orm::{ConnectionTrait as _, Statement};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::SOON;
use super::endpoint::Sqs;

/// Handed out [`super::DISPATCHES`] times at most.
const JOB_TYPE: &str = "name: a.b\nversion: \"1\"\nconsumer_type: X\nschema: {type: object}\ndispatches: 3\n";

/// A database, a results queue, and the loop between them. Tests are consumer and partner, and hand tasks out.
pub(super) struct World {
    pub(super) api: Api,
    url: String,
    sqs: Sqs,
    queue: String,
    results: Results,
    /// Of another installation.
    pub(super) foreign: Seal,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl World {
    pub(super) async fn start(url: &str) -> Self {
        let (shutdown, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let sqs = Sqs::start(&mut tasks, &shutdown).await;
        queue::create(&sqs.config, []).await.unwrap();
        let queue = sqs.url(&sqs.config.results).await;
        let results = queue::open(&sqs.config, []).await.unwrap().results;

        let store = Store::open(&store::Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        store.mark_start(Timestamp::now()).await.unwrap();
        let files = vec![("a.b.yaml".to_owned(), JOB_TYPE.into())];
        let api = Api {
            store: store.clone(),
            hub: Hub::default(),
            catalog: Arc::new(Catalog::load(&Source::Files(files)).unwrap()),
            seal: new_seal(),
            payload_bytes_max: 10_000.into(),
            vitals: Vitals::new(store.clone(), Census::default(), Arc::default(), Hub::default()),
            shutdown: shutdown.clone(),
        };
        let collect = Collect {
            store: api.store.clone(),
            results: results.clone(),
            reader: Reader {
                catalog: Arc::clone(&api.catalog),
                seal: api.seal.clone(),
            },
            listening: Listening::new(Timestamp::now()),
            meters: Default::default(),
        };
        tasks.spawn(collect.run(shutdown.clone()));
        Self {
            api,
            url: url.to_owned(),
            sqs,
            queue,
            results,
            foreign: new_seal(),
            shutdown,
            tasks,
        }
    }

    pub(super) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }

    pub(super) async fn job(&self, id: JobId) -> Job {
        self.api.store.partner().get(&acme(), id).await.unwrap().unwrap()
    }

    pub(super) async fn send(&self, bodies: &[&str]) {
        let entries = bodies.iter().enumerate().map(|(index, body)| {
            let entry = SendMessageBatchRequestEntry::builder().id(index.to_string());
            entry.message_body(*body).build().unwrap()
        });
        let send = self.sqs.client.send_message_batch().queue_url(&self.queue);
        let reply = send.set_entries(Some(entries.collect())).send().await.unwrap();
        assert_eq!(reply.failed().len(), 0);
    }

    /// Waits until every message was dealt with and deleted.
    pub(super) async fn drained(&self) {
        let deadline = Instant::now() + SOON;
        while self.results.waiting().await.unwrap().messages > 0 {
            assert!(Instant::now() < deadline, "messages stay in the queue");
            tokio::task::yield_now().await;
        }
    }

    /// What lies in quarantine, which is empty then: reasons and bodies.
    pub(super) async fn take_quarantined(&self) -> Vec<(String, String)> {
        let other = sea_orm::Database::connect(&self.url).await.unwrap();
        let select = "SELECT reason, body FROM quarantine".to_owned();
        let select = Statement::from_string(other.get_database_backend(), select);
        let rows = other.query_all_raw(select).await.unwrap();
        let system = self.api.store.system();
        let later = Timestamp::now().plus_millis(1_000);
        system.prune_quarantine(1_000, later).await.unwrap();
        let read = |row: &sea_orm::QueryResult| {
            let body: Vec<u8> = row.try_get("", "body").unwrap();
            (
                row.try_get("", "reason").unwrap(),
                String::from_utf8(body).unwrap(),
            )
        };
        rows.iter().map(read).collect()
    }
}

/// A request as the door lets it through.
pub(super) fn ask<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        partner: acme(),
        client_id: "acme".to_owned(),
        scopes: Vec::new(),
        expires_at: SystemTime::now() + Duration::from_hours(1),
    });
    request
}

pub(super) fn acme() -> PartnerId {
    PartnerId::new("acme")
}

fn new_seal() -> Seal {
    Seal::parse(&Seal::generate().unwrap()).unwrap()
}
