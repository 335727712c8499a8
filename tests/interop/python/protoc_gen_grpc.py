"""The part of grpcio-tools that writes services, as a plugin of buf: it comes only inside a protoc of its own.

Reads a CodeGeneratorRequest, answers with a CodeGeneratorResponse (google/protobuf/compiler/plugin.proto).
"""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler import plugin_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc


def main() -> int:
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    response = plugin_pb2.CodeGeneratorResponse()
    response.supported_features = response.FEATURE_PROTO3_OPTIONAL
    with tempfile.TemporaryDirectory(prefix="protoc-gen-grpc-") as folder:
        described = Path(folder, "request.binpb")
        described.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        out = Path(folder, "out")
        out.mkdir()
        arguments = ["protoc", f"--descriptor_set_in={described}", f"--grpc_python_out={out}", *request.file_to_generate]
        if protoc.main(arguments) != 0:
            return 1
        for file in sorted(path for path in out.rglob("*") if path.is_file()):
            response.file.add(name=str(file.relative_to(out)), content=file.read_text())
    sys.stdout.buffer.write(response.SerializeToString())
    return 0


if __name__ == "__main__":
    sys.exit(main())
