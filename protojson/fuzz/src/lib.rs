//! The laws that the fuzz targets hold, over the test messages.

pub mod laws;

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

static DESCRIPTOR: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/proto");
    let files = protox::compile(["everything.proto"], [folder]).expect("the file is correct");
    let pool = DescriptorPool::from_file_descriptor_set(files).expect("protox checked the files");
    pool.get_message_by_name("protojson.test.Everything")
        .expect("the message is there")
});
