"""Spans of runs to an OTLP/HTTP receiver, with OpenTelemetry's own library (the extra `otel`)."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trivium.adapters.telemetry.spans import spans_of
from trivium.core.events import StoredEvent
from trivium.core.model.runs import Run

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

logger = logging.getLogger(__name__)

_SPANS_WAITING_MAX = 8_192
_TIMEOUT_S = 5.0


class OtlpTracer:
    """See `core.ports.tracing.RunTracer`. The library sends batches from a thread of its own; what finds no room in its
    queue of 8,192 spans is dropped.
    """

    def __init__(self, exporter: "SpanExporter", *, version: str, with_content: bool = False) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON

        resource = Resource.create({"service.name": "trivium", "service.version": version})
        self._provider = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                exporter, max_queue_size=_SPANS_WAITING_MAX, max_export_batch_size=512, schedule_delay_millis=1000
            )
        )
        self._tracer = self._provider.get_tracer("trivium", version)
        self._with_content = with_content

    async def export(self, run: Run, events: Sequence[StoredEvent]) -> None:
        """Make the spans of the run and queue them; see the port."""
        await asyncio.to_thread(self._emit, run, events)

    async def aclose(self) -> None:
        """Send what waits, which takes some seconds where nobody answers."""
        await asyncio.to_thread(self._provider.shutdown)

    def _emit(self, run: Run, events: Sequence[StoredEvent]) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context

        made: list[Span] = []
        spans = spans_of(run, events, with_content=self._with_content)
        for span in spans:
            context = Context() if span.parent is None else set_span_in_context(made[span.parent], Context())
            kind = SpanKind.CLIENT if span.kind == "client" else SpanKind.INTERNAL
            one = self._tracer.start_span(
                span.name, context, kind=kind, attributes=span.attributes, start_time=_nanoseconds(span.start)
            )
            if span.error is not None:
                one.set_attribute("error.type", span.error)
                one.set_status(Status(StatusCode.ERROR))
            made.append(one)
        for one, span in zip(reversed(made), reversed(spans), strict=True):
            one.end(_nanoseconds(span.end or span.start))


def open_tracer(endpoint: str, *, version: str, with_content: bool = False) -> OtlpTracer | None:
    """Return the tracer for a receiver's base URL; None, and a warning, where the extra is not installed.

    Headers that a receiver asks for stand in OTEL_EXPORTER_OTLP_HEADERS, which the library reads itself.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        logger.warning("The setting otel_endpoint needs the extra `otel` (trivium[otel]); no spans are sent.")
        return None
    base = endpoint.rstrip("/")
    url = base if base.endswith("/v1/traces") else f"{base}/v1/traces"
    return OtlpTracer(OTLPSpanExporter(endpoint=url, timeout=_TIMEOUT_S), version=version, with_content=with_content)


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000
