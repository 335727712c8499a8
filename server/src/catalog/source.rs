//! Where the files of a catalog are: a folder, or a fixed list.
//!
//! Knows names and bytes, nothing of what they mean.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Fault;

/// A schema of a mebibyte would itself be a fault.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Job types of one catalog.
const FILES_MAX: usize = 1_000;

/// The files of a catalog. Those that end in `.yaml` are job types; the others are there to be referred to.
#[derive(Debug, Clone)]
pub enum Source {
    /// A folder. Folders in it, and names that begin with a dot, are left alone.
    Folder(PathBuf),
    /// File names and what the files hold.
    Files(Vec<(String, Vec<u8>)>),
}

impl Source {
    /// The names of the files that are job types, sorted.
    pub(super) fn job_type_files(&self) -> Result<Vec<String>, Fault> {
        let mut names = match self {
            Self::Folder(folder) => {
                names(folder).map_err(|error| self.fault(&format!("cannot be read: {error}")))?
            }
            Self::Files(files) => files.iter().map(|(name, _)| name.clone()).collect(),
        };
        names.retain(|name| name.ends_with(".yaml") || name.ends_with(".yml"));
        names.sort_unstable();
        if let Some(name) = names.iter().find(|name| name.ends_with(".yml")) {
            return Err(self.fault(&format!("{name} would be left out: job types end in .yaml")));
        }
        match names.len() {
            0 => Err(self.fault("has no job type (no file that ends in .yaml)")),
            1..=FILES_MAX => Ok(names),
            count => Err(self.fault(&format!("has {count} job types, {FILES_MAX} at most"))),
        }
    }

    /// What a file holds; the error says why it cannot be had.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        match self {
            Self::Folder(folder) => {
                read_file(&folder.join(name)).map_err(|error| format!("cannot be read: {error}"))
            }
            Self::Files(files) => {
                let file = files.iter().find(|(known, _)| known == name);
                file.map(|(_, bytes)| bytes.clone())
                    .ok_or_else(|| "is not there".to_owned())
            }
        }
    }

    fn fault(&self, message: &str) -> Fault {
        let file = match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Files(_) => "the built-in catalog".to_owned(),
        };
        Fault {
            file,
            line: None,
            message: message.to_owned(),
        }
    }
}

/// A name that can only be that of a file beside the one which mentions it.
pub(super) fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path
            .file_name()
            .and_then(|name| name.to_str())
            .filter(|name| is_file_name(name))
        else {
            continue;
        };
        // Following links: mounted configuration often consists of them.
        if path.is_file() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("more than {FILE_BYTES_MAX} bytes"),
        ));
    }
    Ok(bytes)
}
