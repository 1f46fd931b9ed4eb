"""CloudEvents in and out (section 3.3). Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationInfo, field_validator

from trivium.contracts.http import invalid_fields, validate
from trivium.contracts.wabee.wire import ChainBody
from trivium.contracts.wabee.wire_answer import to_body
from trivium.contracts.wabee.wire_sessions import to_time
from trivium.core.errors import InvalidRequest
from trivium.core.events import RunCancelled, RunEvent, RunFailed
from trivium.core.model.runs import Run

REQUEST_TYPE = "ai.wabee.agent.chain"
RESPONSE_TYPE = "ai.wabee.agent.chain.response"
SOURCE = "/core/v1/chain_async"
EVENT_MEDIA_TYPE = "application/cloudevents+json"
_ATTRIBUTES = ("specversion", "type", "source", "id", "time", "datacontenttype", "subject", "dataschema")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
# What still goes along when an answer is too large for a delivery.
_CUT_CHARS = 200_000


class EventData(ChainBody):
    """The data of an event: a chain request and where its answer goes."""

    callback_url: StrictStr | None = None


class ChainEvent(BaseModel):
    """A CloudEvent 1.0. The fields of a chain request stand in `data`."""

    model_config = ConfigDict(extra="ignore")
    specversion: StrictStr
    type: StrictStr = REQUEST_TYPE
    source: StrictStr = Field(min_length=1, max_length=2_000)
    id: StrictStr = Field(min_length=1, max_length=500)
    time: StrictStr
    datacontenttype: StrictStr | None = None
    data: EventData

    @field_validator("specversion")
    @classmethod
    def _only_1_0(cls, value: str) -> str:
        if value != "1.0":
            raise ValueError("only CloudEvents 1.0 is spoken here")
        return value

    @field_validator("type")
    @classmethod
    def _only_chain(cls, value: str) -> str:
        if value != REQUEST_TYPE:
            raise ValueError(f"only events of type {REQUEST_TYPE} are taken")
        return value

    @field_validator("source")
    @classmethod
    def _a_reference(cls, value: str, info: ValidationInfo) -> str:
        if not value.isprintable() or " " in value:
            raise ValueError("must be a URI reference")
        urlsplit(value)
        return value

    @field_validator("time")
    @classmethod
    def _a_time(cls, value: str) -> str:
        if not _RFC3339.fullmatch(value):
            raise ValueError("must be a time as RFC 3339 has it")
        datetime.fromisoformat(value.upper())
        return value

    @field_validator("datacontenttype")
    @classmethod
    def _only_json(cls, value: str | None) -> str | None:
        media_type = (value or "application/json").split(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise ValueError("the data must be JSON")
        return value


def is_binary(headers: Mapping[str, str]) -> bool:
    """True when the attributes of the event stand in headers and the body is its data."""
    return "ce-specversion" in headers or "ce-id" in headers


def to_event(headers: Mapping[str, str], body: object) -> ChainEvent:
    """Return the event of a request in structured or binary mode; InvalidRequest names the fields that are wrong."""
    if not is_binary(headers):
        if isinstance(body, list):
            raise invalid_fields([{"field": "body", "message": "one event at a time", "type": "batch"}])
        return validate(ChainEvent, body)
    # The HTTP binding percent-encodes what a header cannot hold.
    attributes = {name: unquote(headers[f"ce-{name}"]) for name in _ATTRIBUTES if f"ce-{name}" in headers}
    return validate(ChainEvent, {**attributes, "data": body})


def to_response(
    run: Run, final: RunEvent, *, event_id: str, request_event_id: str, steps: list[dict[str, object]]
) -> dict[str, object]:
    """Return the event that carries a run's answer, or why there is none, to the callback."""
    failed = final if isinstance(final, RunFailed | RunCancelled) else None
    error = None
    if failed is not None:
        error = failed.message if isinstance(failed, RunFailed) else (failed.reason or "The request was cancelled.")
    return {
        "specversion": "1.0",
        "type": RESPONSE_TYPE,
        "source": SOURCE,
        "id": event_id,
        "time": to_time(run.finished_at),
        "subject": request_event_id,
        "datacontenttype": "application/json",
        "data": {
            "session_id": run.metadata.get("conversation"),
            "request_id": run.request_id,
            "status": "success" if failed is None else "error",
            "error": error,
            "body": to_body(run.input.question, run.output, steps, run.usage),
        },
    }


def cut(response: dict[str, object]) -> dict[str, object]:
    """Return a response that is surely small enough to be delivered: its texts cut, its steps left out."""
    data: dict[str, Any] = dict(response["data"])  # type: ignore[call-overload]
    body = dict(data["body"])
    body |= {"input": body["input"][:_CUT_CHARS], "output": body["output"][:_CUT_CHARS], "intermediate_steps": []}
    return {**response, "data": {**data, "body": body, "is_cut": True}}


def bad_address(reason: str) -> InvalidRequest:
    """Return the 422 for a callback address that cannot be called."""
    return invalid_fields([{"field": "data.callback_url", "message": reason, "type": "url"}])
