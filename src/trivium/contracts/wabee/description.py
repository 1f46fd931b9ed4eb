"""What the OpenAPI document says about each operation: imported only when somebody asks for it."""

from trivium.contracts.openapi import FORM_TYPE, Described, Part, Query
from trivium.contracts.wabee import shapes
from trivium.contracts.wabee.routes_memory import ChangeBody, DeleteBody, ObservationBody, ResetBody
from trivium.contracts.wabee.routes_sub_agents import SubAgentBody
from trivium.contracts.wabee.routes_tools import ExecuteBody
from trivium.contracts.wabee.wire_async import EVENT_MEDIA_TYPE

_NAMES = {
    "session-id": "Name of the conversation; a new one without it.",
    "request-id": "Name of this request; made up without it.",
}
_STREAM = Described(
    events=shapes.ChainStream,
    body=shapes.ChainRequest,
    headers={**_NAMES, "Last-Event-ID": "Go on behind this event of an earlier request."},
)
_EXECUTE = Described(answer=shapes.ToolResult, body=ExecuteBody)
_AS_LIST = {"format": Query(text="`list`: answer a bare array, as the vendor's Go client decodes it.")}
_ACCEPTED = {202: shapes.ChainResult}
_UNHEALTHY = {503: shapes.Health}

OPERATIONS = {
    "POST /chain": Described(answer=shapes.ChainResult, also=_ACCEPTED, body=shapes.ChainRequest, headers=_NAMES),
    "POST /chain_streaming": _STREAM,
    "POST /chain_streamming": _STREAM,
    "POST /chain_async": Described(
        answer=shapes.ChainAccepted,
        status=202,
        body=shapes.ChainAsyncRequest,
        body_types=("application/json", EVENT_MEDIA_TYPE),
    ),
    "GET /metadata": Described(answer=shapes.AgentInfo),
    "GET /health": Described(answer=shapes.Health, also=_UNHEALTHY, is_open=True),
    "GET /tools": Described(answer=shapes.ToolList | list[shapes.Tool], query=_AS_LIST),
    "POST /tool/execute": _EXECUTE,
    "POST /tools/execute": _EXECUTE,
    "GET /chain/sub_agents": Described(answer=shapes.SubAgentList),
    "POST /chain/sub_agents": Described(answer=shapes.SubAgentCreated, status=201, body=SubAgentBody),
    "GET /chain/sub_agents/{sub_agent_id}": Described(answer=shapes.SubAgentCreated),
    "DELETE /chain/sub_agents/{sub_agent_id}": Described(status=204),
    "GET /sessions": Described(answer=shapes.SessionPage),
    "GET /sessions/streams/active": Described(answer=list[shapes.Session]),
    "GET /sessions/{session_id}": Described(answer=shapes.SessionDetail),
    "DELETE /sessions/{session_id}": Described(status=204),
    "GET /sessions/{session_id}/trace": Described(answer=shapes.Trace),
    "GET /memory/list": Described(answer=list[shapes.Memory]),
    "GET /memory/search": Described(answer=list[shapes.Memory]),
    "POST /memory/observation": Described(answer=shapes.Observed, body=ObservationBody),
    "POST /memory/delete": Described(answer=shapes.Forgotten, body=DeleteBody),
    "POST /memory/reset": Described(answer=shapes.ModuleForgotten, body=ResetBody),
    "PATCH /memory/{memory_id}": Described(answer=shapes.MemoryChanged, body=ChangeBody),
    "GET /metrics": Described(answer=shapes.Metrics),
    "GET /logs": Described(answer=shapes.LogPage),
    "GET /files": Described(answer=shapes.FileList),
    "POST /files": Described(answer=shapes.AgentFile, status=201, body=shapes.FileUpload, body_types=(FORM_TYPE,)),
    "DELETE /files/{path}": Described(status=204),
}

PART = Part(
    name="wabee",
    prefixes=("/core/v1", "/agents/{agent}/core/v1"),
    operations=OPERATIONS,
    failure=shapes.ErrorBody,
    security={
        "wabeeKey": {"type": "apiKey", "in": "header", "name": "x-wabee-access"},
        "wabeeToken": {"type": "http", "scheme": "bearer"},
    },
    more=(shapes.ChainEvent, shapes.LogEntry),
)
