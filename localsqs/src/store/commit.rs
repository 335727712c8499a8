//! Group commit: operations that wait for the database at the same time share one transaction, hence one sync to disk.
//!
//! The longer a commit takes, the more operations wait for the next one; nobody waits for company. An answer is given
//! after the commit, never before.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use super::sweep::sweep;
use super::{Database, Failure, Operation, Transaction};
use crate::fault::Fault;
use crate::line::Lines;
use crate::queue::QueueId;
use crate::timestamp::Timestamp;

/// Operations in one transaction. With ten messages of a batch in each, a transaction stays within milliseconds.
const GROUP_MAX: usize = 128;
/// Operations waiting for a group; whoever comes then waits to be let in.
const WAITING_MAX: usize = 1_024;
/// Between removals of messages past their retention period.
const SWEEP_PERIOD: Duration = Duration::from_secs(30);

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way in: hands operations to [`Commits`] and waits for their commit.
#[derive(Clone)]
pub(crate) struct Store {
    operations: mpsc::Sender<Box<dyn Entry>>,
}

impl Store {
    /// Does one operation. Whoever stops waiting before it began takes it back.
    pub(crate) async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Fault> {
        let (reply, answer) = oneshot::channel();
        let entry = Box::new(Pending {
            operation: Some(operation),
            outcome: None,
            reply,
        });
        self.operations
            .send(entry)
            .await
            .map_err(|_closed| Fault::Internal)?;
        answer.await.unwrap_or(Err(Fault::Internal))
    }
}

/// The loop that commits. Ends when the last [`Store`] is gone: until then somebody may wait for an answer.
pub(crate) struct Commits {
    database: Arc<Mutex<Database>>,
    lines: Arc<Lines>,
    operations: mpsc::Receiver<Box<dyn Entry>>,
}

/// Both ends.
pub(crate) fn start(database: Arc<Mutex<Database>>, lines: Arc<Lines>) -> (Store, Commits) {
    let (sender, operations) = mpsc::channel(WAITING_MAX);
    (
        Store { operations: sender },
        Commits {
            database,
            lines,
            operations,
        },
    )
}

impl Commits {
    pub(crate) async fn run(mut self) {
        let mut sweeps = interval(SWEEP_PERIOD);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut group: Vec<Box<dyn Entry>> = Vec::with_capacity(GROUP_MAX);
        loop {
            tokio::select! {
                count = self.operations.recv_many(&mut group, GROUP_MAX) => {
                    if count == 0 {
                        return;
                    }
                }
                _ = sweeps.tick() => {
                    group.push(Box::new(Sweep));
                }
            }
            self.commit(&mut group).await;
        }
    }

    async fn commit(&self, group: &mut Vec<Box<dyn Entry>>) {
        let mut database = self.database.lock().await;
        let committed = transact(&mut database, group).await;
        if committed.is_err() {
            database.reset().await;
        }
        drop(database);
        let is_committed = committed.is_ok();
        group.drain(..).for_each(|entry| entry.settle(is_committed));
        match committed {
            Ok(changed) => self.lines.wake(changed),
            Err(error) => tracing::error!(%error, "sqs transaction failed"),
        }
    }
}

async fn transact(
    database: &mut Database,
    group: &mut [Box<dyn Entry>],
) -> Result<Vec<QueueId>, sqlx::Error> {
    let mut sql = database.connection().await?.begin_with("BEGIN IMMEDIATE").await?;
    let mut transaction = Transaction {
        sql: &mut sql,
        now: Timestamp::now(),
        changed: Vec::new(),
    };
    for entry in group {
        entry.apply(&mut transaction).await?;
    }
    let changed = transaction.changed;
    sql.commit().await?;
    Ok(changed)
}

/// An operation of any kind on its way through the loop.
trait Entry: Send {
    fn apply<'a>(
        &'a mut self,
        transaction: &'a mut Transaction<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>>;

    fn settle(self: Box<Self>, is_committed: bool);
}

struct Pending<O: Operation> {
    operation: Option<O>,
    outcome: Option<Result<O::Output, Fault>>,
    reply: oneshot::Sender<Result<O::Output, Fault>>,
}

impl<O: Operation> Entry for Pending<O> {
    fn apply<'a>(
        &'a mut self,
        transaction: &'a mut Transaction<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // A client that has gone must not take messages with it into their visibility timeout.
            let Some(operation) = self.operation.take().filter(|_| !self.reply.is_closed()) else {
                return Ok(());
            };
            self.outcome = Some(match operation.apply(transaction).await {
                Ok(output) => Ok(output),
                Err(Failure::Refused(fault)) => Err(fault),
                Err(Failure::Database(error)) => return Err(error),
            });
            Ok(())
        })
    }

    fn settle(self: Box<Self>, is_committed: bool) {
        let answer = self
            .outcome
            .filter(|_| is_committed)
            .unwrap_or(Err(Fault::Internal));
        // The client may have gone while its operation was committed.
        let _gone = self.reply.send(answer);
    }
}

/// The loop's own operation: nobody waits for it.
struct Sweep;

impl Entry for Sweep {
    fn apply<'a>(
        &'a mut self,
        transaction: &'a mut Transaction<'_>,
    ) -> BoxFuture<'a, Result<(), sqlx::Error>> {
        Box::pin(sweep(transaction))
    }

    fn settle(self: Box<Self>, _is_committed: bool) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{CreateQueue, FindQueue, SendMessages, ViewQueue};
    use super::*;
    use crate::message::{Draft, Offer};
    use crate::queue::QueueName;

    /// How many operations of its transaction came before it.
    struct Place;

    impl Operation for Place {
        type Output = usize;

        async fn apply(self, transaction: &mut Transaction<'_>) -> Result<usize, Failure> {
            transaction.changed.push(QueueId(0));
            Ok(transaction.changed.len() - 1)
        }
    }

    struct Broken;

    impl Operation for Broken {
        type Output = ();

        async fn apply(self, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
            sqlx::raw_sql("DELETE FROM nothing")
                .execute(&mut *transaction.sql)
                .await?;
            Ok(())
        }
    }

    struct Scene {
        store: Store,
        commits: Commits,
        _folder: tempfile::TempDir,
    }

    impl Scene {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(folder.path()).await.unwrap();
            let (store, commits) = start(Arc::new(Mutex::new(database)), Arc::default());
            Self {
                store,
                commits,
                _folder: folder,
            }
        }
    }

    fn name() -> QueueName {
        QueueName::parse("jobs").unwrap()
    }

    fn create() -> CreateQueue {
        CreateQueue {
            name: name(),
            attributes: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn operations_that_wait_at_the_same_time_share_a_transaction() {
        let Scene {
            store,
            commits,
            _folder,
        } = Scene::new().await;
        let placed = async {
            let placed = tokio::join!(store.run(Place), store.run(Place), store.run(Place));
            drop(store);
            placed
        };
        let (placed, ()) = tokio::join!(placed, commits.run());
        assert_eq!(placed, (Ok(0), Ok(1), Ok(2)));
    }

    #[tokio::test]
    async fn a_refusal_does_not_concern_the_rest_of_its_transaction() {
        let Scene {
            store,
            commits,
            _folder,
        } = Scene::new().await;
        let done = async {
            let done = tokio::join!(
                store.run(FindQueue(name())),
                store.run(create()),
                store.run(FindQueue(name()))
            );
            drop(store);
            done
        };
        let (done, ()) = tokio::join!(done, commits.run());
        assert_eq!(done, (Err(Fault::QueueDoesNotExist), Ok(()), Ok(())));
    }

    #[tokio::test]
    async fn nothing_of_a_transaction_that_failed_is_done_or_acknowledged() {
        let Scene {
            store,
            commits,
            _folder,
        } = Scene::new().await;
        let done = async {
            let done = tokio::join!(store.run(create()), store.run(Broken));
            let found = store.run(FindQueue(name())).await;
            drop(store);
            (done, found)
        };
        let ((done, found), ()) = tokio::join!(done, commits.run());
        assert_eq!(done, (Err(Fault::Internal), Err(Fault::Internal)));
        assert_eq!(found, Err(Fault::QueueDoesNotExist));
    }

    #[tokio::test]
    async fn an_operation_whose_caller_has_gone_is_not_done() {
        let Scene {
            store,
            commits,
            _folder,
        } = Scene::new().await;
        tokio::select! {
            biased;
            _ = store.run(create()) => unreachable!("nothing is committed before the loop runs"),
            () = std::future::ready(()) => {}
        }
        let found = async {
            let found = store.run(FindQueue(name())).await;
            drop(store);
            found
        };
        let (found, ()) = tokio::join!(found, commits.run());
        assert_eq!(found, Err(Fault::QueueDoesNotExist));
    }

    /// A limit of the connection stands for that of the disk.
    #[tokio::test]
    async fn a_full_disk_refuses_messages_and_once_there_is_room_they_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let mut database = Database::open(folder.path()).await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 20")
            .execute(database.connection().await.unwrap())
            .await
            .unwrap();
        let (store, commits) = start(Arc::new(Mutex::new(database)), Arc::default());
        let send = || {
            let offer = Offer {
                body: Some("x".repeat(100_000)),
                ..Offer::default()
            };
            let drafts = vec![Draft::parse(offer).unwrap()];
            let queue = name();
            store.run(SendMessages { queue, drafts })
        };
        let done = async {
            store.run(create()).await.unwrap();
            let sent = (send().await, send().await);
            (sent, store.run(ViewQueue(name())).await.unwrap().visible)
        };
        let done = tokio::select! {
            done = done => done,
            () = commits.run() => unreachable!("the store is there"),
        };
        assert_eq!(done, ((Err(Fault::Internal), Ok(vec![Ok(())])), 1));
    }
}
