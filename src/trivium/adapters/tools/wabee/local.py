"""A Wabee tool in this process, on a thread of its own: a tool that blocks stops no stream."""

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trivium.adapters.tools.wabee import sdk
from trivium.adapters.tools.wabee.answers import Answer, ToolFailedError, read_answer
from trivium.core.model.json import JSONObject

if TYPE_CHECKING:
    from trivium.adapters.tools.wabee.loader import LoadedTool


async def answer_of(tool: "LoadedTool", values: JSONObject, headers: Mapping[str, str]) -> Any:
    """Call a tool and return its result; ToolFailedError for the error of its pair, or whatever it raised."""
    sdk.current_headers.set(headers)
    try:
        answer = await tool.call(**values)
    except Exception as error:
        told = sdk.error_of(error)
        raise ToolFailedError(told.type, told.message) from error
    if not isinstance(answer, tuple) or len(answer) != 2:
        return answer
    result, failure = answer
    if failure is not None:
        raise ToolFailedError(getattr(failure, "type", ""), str(getattr(failure, "message", failure)))
    return result


class ToolThread:
    """The event loop that the tools of this process share; started with the first call."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, tool: "LoadedTool", values: JSONObject, headers: Mapping[str, str]) -> Answer:
        """Call a tool there; cancelling this cancels the call."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="wabee-tools", daemon=True)
            self._thread.start()
        work = asyncio.run_coroutine_threadsafe(answer_of(tool, values, headers), self._loop)
        return read_answer(await asyncio.wrap_future(work))

    async def close(self) -> None:
        """End the thread, once what it runs has come to a pause."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            await asyncio.to_thread(self._thread.join, 5.0)
            # A tool that still blocks keeps its thread, which ends with the process.
            if not self._thread.is_alive():
                self._loop.close()
            self._loop = self._thread = None


class LocalTool:
    """One loaded tool."""

    def __init__(self, tool: "LoadedTool", thread: ToolThread) -> None:
        self.name = tool.name
        self.timeout_s = 60.0
        self._tool = tool
        self._thread = thread

    async def describe(self) -> tuple[str, JSONObject]:
        """Return description and input schema."""
        return self._tool.description, self._tool.input_schema

    async def execute(self, tool_input: JSONObject, headers: Mapping[str, str]) -> Answer:
        """Call it once."""
        return await self._thread.run(self._tool, tool_input, headers)
