//! The secret key of a stack on embedded defaults: made once, kept in its data folder.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use postern_server::seal::Seal;

const FILE: &str = "secret-key";

/// The key in this folder, made if there is none.
pub(super) fn load_or_generate(data_dir: &Path) -> anyhow::Result<Seal> {
    let path = data_dir.join(FILE);
    let key = match std::fs::read_to_string(&path) {
        Ok(key) => key,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => generate(&path)?,
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    Seal::parse(key.trim()).with_context(|| path.display().to_string())
}

/// Written beside it and renamed, so that a crash leaves no half a key.
fn generate(path: &Path) -> anyhow::Result<String> {
    let key = Seal::generate().map_err(|_unspecified| anyhow::anyhow!("the system has no randomness"))?;
    let unfinished = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(key)
}
