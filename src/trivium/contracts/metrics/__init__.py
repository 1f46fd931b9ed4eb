"""`GET /metrics` for Prometheus: figures of the whole installation, for whoever holds the operator's token."""

import hmac

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import bearer_or
from trivium.contracts.metrics.text import CONTENT_TYPE, Process, render
from trivium.contracts.routing import Router
from trivium.core.errors import NotAuthenticated
from trivium.core.platform import Platform

__all__ = ["router"]


def router(platform: Platform, *, token: str) -> Router:
    """Return the one route; mount it only where the operator has set a token."""
    routes = Router()
    expected = token.encode()

    async def metrics(request: Request) -> Response:
        if not hmac.compare_digest(bearer_or(request.headers).encode("utf-8", "replace"), expected):
            raise NotAuthenticated("GET /metrics needs the token of the setting `metrics_token`.")
        figures = await platform.observability.figures()
        process = Process(live_runs=platform.run_driver.live_count, store_queue=platform.store.queue_length)
        return Response(render(figures, process), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    routes.add("/metrics", metrics, methods=["GET"])
    return routes
