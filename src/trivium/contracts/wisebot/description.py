"""What the OpenAPI document says about each operation: imported only when somebody asks for it."""

from typing import Any, Literal

from trivium.contracts.openapi import FORM_TYPE, FORM_URLENCODED_TYPE, JSON_TYPE, Described, Part, Query
from trivium.contracts.wisebot import (
    shapes,
    shapes_access,
    shapes_chat,
    shapes_flow_config,
    shapes_flows,
    shapes_listening,
)
from trivium.contracts.wisebot.routes_account import KeyBody, LoginBody, WebhookBody, WebhookPatch
from trivium.contracts.wisebot.routes_inbox import ReplyBody, StatusBody
from trivium.contracts.wisebot.routes_listening import ListenerBody, SampleBody
from trivium.contracts.wisebot.routes_playground import TryBody
from trivium.contracts.wisebot.routes_secrets import SecretBody
from trivium.contracts.wisebot.wire_agents import AgentBody, AgentPatch
from trivium.contracts.wisebot.wire_chat import AskBody, FeedbackBody, MessageBody, PairBody, SessionBody
from trivium.contracts.wisebot.wire_flow_config import FlowSetBody
from trivium.contracts.wisebot.wire_flows import FlowBody, RunBody
from trivium.core.model.access import KeyKind
from trivium.core.model.conversations import ConversationStatus
from trivium.core.model.deliveries import DeliveryStatus
from trivium.core.model.runs import RunStatus
from trivium.core.model.workflows import WorkflowRunStatus

_LIMIT = Query(text="How many at most.", type=int)
_PAGE = {"limit": _LIMIT, "before": Query(text="Only those before the one with this id.")}
_PAIR = {
    "threadId": Query(text="The conversation.", is_needed=True),
    "contactSessionId": Query(text="The visitor's right to talk in it.", is_needed=True),
}
_LAST_EVENT = {"Last-Event-ID": "Go on behind this event of an earlier request."}
_ASK = Described(
    events=shapes_chat.ChatStream,
    body=AskBody,
    headers={**_LAST_EVENT, "run-id": "The answer to go on with: this header of its first response."},
)
_CHANGE_FLOW = Described(
    answer=shapes_flows.Flow, body=FlowBody, headers={"If-Match": "Change only this version of the workflow."}
)
_CREATE_FLOW = Described(answer=shapes_flows.FlowWithSecret, status=201, body=FlowBody)
_TIMEOUT = {504: shapes_flows.WorkflowTimeout}

_ACCOUNT = {
    "GET /api/v1/status": Described(answer=shapes.Status),
    "GET /api/v1/activity": Described(answer=shapes.Activity, query={"limit": _LIMIT}),
    "GET /api/v1/api-keys": Described(
        answer=shapes_access.ApiKeyList,
        query={"kind": Query(text="Keys of this kind, with all that is known of them.", type=KeyKind | Literal["all"])},
    ),
    "POST /api/v1/api-keys": Described(answer=shapes_access.ApiKeyCreated, status=201, body=KeyBody),
    "DELETE /api/v1/api-keys/{key_id}": Described(status=204),
    "GET /api/v1/webhooks": Described(answer=shapes.WebhookList),
    "POST /api/v1/webhooks": Described(answer=shapes.WebhookCreated, status=201, body=WebhookBody),
    "PATCH /api/v1/webhooks/{webhook_id}": Described(answer=shapes.Webhook, body=WebhookPatch),
    "DELETE /api/v1/webhooks/{webhook_id}": Described(status=204),
    "POST /api/v1/webhooks/{webhook_id}/test": Described(answer=shapes.WebhookDelivery, status=202),
    "GET /api/v1/webhooks/{webhook_id}/deliveries": Described(answer=shapes.WebhookDeliveryList),
    "POST /api/v1/webhooks/deliveries/{delivery_id}/resend": Described(answer=shapes.WebhookDelivery),
    "POST /api/v1/webhooks/listeners": Described(
        answer=shapes_listening.ListenerOpened, status=201, body=ListenerBody, is_body_needed=False
    ),
    "GET /api/v1/webhooks/listeners/{listener_id}/events": Described(
        events=shapes_listening.ListenerStream, headers=_LAST_EVENT
    ),
    "DELETE /api/v1/webhooks/listeners/{listener_id}": Described(status=204),
    "POST /api/v1/webhooks/trigger": Described(answer=shapes_listening.Triggered, status=202, body=SampleBody),
    "POST /api/auth/login": Described(answer=shapes_access.Token, body=LoginBody, is_open=True),
}
_DEVICE: dict[str, Any] = {
    "body_types": (FORM_URLENCODED_TYPE, JSON_TYPE),
    "failure": shapes_access.DeviceError,
    "is_open": True,
}
_SIGN_IN = {
    "POST /api/auth/device": Described(answer=shapes_access.DeviceCodes, body=shapes_access.DeviceAskBody, **_DEVICE),
    "POST /api/auth/device/token": Described(
        answer=shapes_access.DeviceToken, body=shapes_access.DevicePollBody, **_DEVICE
    ),
    "GET /api/v1/device/{user_code}": Described(answer=shapes_access.DeviceRequest),
    "POST /api/v1/device/{user_code}": Described(
        answer=shapes_access.DeviceRequest, body=shapes_access.DeviceDecisionBody
    ),
    "GET /api/v1/me": Described(answer=shapes_access.Me),
    "POST /api/auth/logout": Described(answer=shapes_access.LoggedOut),
}
_FLOWS = {
    "POST /api/v1/flow/{flow_id}": Described(
        answer=shapes_flows.WorkflowResult, also=_TIMEOUT, body=RunBody, is_body_needed=False
    ),
    "POST /workflows/trigger": Described(
        answer=shapes_flows.WorkflowResult,
        also={202: shapes_flows.WorkflowStarted, **_TIMEOUT},
        body=shapes_flows.TriggerBody,
        is_body_needed=False,
        query={
            "workflowId": Query(text="The workflow.", is_needed=True),
            "wait": Query(text="`false` answers at once.", type=bool),
        },
    ),
    "GET /api/v1/flows": Described(answer=shapes_flows.FlowList, query=_PAGE),
    "POST /api/v1/flows": _CREATE_FLOW,
    "POST /api/v1/flows/import": _CREATE_FLOW,
    "GET /api/v1/flows/config": Described(
        answer=shapes_flow_config.FlowSet, failure=shapes_flow_config.FlowConfigError
    ),
    "POST /api/v1/flows/apply": Described(
        answer=shapes_flow_config.FlowApply,
        also={422: shapes_flow_config.FlowApply},
        body=FlowSetBody,
        query={"dryRun": Query(text="`true` plans and writes nothing.", type=bool)},
        headers={
            "If-Match": "Apply only to this state: the `ETag` of an export, the `Base-ETag` of a plan.",
            "Plan-Hash": "Apply only if the plan is still this one.",
            "Max-Deletes": "Refuse a plan that deletes more.",
        },
        failure=shapes_flow_config.FlowConfigError,
    ),
    "GET /api/v1/flows/drift": Described(
        answer=shapes_flow_config.FlowDrift, failure=shapes_flow_config.FlowConfigError
    ),
    "GET /api/v1/flows/{flow_id}": Described(answer=shapes_flows.Flow),
    "PUT /api/v1/flows/{flow_id}": _CHANGE_FLOW,
    "PATCH /api/v1/flows/{flow_id}": _CHANGE_FLOW,
    "DELETE /api/v1/flows/{flow_id}": Described(status=204),
    "GET /api/v1/flows/{flow_id}/export": Described(answer=shapes_flows.FlowExport),
    "GET /api/v1/flows/{flow_id}/versions": Described(answer=shapes_flows.FlowVersionList),
    "POST /api/v1/flows/{flow_id}/secret": Described(answer=shapes_flows.FlowWithSecret),
    "GET /api/v1/flows/{flow_id}/runs": Described(answer=shapes_flows.FlowRunList, query=_PAGE),
    "POST /api/v1/flows/{flow_id}/runs": Described(
        answer=shapes_flows.WorkflowStarted, status=202, body=RunBody, is_body_needed=False
    ),
    "GET /api/v1/runs": Described(
        answer=shapes_flows.FlowRunList,
        query={**_PAGE, "status": Query(text="Only with this status.", type=WorkflowRunStatus)},
    ),
    "GET /api/v1/runs/{run_id}": Described(answer=shapes_flows.FlowRunDetail),
    "POST /api/v1/runs/{run_id}/cancel": Described(answer=shapes_flows.FlowRun),
    "POST /api/v1/runs/{run_id}/rerun": Described(
        answer=shapes_flows.FlowRun, status=202, body=shapes_flows.RerunBody, is_body_needed=False
    ),
    "POST /api/v1/runs/{run_id}/steps/{step_key}/answer": Described(
        answer=shapes_flows.FlowRun, status=202, body=shapes_flows.FormAnswerBody
    ),
    "GET /api/v1/forms": Described(
        answer=shapes_flows.FormList, query={"runId": Query(text="Only those of this run.")}
    ),
}
_CHAT = {
    "POST /api/v1/chat/sessions": Described(answer=shapes_chat.ChatSession, body=SessionBody),
    "GET /api/v1/chat/sessions": Described(
        answer=shapes_chat.ChatSessionFound,
        query={
            "externalUserId": Query(text="The visitor, as the embedding site knows them.", is_needed=True),
            "agentId": Query(text="Only with this agent."),
        },
    ),
    "POST /api/chat/agent": _ASK,
    "POST /api/v1/chat/agent": _ASK,
    "GET /api/v1/chat/messages": Described(answer=shapes_chat.ChatMessages, query=_PAIR),
    "GET /api/v1/chat/events": Described(
        events=shapes_chat.NewsStream,
        query={**_PAIR, "after": Query(text="Only what came after this position.", type=int)},
        headers=_LAST_EVENT,
    ),
    "POST /api/v1/chat/stop": Described(answer=shapes_chat.StopResult, body=PairBody),
    "POST /api/v1/chat/regenerate": Described(events=shapes_chat.ChatStream, body=PairBody),
    "POST /api/v1/chat/edit": Described(events=shapes_chat.ChatStream, body=MessageBody),
    "POST /api/v1/chat/fork": Described(answer=shapes_chat.ChatSession, status=201, body=MessageBody),
    "POST /api/v1/chat/feedback": Described(answer=shapes_chat.ChatMessage, body=FeedbackBody),
    "POST /api/v1/chat/runs/{run_id}/approvals/{approval_id}": Described(
        answer=shapes_chat.Decided, body=shapes_chat.DecideBody
    ),
}
_AGENTS = {
    "GET /api/v1/agents/{agent_id}/secrets": Described(answer=shapes.ToolSecretList),
    "PUT /api/v1/agents/{agent_id}/secrets/{name}": Described(answer=shapes.ToolSecret, body=SecretBody),
    "DELETE /api/v1/agents/{agent_id}/secrets/{name}": Described(status=204),
    "GET /api/v1/bookings": Described(answer=shapes.BookingList, query=_PAGE),
    "POST /api/v1/bookings/{booking_id}/cancel": Described(answer=shapes.Booking),
    "GET /api/v1/agents": Described(answer=shapes.AgentList),
    "POST /api/v1/agents": Described(answer=shapes.Agent, status=201, body=AgentBody),
    "GET /api/v1/agents/{agent_id}": Described(answer=shapes.AgentDetail),
    "PATCH /api/v1/agents/{agent_id}": Described(answer=shapes.Agent, body=AgentPatch),
    "DELETE /api/v1/agents/{agent_id}": Described(status=204),
    "GET /api/v1/knowledge-files": Described(answer=shapes.KnowledgeFileList, query={"limit": _LIMIT}),
    "POST /api/v1/knowledge-files": Described(
        answer=shapes.UploadedFile, status=201, body=shapes.KnowledgeUpload, body_types=(FORM_TYPE,)
    ),
    "GET /api/v1/knowledge-files/resolve": Described(
        answer=shapes.ResolvedFile, query={"label": Query(text="A file's name or path.", is_needed=True)}
    ),
    "GET /api/v1/knowledge-files/{file_id}": Described(answer=shapes.KnowledgeFile),
    "DELETE /api/v1/knowledge-files/{file_id}": Described(status=204),
    "GET /files/{file_id}/{name}": Described(file_type="*/*"),
}
_DESK = {
    "GET /api/v1/inbox": Described(
        answer=shapes_chat.InboxPage,
        query={**_PAGE, "status": Query(text="Only with this status.", type=ConversationStatus)},
    ),
    "GET /api/v1/inbox/{conversation_id}": Described(answer=shapes_chat.InboxConversationDetail),
    "GET /api/v1/inbox/{conversation_id}/events": Described(events=shapes_chat.NewsStream, headers=_LAST_EVENT),
    "POST /api/v1/inbox/{conversation_id}/reply": Described(answer=shapes_chat.ChatMessage, status=201, body=ReplyBody),
    "POST /api/v1/inbox/{conversation_id}/status": Described(answer=shapes_chat.InboxStatus, body=StatusBody),
    "POST /api/v1/inbox/{conversation_id}/hand-back": Described(answer=shapes_chat.InboxStatus),
    "POST /api/v1/playground/messages": Described(answer=shapes_chat.PlaygroundAccepted, status=202, body=TryBody),
    "GET /api/v1/playground/runs/{run_id}": Described(answer=shapes_chat.PlaygroundRun),
    "GET /api/v1/playground/sessions": Described(answer=shapes_chat.PlaygroundSessionList),
    "GET /api/v1/playground/sessions/{session_id}": Described(answer=shapes_chat.PlaygroundSession),
    "DELETE /api/v1/playground/sessions/{session_id}": Described(status=204),
}
_OPERATIONS = {
    "GET /api/v1/agent-runs": Described(
        answer=shapes_chat.AgentRunList,
        query={
            **_PAGE,
            "status": Query(text="Only with this status.", type=RunStatus),
            "agentId": Query(text="Only of this agent."),
        },
    ),
    "GET /api/v1/agent-runs/{run_id}": Described(answer=shapes_chat.AgentRunDetail),
    "GET /api/v1/agent-runs/{run_id}/events": Described(
        answer=shapes_chat.RunEventList, query={"after": Query(text="Only behind this sequence number.", type=int)}
    ),
    "POST /api/v1/agent-runs/{run_id}/cancel": Described(answer=shapes_chat.AgentRun),
    "POST /api/v1/agent-runs/{run_id}/approvals/{approval_id}": Described(
        answer=shapes_chat.AgentRun, body=shapes_chat.DecideBody
    ),
    "GET /api/v1/deliveries": Described(
        answer=shapes.DeliveryList, query={**_PAGE, "status": Query(text="Only with this status.", type=DeliveryStatus)}
    ),
    "GET /api/v1/deliveries/{delivery_id}": Described(answer=shapes.DeliveryDetail),
    "POST /api/v1/deliveries/{delivery_id}/resend": Described(answer=shapes.Delivery),
}

PART = Part(
    name="wisebot",
    prefixes=("",),
    operations={**_ACCOUNT, **_SIGN_IN, **_FLOWS, **_CHAT, **_AGENTS, **_DESK, **_OPERATIONS},
    failure=shapes.ErrorBody,
    security={"wisebotToken": {"type": "http", "scheme": "bearer"}},
)
