//! Job types: schema, unique constraints, clocks; loaded and checked at start.
//!
//! Knows nothing of jobs, of where they are kept, or of how they travel. A catalog never changes once it is loaded, and nothing of it
//! comes from outside its own files: a schema that refers to another file or address is refused.

mod backoff;
mod duration;
mod fields;
mod job_type;
mod not_yet;
mod read;
mod schema;
mod source;
mod unique;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use backoff::Backoff;
pub use job_type::{JobType, OnDeadLetter};
pub use schema::{Violation, Violations};
pub use source::Source;
pub use unique::UniqueConstraint;

/// The job types that may be submitted.
#[derive(Debug, Default)]
pub struct Catalog {
    job_types: BTreeMap<String, JobType>,
}

/// Everything that is wrong with a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the catalog has {} fault(s){}", faults.len(), Lines(faults))]
pub struct Error {
    /// In the order of the files.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file's name, or the folder's path where the fault is not in a file.
    pub file: String,
    /// From 1, where the file tells.
    pub line: Option<u64>,
    /// What is wrong, for people.
    pub message: String,
}

impl Catalog {
    /// Reads every job type and checks it, its schema and its examples.
    ///
    /// # Errors
    /// All faults of all files.
    pub fn load(source: &Source) -> Result<Self, Error> {
        let files = source
            .job_type_files()
            .map_err(|fault| Error { faults: vec![fault] })?;
        let mut faults = Vec::new();
        let mut job_types = BTreeMap::new();
        for file in files {
            let Some((name_line, job_type)) = read::read(source, &file, &mut faults) else {
                continue;
            };
            let name = job_type.name().to_owned();
            if job_types.insert(name.clone(), job_type).is_some() {
                faults.push(Fault {
                    file,
                    line: Some(name_line),
                    message: format!("name: {name} is the name of another job type, too"),
                });
            }
        }
        if faults.is_empty() {
            Ok(Self { job_types })
        } else {
            Err(Error { faults })
        }
    }

    /// The job type of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&JobType> {
        self.job_types.get(name)
    }

    /// The queues that job types name for their tasks, each once.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        let queues: BTreeSet<_> = self.iter().filter_map(JobType::queue).collect();
        queues.into_iter()
    }

    /// All job types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &JobType> {
        self.job_types.values()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// Each fault on a line of its own.
struct Lines<'a>(&'a [Fault]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
