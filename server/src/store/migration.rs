//! The schema, as migrations that only ever expand what a server one version older relies on: new tables, columns that may be absent from
//! an insert, indexes. What is to go goes a version later, when nobody uses it.
//!
//! A database that has migrations which this server does not know belongs to a newer one, beside which this one goes on and starts.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait};
use sea_orm_migration::{
    Migration, MigrationTrait, MigratorTrait, SchemaManager, async_trait, seaql_migrations,
};

mod m20261125_000001_jobs;
mod m20261125_000002_sweep;
mod m20261125_000003_dead_letters;
mod m20261125_000004_changes;
mod m20261125_000005_operators;
mod m20261125_000006_redriven;
mod m20261125_000007_quarantine;
mod m20261125_000008_due;
mod m20261125_000009_unsuccessful;

/// Any number that nobody else takes: "postern" in ASCII.
const ADVISORY_LOCK: i64 = 0x70_6f73_7465_726e;
/// Whoever waits for a table holds up all who come after.
const LOCK_TIMEOUT: &str = "10s";

/// All migrations, oldest first.
#[derive(Debug)]
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261125_000001_jobs::Migration),
            Box::new(m20261125_000002_sweep::Migration),
            Box::new(m20261125_000003_dead_letters::Migration),
            Box::new(m20261125_000004_changes::Migration),
            Box::new(m20261125_000005_operators::Migration),
            Box::new(m20261125_000006_redriven::Migration),
            Box::new(m20261125_000007_quarantine::Migration),
            Box::new(m20261125_000008_due::Migration),
            Box::new(m20261125_000009_unsuccessful::Migration),
        ]
    }

    /// The one provided would fail on migrations of a newer server.
    async fn get_pending_migrations<C>(db: &C) -> Result<Vec<Migration>, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(missing_from(Self::get_migration_models(db).await?))
    }
}

/// Applies what is missing, in the order of age, one replica at a time: the others find it done. Tells how many that were.
pub(super) async fn apply(tx: &DatabaseTransaction) -> Result<usize, DbErr> {
    if tx.get_database_backend() == DbBackend::Postgres {
        // An index on many rows takes its time.
        tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            .await?;
        tx.execute_unprepared(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            .await?;
    }
    Migrator::install(tx).await?;
    let missing = Migrator::get_pending_migrations(tx).await?.len();
    Migrator::up(tx, None).await?;
    Ok(missing)
}

/// How many are missing.
pub(super) async fn pending(db: &DatabaseConnection) -> Result<usize, DbErr> {
    // Asked first, so that nothing has to be created where nothing may be.
    if !SchemaManager::new(db)
        .has_table(Migrator::migration_table_name().to_string())
        .await?
    {
        return Ok(Migrator::migrations().len());
    }
    let applied = seaql_migrations::Entity::find().all(db).await?;
    Ok(missing_from(applied).len())
}

fn missing_from(applied: Vec<seaql_migrations::Model>) -> Vec<Migration> {
    let applied: HashSet<_> = applied.into_iter().map(|migration| migration.version).collect();
    let mut migrations = Migrator::get_migration_files();
    migrations.retain(|migration| !applied.contains(migration.name()));
    migrations
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sea_orm::{FromQueryResult, Statement};

    use super::*;
    use crate::store::{Config, Store};

    #[derive(Debug, FromQueryResult)]
    struct Column {
        name: String,
        kind: String,
        is_optional: bool,
    }

    /// Every column by table and name: its type, and whether an insert may leave it out.
    async fn columns(store: &Store) -> BTreeMap<String, (String, bool)> {
        let query = "SELECT table_name || '.' || column_name AS name, data_type::text AS kind, \
            is_nullable = 'YES' OR column_default IS NOT NULL AS is_optional \
            FROM information_schema.columns WHERE table_schema = 'public'";
        let statement = Statement::from_string(DbBackend::Postgres, query);
        let columns = Column::find_by_statement(statement)
            .all(&store.inner.read)
            .await
            .unwrap();
        columns
            .into_iter()
            .map(|column| (column.name, (column.kind, column.is_optional)))
            .collect()
    }

    /// What refuses rows: constraints and unique indexes, by table.
    async fn rules(store: &Store) -> BTreeMap<String, String> {
        let query = "SELECT c.relname || '.' || i.relname AS name, pg_get_indexdef(x.indexrelid) AS kind, true AS is_optional \
            FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
            JOIN pg_namespace n ON n.oid = c.relnamespace WHERE x.indisunique AND n.nspname = 'public' \
            UNION ALL SELECT c.relname || '.' || k.conname, pg_get_constraintdef(k.oid), true \
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = k.connamespace \
            WHERE n.nspname = 'public'";
        let statement = Statement::from_string(DbBackend::Postgres, query);
        let rules = Column::find_by_statement(statement)
            .all(&store.inner.read)
            .await
            .unwrap();
        rules.into_iter().map(|rule| (rule.name, rule.kind)).collect()
    }

    fn table(name: &str) -> &str {
        name.split('.').next().unwrap()
    }

    /// What an older server relies on: its columns are there, it may insert without the new ones, and no rule is new to it.
    #[tokio::test]
    async fn every_migration_only_adds_what_an_older_server_need_not_know() {
        let url = postern_pgtest::database().unwrap();
        let store = Store::open(&Config::new(url)).await.unwrap();
        let mut known: BTreeMap<String, (String, bool)> = BTreeMap::new();
        let mut allowed: BTreeMap<String, String> = BTreeMap::new();
        for migration in Migrator::migrations() {
            let name = migration.name().to_owned();
            Migrator::up(&store.inner.write, Some(1)).await.unwrap();
            let (now, rules) = (columns(&store).await, rules(&store).await);
            for (column, was) in &known {
                assert_eq!(now.get(column), Some(was), "{name} changes {column}");
            }
            let is_known = |name: &str| known.keys().any(|column| table(column) == table(name));
            for (column, (_, is_optional)) in now.iter().filter(|(column, _)| !known.contains_key(*column)) {
                assert!(*is_optional || !is_known(column), "{name} demands {column}");
            }
            for (rule, what) in rules.iter().filter(|(rule, _)| is_known(rule)) {
                assert_eq!(allowed.get(rule), Some(what), "{name} adds a rule to {rule}");
            }
            (known, allowed) = (now, rules);
        }
        assert_eq!(pending(&store.inner.read).await.unwrap(), 0);
    }
}
