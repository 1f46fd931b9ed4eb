"""What the world may be told of: the types that webhooks and workflows name."""

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
