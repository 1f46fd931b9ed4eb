"""What the world may be told of: the types that webhooks and workflows name."""

from collections.abc import Sequence

from trivium.core.errors import InvalidRequest

_TYPES_MAX = 50

CONVERSATION_CREATED = "conversation.created"
CONVERSATION_STATUS = "conversation.status"
MESSAGE_CREATED = "message.created"
RUN_FINISHED = "run.finished"
WORKFLOW_RUN_FINISHED = "workflow.run.finished"
DOCUMENT_READY = "document.ready"
DOCUMENT_FAILED = "document.failed"
EVENT_TYPES = (
    CONVERSATION_CREATED,
    CONVERSATION_STATUS,
    MESSAGE_CREATED,
    RUN_FINISHED,
    WORKFLOW_RUN_FINISHED,
    DOCUMENT_READY,
    DOCUMENT_FAILED,
)


def is_known(pattern: str) -> bool:
    """True for a type, for `*`, and for `run.*` where types begin so."""
    if pattern.endswith(".*"):
        return any(known.startswith(pattern[:-1]) for known in EVENT_TYPES)
    return pattern == "*" or pattern in EVENT_TYPES


def type_matches(wanted: Sequence[str], event_type: str) -> bool:
    """True when a subscription to these types gets events of this type."""
    return any(
        pattern in ("*", event_type) or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in wanted
    )


def checked_types(wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the types and patterns of a subscription, each once; InvalidRequest for one that does not exist."""
    if not 1 <= len(wanted) <= _TYPES_MAX or not all(0 < len(event) <= 100 for event in wanted):
        raise InvalidRequest("A webhook names 1 to 50 types of event.", code="invalid_events")
    unknown = next((event for event in wanted if not is_known(event)), None)
    if unknown is not None:
        message = f"There is no event {unknown!r}. Events: {', '.join(EVENT_TYPES)}; patterns: *, run.*."
        raise InvalidRequest(message, code="unknown_event", details={"event": unknown})
    return tuple(dict.fromkeys(wanted))
