"""Our client reads what their server sends, their client reads what our server sends."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from wabee.rpc.client import ToolServiceClient

from trivium.adapters.tools.wabee import protocol
from trivium.adapters.tools.wabee.answers import ToolFailedError, to_result
from trivium.adapters.tools.wabee.loader import LoadedTool
from trivium.adapters.tools.wabee.remote import OPEN_SCHEMA, RemoteTool, read_response
from trivium.adapters.tools.wabee.sdk import StructuredToolResponse, ToolError, ToolErrorType
from trivium.adapters.tools.wabee.serving import ToolServer

pytestmark = pytest.mark.server


async def _echo(**values: Any) -> Any:
    match values.get("how"):
        case "fail":
            return None, ToolError(type=ToolErrorType.RETRYABLE, message="later")
        case "raise":
            raise ValueError("bad value")
        case "final":
            return StructuredToolResponse(variable_name="v", content="the end", is_final_answer=True), None
        case _:
            return {"got": values}, None


ECHO = LoadedTool(
    name="Echo",
    description="Says it again",
    input_schema={
        "type": "object",
        "properties": {"how": {"type": "string", "description": "What to do"}, "n": {"type": "integer"}},
        "required": ["how"],
    },
    call=_echo,
)


@pytest.fixture
def ours() -> Iterator[str]:
    server = ToolServer([ECHO], address="127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{server.port}"
    server.stop(grace_s=0)


async def test_our_client_and_our_server_understand_each_other(ours: str) -> None:
    tool = RemoteTool("Echo", ours)
    description, schema = await tool.describe()
    assert (description, schema) == ("Says it again", ECHO.input_schema)
    assert (await tool.execute({"how": "x", "n": 1}, {})).content == '{"got": {"how": "x", "n": 1}}'
    assert to_result(await tool.execute({"how": "final"}, {})).ends_run
    for how, kind, message in (("fail", "retryable", "later"), ("raise", "execution_error", "bad value")):
        with pytest.raises(ToolFailedError, match=message) as raised:
            await tool.execute({"how": how}, {})
        assert raised.value.kind == kind
    await tool.close()


async def test_unknown_tools_and_bad_input_have_their_grpc_status(ours: str) -> None:
    with pytest.raises(ToolFailedError, match="NOT_FOUND"):
        await RemoteTool("Other", ours).execute({}, {})
    with grpc.insecure_channel(ours) as channel:
        call = channel.unary_unary(protocol.EXECUTE)
        for data in (b"{", b"[1]"):
            request = protocol.message("ExecuteRequest")(tool_name="Echo", json_data=data.decode())
            with pytest.raises(grpc.RpcError) as raised:
                call(request.SerializeToString(), timeout=5)
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_server_that_is_away_is_worth_another_try() -> None:
    tool = RemoteTool("Echo", "127.0.0.1:1", timeout_s=5)
    with pytest.raises(ToolFailedError) as raised:
        await tool.execute({}, {})
    assert raised.value.kind == "retryable"
    assert await tool.describe() == ("", OPEN_SCHEMA)


@pytest.mark.parametrize("use_json", [True, False])
async def test_the_published_client_reads_our_server(ours: str, use_json: bool) -> None:
    host, port = ours.split(":")
    async with ToolServiceClient(host, int(port), use_json=use_json) as client:
        result, error = await client.execute("Echo", {"how": "final"})
        assert error is None
        assert result is not None
        assert (result.content, result.is_final_answer) == ("the end", True)
        assert await client.execute("Echo", {"how": "fail"}) == (None, {"type": "retryable", "message": "later"})
        schema = await client.get_tool_schema("Echo")
        assert [field["name"] for field in schema["fields"]] == ["how", "n"]


@pytest.fixture(scope="module")
def theirs() -> Iterator[str]:
    script = Path(__file__).with_name("published_server.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


async def test_our_client_reads_the_published_server(theirs: str) -> None:
    tool = RemoteTool("Complete", theirs)
    description, schema = await tool.describe()
    assert (description, schema["required"]) == ("Does it", ["how"])
    answer = await tool.execute({"how": "filled"}, {})
    assert (answer.content, answer.local_file_path, answer.metadata) == ("all well", "f", {"a": "b"})
    assert to_result(answer).memory == "all well"
    with pytest.raises(ToolFailedError, match="later") as raised:
        await tool.execute({"how": "retryable"}, {})
    assert raised.value.kind == "retryable"


async def test_what_the_published_server_cannot_send_is_a_plain_failure(theirs: str) -> None:
    for name in ("Complete", "simple"):
        with pytest.raises(ToolFailedError, match="UNKNOWN") as raised:
            await RemoteTool(name, theirs).execute({"how": "x"}, {})
        assert raised.value.kind == "internal_error"
    assert await RemoteTool("simple", theirs).describe() == ("", OPEN_SCHEMA)


def test_every_form_of_answer_is_read() -> None:
    make = protocol.message("ExecuteResponse")
    content = '{"variable_name": "v", "content": "c", "is_final_answer": true}'
    for form in ({"json_result": content}, {"proto_result": content.encode()}):
        answer = read_response(make(**form))
        assert (answer.content, answer.is_final_answer) == ("c", True)
    assert read_response(make(json_result="plain text")).content == "plain text"
    assert read_response(make(json_result="[1]")).content == [1]
    assert read_response(make()).content == ""
    structured = make(
        structured_result={"content": "c", "error": "", "images": [{"mime_type": "image/png", "data": "AA=="}]}
    )
    result = to_result(read_response(structured))
    assert (result.is_error, result.images) == (False, (("image/png", b"\x00"),))
    with pytest.raises(ToolFailedError) as raised:
        read_response(make(error={"type": "ToolErrorType.INVALID_INPUT", "message": "no"}))
    assert raised.value.kind == "invalid_input"
