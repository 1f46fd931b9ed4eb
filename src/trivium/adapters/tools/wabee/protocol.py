"""The messages of the gRPC service, made from our own proto file in a pool of our own."""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from trivium.adapters.tools.wabee._generated.tool_service import DESCRIPTOR

SERVICE = "wabee.tools.ToolService"
EXECUTE = f"/{SERVICE}/Execute"
GET_SCHEMA = f"/{SERVICE}/GetToolSchema"
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
)


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(DESCRIPTOR))
    return pool


@cache
def message(name: str) -> Any:
    """Return the class of a message, such as "ExecuteRequest"."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"wabee.tools.{name}"))
