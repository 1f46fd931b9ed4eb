"""A Wabee tool behind gRPC: sends JSON, reads every form of answer that is known to exist."""

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import anyio
import anyio.to_thread
import grpc

from trivium.adapters.tools.wabee import protocol
from trivium.adapters.tools.wabee.answers import Answer, ToolFailedError, read_answer
from trivium.core.model.json import JSON, JSONObject

_CONNECT_S = 10.0
_SCHEMA_KEPT_S = 300.0
_RETRY_CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
# Python's names of types, as the published server sends them for simple tools, and those of JSON Schema.
_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "double": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "list": "array",
    "tuple": "array",
    "set": "array",
    "array": "array",
    "dict": "object",
    "object": "object",
}
# `int`, `<class 'int'>`, `typing.Optional[int]`, `list[str]`, `typing.List[str]`, `int | None`.
_PLAIN_TYPE = re.compile(r"(?:typing\.)?(?:Optional\[|<class ')?(?:typing\.)?([A-Za-z]+)(?:\[.*\])?(?: \| None|'>|\])?")
OPEN_SCHEMA: JSONObject = {"type": "object"}


class RemoteTool:
    """One tool at `address` (host:port, plaintext). Only the operator names addresses."""

    def __init__(self, name: str, address: str, *, timeout_s: float = 60.0) -> None:
        self.name = name
        self.address = address
        self.timeout_s = timeout_s
        self._channel: Any = None
        self._schema: tuple[float, str, JSONObject] | None = None

    async def describe(self) -> tuple[str, JSONObject]:
        """Return description and input schema, asked every five minutes; an open schema when it does not tell."""
        if self._schema is None or time.monotonic() - self._schema[0] > _SCHEMA_KEPT_S:
            request = protocol.message("GetToolSchemaRequest")(tool_name=self.name)
            try:
                reply = await self._ask(
                    protocol.GET_SCHEMA, request, reply="ToolSchema", headers={}, timeout_s=_CONNECT_S
                )
            except ToolFailedError:
                # Asked again soon: the server may just be starting.
                self._schema = (time.monotonic() - _SCHEMA_KEPT_S + 10, "", OPEN_SCHEMA)
            else:
                self._schema = (time.monotonic(), reply.description, schema_of(reply.fields))
        return self._schema[1], self._schema[2]

    async def execute(self, tool_input: JSONObject, headers: Mapping[str, str]) -> Answer:
        """Call it once; ToolFailedError for an error of the tool or of the way to it."""
        request = protocol.message("ExecuteRequest")(tool_name=self.name, json_data=json.dumps(tool_input))
        reply = await self._ask(
            protocol.EXECUTE, request, reply="ExecuteResponse", headers=headers, timeout_s=self.timeout_s
        )
        return read_response(reply)

    async def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await anyio.to_thread.run_sync(self._channel.close)

    async def _ask(self, method: str, request: Any, *, reply: str, headers: Mapping[str, str], timeout_s: float) -> Any:
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.address, options=protocol.CHANNEL_OPTIONS)
        call = self._channel.unary_unary(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=protocol.message(reply).FromString,
        )
        metadata = tuple((name.lower(), value) for name, value in headers.items() if value.isascii())

        def ask() -> Any:
            return call(request, timeout=timeout_s, metadata=metadata)

        try:
            return await anyio.to_thread.run_sync(ask, abandon_on_cancel=True)
        except grpc.RpcError as error:
            code = error.code()
            kind = "retryable" if code in _RETRY_CODES else "internal_error"
            kind = "invalid_input" if code == grpc.StatusCode.INVALID_ARGUMENT else kind
            raise ToolFailedError(kind, f"{code.name}: {error.details() or 'no details'}") from error


def read_response(reply: Any) -> Answer:
    """Return the answer in any of the three forms; ToolFailedError when the reply is an error."""
    if reply.HasField("error") and (reply.error.message or reply.error.type):
        raise ToolFailedError(reply.error.type, reply.error.message)
    match reply.WhichOneof("result"):
        case "json_result":
            return read_answer(_json(reply.json_result))
        case "proto_result":
            return read_answer(_json(reply.proto_result.decode("utf-8", errors="replace")))
        case "structured_result":
            result = reply.structured_result
            return read_answer(
                {
                    "variable_name": result.variable_name,
                    "content": result.content,
                    "local_file_path": result.local_file_path,
                    "metadata": dict(result.metadata),
                    "memory_push": result.memory_push,
                    "images": [{"mime_type": image.mime_type, "data": image.data} for image in result.images],
                    "error": result.error,
                }
            )
        case _:
            return Answer(content="")


def schema_of(fields: Any) -> JSONObject:
    """Return a JSON Schema of the fields a server tells, or an open object.

    Open, when it tells none, or a field of some class: for a simple tool the published server names the parameter of
    the function instead of the fields of its model, so nothing of it can be relied on.
    """
    properties: JSONObject = {}
    required: list[JSON] = []
    for field in fields:
        found = _PLAIN_TYPE.fullmatch(field.type.strip())
        kind = _TYPES.get(found[1].lower()) if found else None
        if kind is None:
            return OPEN_SCHEMA
        properties[field.name] = {"type": kind, **({"description": field.description} if field.description else {})}
        if field.required:
            required.append(field.name)
    return {"type": "object", "properties": properties, "required": required} if properties else OPEN_SCHEMA


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # A plain text is an answer, too.
        return text
