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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => generate(data_dir, &path)?,
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    Seal::parse(key.trim()).with_context(|| path.display().to_string())
}

/// Written beside it and renamed, so that a crash leaves no half a key; on disk before anything is signed with it, or a job that
/// outlives a power cut would carry tokens of a key that does not.
fn generate(data_dir: &Path, path: &Path) -> anyhow::Result<String> {
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
    std::fs::File::open(data_dir)?.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        load_or_generate(folder.path()).unwrap();
        let key = std::fs::read_to_string(&path).unwrap();
        load_or_generate(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), key);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn what_is_no_key_is_refused_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "nonsense").unwrap();
        let refused = load_or_generate(folder.path()).unwrap_err();
        assert!(refused.to_string().contains(FILE), "{refused:#}");
    }
}
