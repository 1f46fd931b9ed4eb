"""The published package's own server with tools of every kind, on a free loopback port that it prints."""

import asyncio

import grpc
from pydantic import BaseModel
from wabee.rpc.protos import tool_service_pb2_grpc
from wabee.rpc.server import ToolServicer
from wabee.tools.base_model import StructuredToolResponse
from wabee.tools.base_tool import BaseTool
from wabee.tools.simple_tool import simple_tool
from wabee.tools.tool_error import ToolError, ToolErrorType


class Wanted(BaseModel):
    """Input of the tools."""

    how: str
    n: int = 0


class Complete(BaseTool):  # type: ignore[misc]
    """Answers as it is asked to."""

    args_schema = Wanted

    async def execute(self, input_data: Wanted) -> tuple[StructuredToolResponse | None, ToolError | None]:
        """Return the pair."""
        if input_data.how == "retryable":
            return None, ToolError(type=ToolErrorType.RETRYABLE, message="later")
        filled = (
            {"local_file_path": "f", "metadata": {"a": "b"}, "images": [], "error": ""}
            if input_data.how == "filled"
            else {}
        )
        return StructuredToolResponse(variable_name="v", content="all well", memory_push=True, **filled), None


@simple_tool(schema=Wanted)  # type: ignore[untyped-decorator]
async def simple(given: Wanted) -> str:
    """Answer with a plain text."""
    return given.how


async def main() -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    tools = {"Complete": Complete(name="Complete", description="Does it"), "simple": simple}
    tool_service_pb2_grpc.add_ToolServiceServicer_to_server(ToolServicer(tools), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
