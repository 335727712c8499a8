//! Example consumer: imports contacts into one SQLite shard per account.
