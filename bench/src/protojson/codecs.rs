//! The contenders, each as one function from bytes to bytes. All append to a buffer that is kept, as a server would.

use anyhow::ensure;
use postern_protojson::Message;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cases::Case;

/// One contender in one direction.
pub(crate) struct Codec<'a> {
    pub(crate) name: &'static str,
    pub(crate) run: Run<'a>,
}

type Run<'a> = Box<dyn Fn(&mut Vec<u8>) -> anyhow::Result<()> + 'a>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// JSON to wire bytes.
    In,
    /// Wire bytes to JSON.
    Out,
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// Ours and the peers.
pub(crate) struct Codecs<'a> {
    pub(crate) ours: Codec<'a>,
    pub(crate) reflect: Codec<'a>,
    pub(crate) pbjson: Codec<'a>,
}

impl<'a> Codecs<'a> {
    pub(crate) fn new(case: &'a Case, direction: Direction) -> Self {
        let codec = |name, run| Codec { name, run };
        let (ours, reflect) = match direction {
            Direction::In => (ours_in(&case.message, &case.json), reflect_in(case)),
            Direction::Out => (ours_out(&case.message, &case.wire), reflect_out(case)),
        };
        let pbjson = match case.name {
            "job" => pbjson::<generated::postern::v1::Job>(case, direction),
            _ => pbjson::<generated::postern::v1::ListJobsResponse>(case, direction),
        };
        Self {
            ours: codec("protojson", ours),
            reflect: codec("prost-reflect", reflect),
            pbjson: codec("pbjson", pbjson),
        }
    }

    pub(crate) fn all(&self) -> [&Codec<'a>; 3] {
        [&self.ours, &self.reflect, &self.pbjson]
    }
}

/// All of them must do the same work. What they print is read back, as `1.0` and `1` are the same number.
pub(crate) fn check(case: &Case) -> anyhow::Result<()> {
    for codec in Codecs::new(case, Direction::Out).all() {
        let (mut json, mut wire) = (Vec::new(), Vec::new());
        (codec.run)(&mut json)?;
        case.message.to_wire(&json, &mut wire)?;
        ensure!(case.is_message(&wire)?, "{} prints another message", codec.name);
    }
    for codec in Codecs::new(case, Direction::In).all() {
        let mut wire = Vec::new();
        (codec.run)(&mut wire)?;
        ensure!(case.is_message(&wire)?, "{} reads another message", codec.name);
    }
    Ok(())
}

fn ours_in<'a>(message: &'a Message, json: &'a [u8]) -> Run<'a> {
    Box::new(move |out| Ok(message.to_wire(json, out)?))
}

fn ours_out<'a>(message: &'a Message, wire: &'a [u8]) -> Run<'a> {
    Box::new(move |out| Ok(message.to_json(wire, out)?))
}

fn reflect_in(case: &Case) -> Run<'_> {
    Box::new(|out| {
        let mut json = serde_json::Deserializer::from_slice(&case.json);
        let message = DynamicMessage::deserialize(case.descriptor.clone(), &mut json)?;
        json.end()?;
        Ok(message.encode(out)?)
    })
}

fn reflect_out(case: &Case) -> Run<'_> {
    Box::new(|out| {
        let message = DynamicMessage::decode(case.descriptor.clone(), &*case.wire)?;
        Ok(serde_json::to_writer(out, &message)?)
    })
}

fn pbjson<'a, M>(case: &'a Case, direction: Direction) -> Run<'a>
where
    M: prost::Message + Default + Serialize + DeserializeOwned,
{
    match direction {
        Direction::In => Box::new(|out| Ok(serde_json::from_slice::<M>(&case.json)?.encode(out)?)),
        Direction::Out => Box::new(|out| Ok(serde_json::to_writer(out, &M::decode(&*case.wire)?)?)),
    }
}

#[allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code"
)]
mod generated {
    pub mod postern {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/postern.v1.rs"));
            include!(concat!(env!("OUT_DIR"), "/postern.v1.serde.rs"));
        }
    }
    pub mod google {
        pub mod rpc {
            include!(concat!(env!("OUT_DIR"), "/google.rpc.rs"));
            include!(concat!(env!("OUT_DIR"), "/google.rpc.serde.rs"));
        }
    }
}
