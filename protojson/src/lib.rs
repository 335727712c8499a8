//! ProtoJSON text to protobuf wire bytes and back, compiled from descriptors.
