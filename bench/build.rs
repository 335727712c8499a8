//! Generates the peer that protojson is measured against: the API's messages by prost, with pbjson's JSON for them.

use std::path::PathBuf;

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../proto");
    let files = protox::compile(["postern/v1/job_service.proto"], ["../proto"])?;
    #[allow(
        clippy::disallowed_methods,
        reason = "where cargo tells a build script to write"
    )]
    let out: PathBuf = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?.into();
    pbjson_build::Builder::new()
        .register_descriptors(&files.encode_to_vec())?
        .out_dir(&out)
        .build(&[".postern", ".google.rpc"])?;
    prost_build::Config::new()
        .out_dir(&out)
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(files)?;
    Ok(())
}
