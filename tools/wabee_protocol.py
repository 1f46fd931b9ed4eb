"""Compiles the protocol of Wabee tools to a descriptor, in the form the adapter loads it."""

import tempfile
import textwrap
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "src/trivium/adapters/tools/wabee"
TARGET = "src/trivium/adapters/tools/wabee/_generated/tool_service.py"
_HEADER = '''"""Written by `make generate` from tool_service.proto; edits here are lost."""

# A serialized FileDescriptorProto. Our own pool loads it, because the published package of Wabee
# registers the same names in the common one.
DESCRIPTOR = bytes.fromhex(
'''


def descriptor_module() -> str:
    """Return the module's text."""
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "set.binpb"
        # `protoc` reads its first argument as the name of the program.
        status = protoc.main(
            ["protoc", f"-I{FOLDER}", f"--descriptor_set_out={target}", str(FOLDER / "tool_service.proto")]
        )
        if status != 0:
            raise RuntimeError("tool_service.proto cannot be compiled")
        descriptor_set = target.read_bytes()
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    (file,) = FileDescriptorSet.FromString(descriptor_set).file
    digits = file.SerializeToString(deterministic=True).hex()
    lines = "".join(f'    "{line}"\n' for line in textwrap.wrap(digits, 100))
    return f"{_HEADER}{lines})\n"
