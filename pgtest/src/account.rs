//! Whom PostgreSQL runs as: it refuses to be root, as which containers and CI run tests.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::Error;

const ROOT: u32 = 0;

/// Runs the command as somebody who is not root, and makes the folder theirs. Nothing to do where we are not root.
pub(super) fn leave_root(command: &mut Command, folder: &Path) -> Result<(), Error> {
    // The folder is new: its owner is who we are.
    let owner = std::fs::metadata(folder).map_err(|error| Error::System("a temporary folder", error))?;
    if owner.uid() != ROOT {
        return Ok(());
    }
    let (user, group) = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
        .ok_or(Error::NoUser)?;
    chown(folder, Some(user), Some(group)).map_err(|error| Error::System("chown", error))?;
    // Root's other groups are dropped along with its id.
    command.uid(user).gid(group);
    Ok(())
}

fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
