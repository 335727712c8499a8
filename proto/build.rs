//! Compiles the API with protox (no `protoc`) into Rust code and one descriptor set with all its options.

use std::path::{Path, PathBuf};

use protox::Compiler;

/// Files whose messages and services are ours, or that clients need to read error details.
const FILES: [&str; 9] = [
    "postern/v1/job_service.proto",
    "postern/v1/catalog_service.proto",
    "postern/v1/attachment_service.proto",
    "postern/work/v1/work_service.proto",
    "postern/admin/v1/admin_service.proto",
    "postern/auth/v1/auth.proto",
    "postern/edge/v1/stream.proto",
    "google/api/httpbody.proto",
    "google/rpc/error_details.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=postern");
    println!("cargo:rerun-if-changed=google");
    let mut compiler = Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;

    // protox keeps unknown options as they are; the same set encoded through prost_types would lose `google.api.http`.
    let descriptor_set = compiler.encode_file_descriptor_set();
    #[allow(
        clippy::disallowed_methods,
        reason = "where cargo tells a build script to write"
    )]
    let out: PathBuf = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?.into();
    std::fs::write(out.join("descriptors.binpb"), descriptor_set)?;

    // Comments of the .proto are for the API's reference; as rustdoc they would be read as Markdown and doc tests.
    let mut files = compiler.file_descriptor_set();
    for file in &mut files.file {
        file.source_code_info = None;
    }
    // Error details travel as Any, which needs their names.
    let mut config = prost_build::Config::new();
    config.enable_type_names();
    tonic_prost_build::configure()
        .out_dir(Path::new(&out))
        .compile_fds_with_config(files, config)?;
    Ok(())
}
