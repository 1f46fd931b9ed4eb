"""The floor: a bare ASGI proxy that stores nothing, checks nothing and passes bytes on.

python -m bench.floor --port 9200 --model http://127.0.0.1:9100/v1
"""

import argparse
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvicorn

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Floor:
    """`/…streaming` passes the model's stream on; any other path answers with the model's whole text."""

    def __init__(self, model: str) -> None:
        self._url = f"{model}/chat/completions"
        self._client: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._client is None:
            self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if scope["method"] == "GET":
            await _send_whole(send, b"{}")
            return
        is_stream = scope["path"].endswith("streaming")
        asked = {"model": "fake", "messages": json.loads(body)["messages"], "stream": is_stream}
        async with self._client.post(self._url, data=json.dumps(asked)) as answer:
            if is_stream:
                headers = [(b"content-type", b"text/event-stream")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                async for piece in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            else:
                text = json.loads(await answer.read())["choices"][0]["message"]["content"]
                await _send_whole(send, json.dumps({"output": text}).encode())


async def _send_whole(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    uvicorn.run(
        Floor(options.model), port=options.port, log_level="critical", access_log=False, loop="uvloop", http="httptools"
    )


if __name__ == "__main__":
    main()
