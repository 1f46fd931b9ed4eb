"""Serves tools over the gRPC service, in the one form that every released client reads."""

import asyncio
import json
import threading
from collections.abc import Coroutine, Mapping, Sequence
from concurrent import futures
from typing import Any, TypeVar

import grpc

from trivium.adapters.tools.wabee import protocol
from trivium.adapters.tools.wabee.answers import ToolFailedError, read_answer, to_wire
from trivium.adapters.tools.wabee.loader import LoadedTool
from trivium.adapters.tools.wabee.local import answer_of

R = TypeVar("R")
_TIMEOUT_S = 300.0
_THREADS = 16


class ToolServer:
    """Serves these tools until `stop`; plaintext, so bind it to loopback or a network of your own."""

    def __init__(self, tools: Sequence[LoadedTool], *, address: str = "127.0.0.1:50051") -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wabee-tools", daemon=True)
        self._server = grpc.server(
            futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="wabee-grpc"), options=protocol.CHANNEL_OPTIONS
        )
        handlers = {
            "Execute": _handler(self._execute, "ExecuteRequest"),
            "GetToolSchema": _handler(self._schema, "GetToolSchemaRequest"),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(protocol.SERVICE, handlers),))
        self.port = self._server.add_insecure_port(address)

    def start(self) -> None:
        """Begin to answer; returns at once."""
        self._thread.start()
        self._server.start()

    def wait(self) -> None:
        """Return when the server has been stopped."""
        self._server.wait_for_termination()

    def stop(self, *, grace_s: float = 5.0) -> None:
        """Take no more calls, let the running ones end within `grace_s`. Blocking."""
        self._server.stop(grace_s).wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _execute(self, request: Any, context: Any) -> Any:
        tool = self._tool(request.tool_name, context)
        raw = request.json_data if request.WhichOneof("input") == "json_data" else request.proto_data
        try:
            values = json.loads(raw or "{}")
        except ValueError:
            values = None
        if not isinstance(values, dict):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The input is no JSON object.")
        headers = {key: value for key, value in context.invocation_metadata() if key.startswith("stix")}
        response = protocol.message("ExecuteResponse")()
        try:
            answer = self._run(answer_of(tool, values, headers))
        except ToolFailedError as error:
            response.error.type, response.error.message = error.kind, error.message
            return response
        response.json_result = json.dumps(to_wire(read_answer(answer)))
        return response

    def _schema(self, request: Any, context: Any) -> Any:
        tool = self._tool(request.tool_name, context)
        reply = protocol.message("ToolSchema")(tool_name=tool.name, description=tool.description)
        properties = tool.input_schema.get("properties")
        required = tool.input_schema.get("required")
        for name, schema in (properties if isinstance(properties, dict) else {}).items():
            known: Mapping[str, Any] = schema if isinstance(schema, dict) else {}
            reply.fields.add(
                name=name,
                type=str(known.get("type", "object")),
                required=isinstance(required, list) and name in required,
                description=str(known.get("description", "")),
            )
        return reply

    def _tool(self, name: str, context: Any) -> LoadedTool:
        tool = self._tools.get(name)
        if tool is None:
            # Raises.
            context.abort(grpc.StatusCode.NOT_FOUND, f"There is no tool {name!r}.")
            raise KeyError(name)
        return tool

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(_TIMEOUT_S)
        except futures.TimeoutError as error:
            future.cancel()
            raise ToolFailedError("retryable", f"The tool did not answer within {_TIMEOUT_S:g} s.") from error


def _handler(function: Any, request: str) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        function,
        request_deserializer=protocol.message(request).FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
