//! The descriptor set of a server, asked from the server itself by `grpc.reflection` (v1, else v1alpha).
//!
//! Knows nothing of routes. Files come as the server has them, options included.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use http_body_util::Full;
use prost::Message as _;
use tokio::time::{Instant, timeout_at};
use tonic::Code;
use tonic::body::Body;

use crate::bind::FRAME_HEADER_BYTES;
use crate::call::{self, Upstream};
use crate::problem::Problem;

/// Both versions have the same messages.
const PATHS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// Time for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// One answer.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Files of a server; more are no API.
const FILES_MAX: usize = 5_000;

/// Why there is no descriptor set.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached, or does not answer.
    #[error("reflection: {code:?}: {text}")]
    Call {
        /// The status of the call.
        code: Code,
        /// What the server or the connection says.
        text: String,
    },
    /// The server answers, but not what was asked.
    #[error("reflection: the server knows nothing of {0}")]
    Unknown(String),
    /// An answer is not what it should be.
    #[error("reflection: an answer cannot be read: {0}")]
    Answer(#[from] prost::DecodeError),
    /// More files than are taken.
    #[error("reflection: the server has more than 5000 files")]
    TooManyFiles,
}

/// The encoded `google.protobuf.FileDescriptorSet` of all services of a server, with all imports.
///
/// # Errors
/// The server cannot be reached, or does not reflect, or not all that it should.
pub async fn descriptor_set<U: Upstream>(upstream: U) -> Result<Bytes, Error> {
    let client = Client::find(upstream).await?;
    let mut files = Files::default();
    for service in &client.services {
        let answer = client.ask(Question::Symbol(service.clone())).await?;
        files.add(answer.files(service)?)?;
    }
    while let Some(name) = files.missing() {
        let answer = client.ask(Question::File(name.clone())).await?;
        files.add(answer.files(&name)?)?;
        if files.missing().as_ref() == Some(&name) {
            return Err(Error::Unknown(name));
        }
    }
    Ok(files.encode())
}

/// A server in the version that it speaks.
struct Client<U> {
    upstream: U,
    path: PathAndQuery,
    services: Vec<String>,
}

/// The files so far, by name.
#[derive(Debug, Default)]
struct Files(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    imports: Vec<String>,
    bytes: Bytes,
}

impl<U: Upstream> Client<U> {
    /// The newest version that the server has.
    async fn find(upstream: U) -> Result<Self, Error> {
        let mut client = Self {
            upstream,
            path: PathAndQuery::from_static(PATHS[0]),
            services: Vec::new(),
        };
        let answer = match client.ask(Question::Services(String::new())).await {
            Err(Error::Call {
                code: Code::Unimplemented,
                ..
            }) => {
                client.path = PathAndQuery::from_static(PATHS[1]);
                client.ask(Question::Services(String::new())).await?
            }
            answer => answer?,
        };
        client.services = match answer.kind {
            Some(Kind::Services(services)) => services.service.into_iter().map(|one| one.name).collect(),
            _ => return Err(Error::Unknown("services".to_owned())),
        };
        Ok(client)
    }

    async fn ask(&self, question: Question) -> Result<Answer, Error> {
        let message = Request {
            question: Some(question),
        };
        let mut frame = vec![0; FRAME_HEADER_BYTES];
        message.encode_raw(&mut frame);
        let bytes = u32::try_from(message.encoded_len()).unwrap_or(u32::MAX);
        frame[1..FRAME_HEADER_BYTES].copy_from_slice(&bytes.to_be_bytes());
        let body = Body::new(Full::new(Bytes::from(frame)));
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let request = call::request(&self.path, HeaderMap::new(), body, Some(deadline));
        let exchange = async {
            let mut answer = call::open(self.upstream.clone(), request, ANSWER_BYTES_MAX).await?;
            answer.frames.next().await.transpose()
        };
        let answer = timeout_at(deadline, exchange).await;
        let message = answer.unwrap_or_else(|_| Err(Problem::deadline_exceeded()))?;
        Ok(Answer::decode(message.unwrap_or_default())?)
    }
}

impl Files {
    fn add(&mut self, files: Vec<Bytes>) -> Result<(), Error> {
        for bytes in files {
            let head = FileHead::decode(bytes.clone())?;
            let imports = head.dependency;
            self.0.insert(head.name, File { imports, bytes });
        }
        match self.0.len() > FILES_MAX {
            true => Err(Error::TooManyFiles),
            false => Ok(()),
        }
    }

    /// A file that is imported and not there.
    fn missing(&self) -> Option<String> {
        let mut imports = self.0.values().flat_map(|file| &file.imports);
        imports.find(|name| !self.0.contains_key(*name)).cloned()
    }

    /// All of them, each behind its imports.
    fn encode(&self) -> Bytes {
        let mut set = FileSet::default();
        let mut written = HashSet::new();
        for name in self.0.keys() {
            self.write(name, &mut written, &mut set);
        }
        set.encode_to_vec().into()
    }

    fn write<'f>(&'f self, name: &'f str, written: &mut HashSet<&'f str>, set: &mut FileSet) {
        // By hand: a chain of imports may be longer than a stack is deep.
        let mut open = vec![(name, 0)];
        while let Some((name, next)) = open.pop() {
            let Some(file) = self.0.get(name) else { continue };
            if next == 0 && !written.insert(name) {
                continue;
            }
            match file.imports.get(next) {
                Some(import) => open.extend([(name, next + 1), (import.as_str(), 0)]),
                None => set.file.push(file.bytes.clone()),
            }
        }
    }
}

impl Answer {
    fn files(self, asked: &str) -> Result<Vec<Bytes>, Error> {
        match self.kind {
            Some(Kind::Files(files)) => Ok(files.file),
            Some(Kind::Services(_) | Kind::Error(_)) | None => Err(Error::Unknown(asked.to_owned())),
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Call {
            code: problem.code(),
            text: problem.text().to_owned(),
        }
    }
}

/// `grpc.reflection.v1.ServerReflectionRequest`, as far as it is used.
#[derive(Clone, PartialEq, prost::Message)]
struct Request {
    #[prost(oneof = "Question", tags = "3, 4, 7")]
    question: Option<Question>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Question {
    #[prost(string, tag = "3")]
    File(String),
    #[prost(string, tag = "4")]
    Symbol(String),
    #[prost(string, tag = "7")]
    Services(String),
}

/// `grpc.reflection.v1.ServerReflectionResponse`, the same.
#[derive(Clone, PartialEq, prost::Message)]
struct Answer {
    #[prost(oneof = "Kind", tags = "4, 6, 7")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "4")]
    Files(FileList),
    #[prost(message, tag = "6")]
    Services(ServiceList),
    #[prost(message, tag = "7")]
    Error(Refusal),
}

#[derive(Clone, PartialEq, prost::Message)]
struct FileList {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ServiceList {
    #[prost(message, repeated, tag = "1")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Refusal {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// `google.protobuf.FileDescriptorSet` of files that stay encoded: decoded and encoded again they would lose their
/// options.
#[derive(Clone, PartialEq, prost::Message)]
struct FileSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    file: Vec<Bytes>,
}

/// What of a `google.protobuf.FileDescriptorProto` tells which files it needs.
#[derive(Clone, PartialEq, prost::Message)]
struct FileHead {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, repeated, tag = "3")]
    dependency: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_behind_its_imports() {
        let mut files = Files::default();
        let imports = [
            ("a", vec!["c", "b"]),
            ("b", vec!["c"]),
            ("c", vec!["d"]),
            ("d", vec![]),
        ];
        for (name, imports) in imports {
            let head = FileHead {
                name: name.to_owned(),
                dependency: imports.into_iter().map(str::to_owned).collect(),
            };
            files.add(vec![head.encode_to_vec().into()]).unwrap();
        }
        assert_eq!(files.missing(), None);
        let set = FileSet::decode(files.encode()).unwrap();
        let names: Vec<_> = set
            .file
            .into_iter()
            .map(|file| FileHead::decode(file).unwrap().name)
            .collect();
        assert_eq!(names, ["d", "c", "b", "a"]);
        files.0.remove("d");
        assert_eq!(files.missing().as_deref(), Some("d"));
    }
}
