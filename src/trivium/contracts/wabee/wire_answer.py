"""A finished run as the answer of `/chain`."""

from collections.abc import Iterable, Sequence

from trivium.contracts.wabee.wire_stream import as_text, to_usage
from trivium.core.errors import Conflict, CoreError, InvalidRequest, LimitExceeded, UpstreamFailed
from trivium.core.events import RunCancelled, RunEvent, RunFailed, RunFinished, ToolCalled, ToolReturned
from trivium.core.model.runs import Usage

# What a run may fail with that is about the request or its budget, not about us or a model.
_BUDGET_CODES = frozenset({"step_limit", "tool_call_limit", "token_limit", "cost_limit", "delegation_limit"})
_TIMEOUT_CODES = frozenset({"duration_limit", "model_timeout", "upstream_timeout", "timeout"})
_OURS = frozenset({"internal_error", "store_failed", "tool_interrupted", "too_many_attempts"})


class RunFailure(CoreError):
    """A run that ended without an answer, on its way to an error body: nothing was sent before."""


def to_body(question: str, output: str, steps: Sequence[object], usage: Sequence[Usage]) -> dict[str, object]:
    """Return the documented `body` of an answer."""
    return {"input": question, "output": output, "intermediate_steps": steps, "usage": to_usage(usage)}


def to_answer(body: dict[str, object], *, session_id: str, request_id: str) -> dict[str, object]:
    """Return the union of the documented answer and the three fields the Go client reads."""
    return {"body": body, "output": body["output"], "session_id": session_id, "request_id": request_id}


def to_steps(events: Iterable[RunEvent]) -> list[dict[str, object]]:
    """Return the tools that were used, in the order they were called."""
    steps: dict[str, dict[str, object]] = {}
    for event in events:
        match event:
            case ToolCalled():
                steps[event.call_id] = {
                    "tool": event.tool,
                    "tool_input": event.input,
                    "log": "",
                    "type": "AgentAction",
                }
            case ToolReturned() if event.call_id in steps:
                steps[event.call_id]["log"] = as_text(event.output)
            case _:
                pass
    return list(steps.values())


def to_error(final: RunFailed | RunCancelled, *, session_id: str, request_id: str) -> CoreError:
    """Return the error that a run's failure is for a caller who waited for its answer."""
    details: dict[str, object] = {"session_id": session_id, "request_id": request_id}
    if final.output:
        details["output"] = final.output
    if isinstance(final, RunCancelled):
        return Conflict(final.reason or "The request was cancelled.", code="cancelled", details=details)
    if final.code in _BUDGET_CODES:
        return InvalidRequest(final.message, code="budget_exhausted", details={**details, "reason": final.code})
    if final.code == "budget_exceeded":
        wait_s = final.details.get("reset_s")
        return LimitExceeded(
            final.message,
            code=final.code,
            details={**final.details, **details},
            retry_after_s=float(wait_s) if isinstance(wait_s, int | float) else None,
        )
    if final.code in _OURS:
        return RunFailure(final.message, code=final.code, details=details)
    return UpstreamFailed(final.message, code=final.code, details=details, is_timeout=final.code in _TIMEOUT_CODES)


def is_answer(final: RunEvent) -> bool:
    """True when the run answered."""
    return isinstance(final, RunFinished)
