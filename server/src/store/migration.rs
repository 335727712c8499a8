//! The schema, as migrations that only ever expand what a server one version older relies on.

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

mod m20261125_000001_jobs;

/// All migrations, oldest first.
#[derive(Debug)]
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261125_000001_jobs::Migration)]
    }
}
