"""A sample of each event that the world may be told of, with the fields that the real one has."""

from collections.abc import Mapping

from trivium.core.model.json import JSONObject

_CONVERSATION: JSONObject = {
    "conversation_id": "01a1f2c3-0000-7000-8000-000000000001",
    "agent_id": "agt_sample",
    "visitor_id": "vis_sample",
}
_DOCUMENT: JSONObject = {"document_id": "doc_sample", "name": "price-list.csv", "folder": ""}

SAMPLES: Mapping[str, JSONObject] = {
    "conversation.created": {**_CONVERSATION, "status": "unresolved"},
    "conversation.status": {**_CONVERSATION, "status": "escalated", "actor": "agent"},
    "message.created": {
        "message_id": "msg_sample",
        "conversation_id": _CONVERSATION["conversation_id"],
        "role": "user",
        "text": "How long may I return an item?",
    },
    "run.finished": {
        "run_id": "run_sample",
        "agent_id": "agt_sample",
        "conversation_id": _CONVERSATION["conversation_id"],
        "status": "succeeded",
        "output": "You have 30 days.",
    },
    "workflow.run.finished": {
        "run_id": "wfr_sample",
        "workflow_id": "wf_sample",
        "trigger": "api",
        "status": "succeeded",
        "error": None,
    },
    "document.ready": {**_DOCUMENT, "status": "ready", "error": None},
    "document.failed": {**_DOCUMENT, "status": "failed", "error": "Nothing could be read of it."},
}
