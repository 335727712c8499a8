//! How a database would serve, for those who say what is wrong instead of starting: nothing is made, locked or changed.

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use sqlx::ConnectOptions as _;

use super::connect::{self, Config};
use super::{Error, migration};

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Which one it is, in its own words.
    pub version: String,
    /// Migrations of this server that it does not have yet.
    pub pending_migrations: usize,
}

/// Looks at the database that these settings name. Of two addresses both are tried.
///
/// # Errors
/// When it is not there, cannot be reached, or cannot be read.
pub async fn examine(config: &Config) -> Result<Examined, Error> {
    let database = Database::connect(connect::read_only(config)?).await?;
    let examined = Examined {
        version: version(&database).await?,
        pending_migrations: migration::pending(&database).await?,
    };
    if config.listen_url.is_some() {
        let direct = connect::direct(config)?;
        let connected = direct.connect().await;
        connected.map_err(|error| {
            Error::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
        })?;
    }
    Ok(examined)
}

async fn version(database: &DatabaseConnection) -> Result<String, Error> {
    let backend = database.get_database_backend();
    let query = if backend == DbBackend::Postgres {
        "SELECT 'PostgreSQL ' || current_setting('server_version') AS version"
    } else {
        "SELECT 'SQLite ' || sqlite_version() AS version"
    };
    let row = database
        .query_one_raw(Statement::from_string(backend, query))
        .await?
        .ok_or(Error::Corrupt("version"))?;
    Ok(row.try_get("", "version")?)
}
