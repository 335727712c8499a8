//! The API of Postern as Rust types, and its descriptor set.
//!
//! Everything here is generated from the `.proto` files beside it, whose comments are the reference. Only the server's
//! `api` room, clients and tests use these types; the edge reads the descriptor set alone.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code; the .proto is the reference"
)]

/// Every file of the API and its imports as one encoded `google.protobuf.FileDescriptorSet`, options and comments included.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

pub mod postern {
    pub mod v1 {
        tonic::include_proto!("postern.v1");
    }
    pub mod work {
        pub mod v1 {
            tonic::include_proto!("postern.work.v1");
        }
    }
    pub mod admin {
        pub mod v1 {
            tonic::include_proto!("postern.admin.v1");
        }
    }
    pub mod auth {
        pub mod v1 {
            tonic::include_proto!("postern.auth.v1");
        }
    }
    pub mod edge {
        pub mod v1 {
            tonic::include_proto!("postern.edge.v1");
        }
    }
}

pub mod google {
    pub mod api {
        tonic::include_proto!("google.api");
    }
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}
