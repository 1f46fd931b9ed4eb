"""An agent of Agno over SQLite that takes the same requests; run by its environment's interpreter (see `peers`)."""

import argparse
import json
from collections.abc import AsyncGenerator

import uvicorn
from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai.like import OpenAILike
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

# As many earlier messages as Trivium shows its model: 40.
_HISTORY_RUNS = 20

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--model", required=True)
parser.add_argument("--database", required=True)
options = parser.parse_args()
db = SqliteDb(db_file=options.database)
agent = Agent(
    model=OpenAILike(id="fake", base_url=options.model, api_key="none"),
    db=db,
    add_history_to_context=True,
    num_history_runs=_HISTORY_RUNS,
    telemetry=False,
)


async def chain(request: Request) -> JSONResponse:
    body = await request.json()
    done = await agent.arun(body["messages"][-1]["content"], session_id=request.headers["session-id"])
    return JSONResponse({"output": done.content})


async def stream(request: Request) -> StreamingResponse:
    body = await request.json()

    async def lines() -> AsyncGenerator[str, None]:
        events = agent.arun(body["messages"][-1]["content"], session_id=request.headers["session-id"], stream=True)
        async for event in events:
            if event.event == "RunContent":
                yield f"data: {json.dumps({'token': event.content})}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def ready(request: Request) -> JSONResponse:
    return JSONResponse({})


app = Starlette(
    routes=[
        Route("/", ready),
        Route("/core/v1/chain", chain, methods=["POST"]),
        Route("/core/v1/chain_streaming", stream, methods=["POST"]),
    ]
)
uvicorn.run(app, port=options.port, log_level="critical", access_log=False)
