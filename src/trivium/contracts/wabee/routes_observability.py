"""What the agent's runs add up to, and one by one (section 8)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.core.model.runs import Run, RunStatus, RunTotals
from trivium.core.platform import Platform

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS: dict[RunStatus, str] = {
    "queued": "pending",
    "running": "pending",
    "waiting": "pending",
    "succeeded": "success",
    "failed": "error",
    "cancelled": "cancelled",
}
# To the year 9999: what lies beyond is no date.
Millis = Annotated[int, Field(ge=0, le=253_402_300_799_000)]


class ObservabilityRoutes:
    """`/metrics` and `/logs`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        add, tag = router.add, "Observability"
        add("/metrics", self.metrics, methods=["GET"], tags=[tag], summary="Add the agent's runs up")
        add("/logs", self.logs, methods=["GET"], tags=[tag], summary="List the agent's runs")

    async def metrics(self, request: Request) -> Response:
        """Return the totals, at the top level and in `body`: both generations of the contract."""
        caller = await identify(self._platform, request)
        totals = _to_metrics(await self._platform.observability.totals(caller.organization_id, caller.agent_id))
        return json_response({**totals, "body": totals})

    async def logs(
        self,
        request: Request,
        *,
        run_id: str | None = None,
        start_timestamp: Millis = 0,
        end_timestamp: Millis = 0,
        limit: Annotated[int, Field(ge=1, le=1000)] = 10,
        offset: Annotated[int, Field(ge=0, le=2**40)] = 0,
    ) -> Response:
        """Return runs, newest first; `data` is a string that holds a JSON array, as the contract has it."""
        caller = await identify(self._platform, request)
        page = await self._platform.observability.log(
            caller.organization_id,
            caller.agent_id,
            run_id=run_id or None,
            since=_at(start_timestamp),
            until=_at(end_timestamp),
            limit=limit,
            offset=offset,
        )
        data = msgspec.json.encode([_to_entry(run) for run in page.runs]).decode()
        return json_response({"data": data, "total": page.total, "has_more": page.has_more})


def _at(millis: int) -> datetime | None:
    return _EPOCH + timedelta(milliseconds=millis) if millis else None


def _to_metrics(totals: RunTotals) -> dict[str, object]:
    counts: dict[str, int] = {}
    for status, count in totals.count_by_status.items():
        counts[_STATUS[status]] = counts.get(_STATUS[status], 0) + count
    requests = sum(counts.values())
    tokens = totals.input_tokens + totals.output_tokens

    def mean(total: int) -> float:
        return round(total / requests, 6) if requests else 0.0

    return {
        "status_value_counts": counts,
        "total_requests": requests,
        "total_errors": counts.get("error", 0),
        "total_tokens": tokens,
        "mean_tokens": mean(tokens),
        "mean_latency": totals.latency_s_mean or 0.0,
        "max_latency": totals.latency_s_max or 0.0,
        "min_latency": totals.latency_s_min or 0.0,
        "total_prompt_tokens": totals.input_tokens,
        "mean_prompt_tokens": mean(totals.input_tokens),
        "total_completion_tokens": totals.output_tokens,
        "mean_completion_tokens": mean(totals.output_tokens),
    }


def _to_entry(run: Run) -> dict[str, object]:
    prompt = sum(one.input_tokens for one in run.usage)
    completion = sum(one.output_tokens for one in run.usage)
    started, ended = run.started_at or run.created_at, run.finished_at
    return {
        # Neither question nor answer: logs hold no message text.
        "name": "chain",
        "id": run.id,
        "request_id": run.request_id,
        "model": run.model,
        "error": run.error_message,
        "status": _STATUS[run.status],
        "latency": None if ended is None else (ended - started).total_seconds(),
        "end_time": None if ended is None else (ended - _EPOCH) // timedelta(milliseconds=1),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
