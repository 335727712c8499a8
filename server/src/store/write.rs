//! Writes jobs that have changed: the one place that knows all that goes with a change. The row takes the newest place in the order of
//! changes, unique keys go when the job holds them no more, the history gets its entry, and what is due or changed is told after the commit.
//!
//! What a job becomes is decided elsewhere, by the transitions of `job`.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::change::{self, Place};
use super::entity::{job, unique_key};
use super::history::Entry;
use super::outbox::AT_ONCE;
use super::row::Locked;
use super::{Error, Signals, Store, history, row};
use crate::job::{Applied, EventKind, Job, JobId, Operator, PartnerId, Timestamp};

/// A transaction that changes jobs. Dropped without [`Store::commit`], it has changed nothing, and nothing is told.
pub(super) struct Writing {
    tx: DatabaseTransaction,
    now: Timestamp,
    /// Who acts, where an operator does: all that it adds to histories names them.
    operator: Option<Operator>,
    /// Where all that it changes stands.
    place: Option<Place>,
    changed: Vec<(PartnerId, JobId)>,
    has_due: bool,
}

/// What a change does to what is to be sent of a job.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outbox {
    /// Nothing: what is to be sent, or is being sent, stays so.
    AsItIs,
    /// Nothing is left to send.
    Done,
    /// The task of the job's dispatch is to be sent at this time.
    Due(Timestamp),
    /// It was sent, and died: it is to be sent again, at once. From then on only whoever sends it can say that it was.
    Again,
}

impl Store {
    /// Begins to change jobs.
    pub(super) async fn write(&self, now: Timestamp) -> Result<Writing, Error> {
        Ok(Writing {
            tx: self.begin().await?,
            now,
            operator: None,
            place: None,
            changed: Vec::new(),
            has_due: false,
        })
    }

    /// Begins to change what an operator wishes.
    pub(super) async fn write_as(&self, operator: &Operator, now: Timestamp) -> Result<Writing, Error> {
        Ok(Writing {
            operator: Some(operator.clone()),
            ..self.write(now).await?
        })
    }

    /// Commits what was changed, and tells of it: whatever the database answers, for it may have gone through when no answer comes, or
    /// nobody waits for it any more. What is told for nothing costs whoever hears it a read.
    pub(super) async fn commit(&self, writing: Writing) -> Result<(), Error> {
        let Writing {
            tx, changed, has_due, ..
        } = writing;
        let _telling = Telling {
            signals: self.signals(),
            changed,
            has_due,
        };
        Ok(tx.commit().await?)
    }
}

/// Tells when it is dropped.
struct Telling<'a> {
    signals: &'a Signals,
    changed: Vec<(PartnerId, JobId)>,
    has_due: bool,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.signals.tell_changed(std::mem::take(&mut self.changed));
        if self.has_due {
            self.signals.tell_due();
        }
    }
}

impl Writing {
    pub(super) const fn tx(&self) -> &DatabaseTransaction {
        &self.tx
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) const fn operator(&self) -> Option<&Operator> {
        self.operator.as_ref()
    }

    /// The job, which is this transaction's own from now on.
    pub(super) async fn lock(&self, id: JobId) -> Result<Option<Locked>, Error> {
        row::lock(&self.tx, id).await
    }

    /// The same for a job of this partner.
    pub(super) async fn lock_of(&self, partner: &PartnerId, id: JobId) -> Result<Option<Locked>, Error> {
        row::lock_of(&self.tx, partner, id).await
    }

    /// Writes a job whose revision rose.
    pub(super) async fn changed(
        &mut self,
        job: &Job,
        outbox: Outbox,
        entry: Option<Entry<'_>>,
    ) -> Result<(), Error> {
        let place = self.place().await?;
        let row = job::ActiveModel {
            change_generation: Set(place.generation),
            change_position: Set(place.position),
            dispatch_due: outbox.due(),
            redriven_dispatch: outbox.redriven(job),
            ..row::changes(job)?
        };
        row.update(&self.tx).await?;
        if !job.state.holds_unique_keys() {
            unique_key::Entity::delete_many()
                .filter(unique_key::Column::JobId.eq(job.id.uuid()))
                .exec(&self.tx)
                .await?;
        }
        self.has_due |= outbox.is_due();
        self.changed.push((job.partner.clone(), job.id));
        match entry {
            Some(entry) => self.noted(job, entry).await,
            None => Ok(()),
        }
    }

    /// Begins the history of a job that was stored in this transaction, and is due.
    pub(super) async fn added(&mut self, job: &Job, entry: Entry<'_>) -> Result<(), Error> {
        self.changed.push((job.partner.clone(), job.id));
        self.has_due = true;
        self.noted(job, entry).await
    }

    /// Where this transaction stands in the order of changes.
    pub(super) async fn place(&mut self) -> Result<Place, Error> {
        let place = match self.place {
            Some(place) => place,
            None => change::place(&self.tx).await?,
        };
        self.place = Some(place);
        Ok(place)
    }

    /// Writes what a transition made of a job that consumers told of; nothing where it ignored them. What they know of the current dispatch
    /// proves that its task was sent, so only a new one is left to send. One that is sent again is left too, until it is known to be sent, unless
    /// the job has ended: whoever reports may have it from before. `detail` is for the history.
    pub(super) async fn applied(
        &mut self,
        locked: &Locked,
        applied: Applied,
        detail: &str,
    ) -> Result<(), Error> {
        let job = &locked.job;
        let is_open = !job.state.is_terminal() && job.dead_letter.is_none();
        let outbox = if locked.is_redriven && is_open {
            Outbox::AsItIs
        } else {
            Outbox::Done
        };
        match applied {
            Applied::Changed(kind) => {
                let entry = kind.map(|kind| Entry { kind, detail });
                self.changed(job, outbox, entry).await
            }
            Applied::Requeued { due } => {
                let entry = Entry {
                    kind: EventKind::RetryScheduled,
                    detail: "",
                };
                self.changed(job, Outbox::Due(due), Some(entry)).await
            }
            Applied::Extended => self.extended(job, outbox).await,
            Applied::Ignored(_) => Ok(()),
        }
    }

    /// Writes a job that changed in ways that no reader sees, like its deadline: no revision, no place, no signal.
    pub(super) async fn extended(&mut self, job: &Job, outbox: Outbox) -> Result<(), Error> {
        let row = job::ActiveModel {
            dispatch_due: outbox.due(),
            redriven_dispatch: outbox.redriven(job),
            ..row::changes(job)?
        };
        row.update(&self.tx).await?;
        self.has_due |= outbox.is_due();
        Ok(())
    }

    /// Deletes jobs that are this transaction's own. Payload, result, labels, history, unique keys and the events that were seen go with
    /// them, by their foreign keys.
    pub(super) async fn deleted(&mut self, jobs: Vec<(PartnerId, JobId)>) -> Result<u64, Error> {
        if jobs.is_empty() {
            return Ok(0);
        }
        let deleted = job::Entity::delete_many()
            .filter(job::Column::Id.is_in(jobs.iter().map(|(_, id)| id.uuid())))
            .exec(&self.tx)
            .await?;
        self.changed.extend(jobs);
        Ok(deleted.rows_affected)
    }

    /// Adds to a job's history, and changes nothing else.
    pub(super) async fn noted(&self, job: &Job, entry: Entry<'_>) -> Result<(), Error> {
        history::add(&self.tx, job, entry, self.operator.as_ref(), self.now).await
    }
}

impl Outbox {
    const fn is_due(self) -> bool {
        match self {
            Self::AsItIs | Self::Done => false,
            Self::Due(_) | Self::Again => true,
        }
    }

    const fn due(self) -> ActiveValue<Option<i64>> {
        match self {
            Self::AsItIs => NotSet,
            Self::Done => Set(None),
            Self::Due(due) => Set(Some(due.millis())),
            Self::Again => Set(Some(AT_ONCE)),
        }
    }

    const fn redriven(self, job: &Job) -> ActiveValue<Option<i32>> {
        match self {
            Self::Again => Set(Some(job.dispatch)),
            Self::AsItIs | Self::Done | Self::Due(_) => NotSet,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::job::Timeouts;
    use crate::store::{Config, Submission, Trace};

    #[tokio::test]
    async fn a_commit_that_nobody_waits_for_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        let store = Store::open(&Config::new(url)).await.unwrap();
        store.migrate().await.unwrap();
        let timeouts = Timeouts {
            queue_millis: 1000,
            execution_millis: 1000,
            retention_millis: 1000,
        };
        let now = Timestamp::from_millis(0);
        let submission = Submission {
            job: Job::new(JobId::new(1), PartnerId::new("acme"), timeouts, now),
            payload: "{}".to_owned(),
            digest: [0; 32],
            unique: Vec::new(),
            trace: Trace::default(),
        };
        let mut writing = store.write(now).await.unwrap();
        super::super::submit::insert(&mut writing, &submission)
            .await
            .unwrap();
        let mut told = store.signals().changes();
        assert!(store.commit(writing).now_or_never().is_none());
        assert!(told.try_recv().is_ok());
    }
}
