# Written by `make generate` from ../_async/wisebot_chat.py; edits here are lost.
"""Conversations: as a visitor has them, and as people see them in the inbox."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from trivium_client._generated.client import Resource
from trivium_client._generated.stream import EventStream
from trivium_client._call import Call, path
from trivium_client._errors import NotFound
from trivium_client._model import Items
from trivium_client.models.wisebot import (
    CHAT_READING,
    NEWS_READING,
    ChatEvent,
    ChatMessage,
    ChatSession,
    Decided,
    InboxConversation,
    InboxStatus,
    News,
    StopResult,
)

ConversationStatus: TypeAlias = Literal["unresolved", "escalated", "resolved"]
STREAM_TIMEOUT_S = 120.0
PAGE_SIZE = 50


class Chat(Resource):
    """Visitors' conversations. `thread_id` and `contact_session_id` come from `create_session`."""

    def create_session(
        self,
        external_user_id: str,
        *,
        agent_id: str | None = None,
        name: str | None = None,
        force_new: bool | None = None,
        app_key: str | None = None,
        token: str | None = None,
        email: str | None = None,
    ) -> ChatSession:
        """Begin a conversation with a visitor, or go on with the one there is.

        `app_key`, `token` and `email` (which you vouch for) are for agents that are not open to everybody.
        """
        body = given(
            externalUserId=external_user_id,
            agentId=agent_id,
            name=name,
            forceNew=force_new,
            appKey=app_key,
            token=token,
            email=email,
        )
        return self._transport.fetch(ChatSession, Call(method="POST", path="/api/v1/chat/sessions", body=body))

    def get_session(self, external_user_id: str, *, agent_id: str | None = None) -> ChatSession | None:
        """Return the conversation of a visitor; None when there is none."""
        call = Call(
            method="GET",
            path="/api/v1/chat/sessions",
            params={"externalUserId": external_user_id, "agentId": agent_id},
            unwrap="session",
        )
        try:
            return self._transport.fetch(ChatSession, call)
        except NotFound:
            return None

    def stream(
        self, *, prompt: str, thread_id: str, contact_session_id: str, timeout: float = STREAM_TIMEOUT_S
    ) -> EventStream[ChatEvent]:
        """Ask, and return the answer as it comes; see EventStream. `timeout` is the longest silence.

        A run that waits for a person's `decide` ends its stream without `finish`: read on with `go_on()`.
        """
        body = given(prompt=prompt, threadId=thread_id, contactSessionId=contact_session_id)
        return self._answer("/api/chat/agent", body, timeout)

    def regenerate(
        self, *, thread_id: str, contact_session_id: str, timeout: float = STREAM_TIMEOUT_S
    ) -> EventStream[ChatEvent]:
        """Forget the last answer, and return a new one as it comes."""
        body = given(threadId=thread_id, contactSessionId=contact_session_id)
        return self._answer("/api/v1/chat/regenerate", body, timeout)

    def edit(
        self,
        *,
        thread_id: str,
        contact_session_id: str,
        message_id: str,
        prompt: str,
        timeout: float = STREAM_TIMEOUT_S,
    ) -> EventStream[ChatEvent]:
        """Put a new text in the place of a visitor's message, forget what came after it, and return the answer."""
        body = given(threadId=thread_id, contactSessionId=contact_session_id, messageId=message_id, prompt=prompt)
        return self._answer("/api/v1/chat/edit", body, timeout)

    def watch(
        self, *, thread_id: str, contact_session_id: str, after: int | None = None, timeout: float = STREAM_TIMEOUT_S
    ) -> EventStream[News]:
        """Return what is said, and the status, as it comes: an endless stream, so leave it by its context.

        It begins with the status now; with `after` also with the messages behind that position (0: all of them).
        """
        call = Call(
            method="GET",
            path="/api/v1/chat/events",
            params={"threadId": thread_id, "contactSessionId": contact_session_id, "after": after},
            timeout=timeout,
        )
        return EventStream(self._transport, call, NEWS_READING)

    def messages(self, *, thread_id: str, contact_session_id: str) -> Items[ChatMessage]:
        """Return the last 200 messages of a conversation."""
        params = {"threadId": thread_id, "contactSessionId": contact_session_id}
        call = Call(method="GET", path="/api/v1/chat/messages", params=params, unwrap="messages")
        return self._transport.fetch_items(ChatMessage, call)

    def stop(self, *, thread_id: str, contact_session_id: str) -> StopResult:
        """End the answer that is being made; what was shown stays."""
        body = given(threadId=thread_id, contactSessionId=contact_session_id)
        return self._transport.fetch(StopResult, Call(method="POST", path="/api/v1/chat/stop", body=body))

    def fork(self, *, thread_id: str, contact_session_id: str, message_id: str | None = None) -> ChatSession:
        """Go on in a copy that holds the messages up to one, or all of them."""
        body = given(threadId=thread_id, contactSessionId=contact_session_id, messageId=message_id)
        return self._transport.fetch(ChatSession, Call(method="POST", path="/api/v1/chat/fork", body=body))

    def feedback(
        self,
        *,
        thread_id: str,
        contact_session_id: str,
        message_id: str,
        rating: Literal["up", "down"],
        comment: str | None = None,
    ) -> ChatMessage:
        """Say how good an answer was."""
        body = given(
            threadId=thread_id,
            contactSessionId=contact_session_id,
            messageId=message_id,
            rating=rating,
            comment=comment,
        )
        return self._transport.fetch(ChatMessage, Call(method="POST", path="/api/v1/chat/feedback", body=body))

    def decide(self, run_id: str, approval_id: str, *, approve: bool) -> Decided:
        """Allow or refuse a tool that waits for a person; `run_id` is the stream's, `approval_id` its event's."""
        call = Call(
            method="POST",
            path=path("/api/v1/chat/runs/{}/approvals/{}", run_id, approval_id),
            body={"approved": approve},
        )
        return self._transport.fetch(Decided, call)

    def _answer(self, address: str, body: Mapping[str, object], timeout: float) -> EventStream[ChatEvent]:
        call = Call(method="POST", path=address, body=body, timeout=timeout)
        return EventStream(self._transport, call, CHAT_READING)


class Inbox(Resource):
    """Conversations of all visitors, agents and channels, for people who help."""

    def list(
        self, *, status: ConversationStatus | None = None, limit: int | None = None, before: str | None = None
    ) -> Items[InboxConversation]:
        """Return a page, the last changed first: 50 unless told otherwise, at most 200; `before` is an id."""
        params = {"status": status, "limit": limit, "before": before}
        call = Call(method="GET", path="/api/v1/inbox", params=params, unwrap="conversations")
        return self._transport.fetch_items(InboxConversation, call)

    def iterate(
        self, *, status: ConversationStatus | None = None, page_size: int = PAGE_SIZE
    ) -> Iterator[InboxConversation]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/inbox", params={"status": status}, unwrap="conversations")
        return self._transport.iterate_before(InboxConversation, call, page_size)

    def get(self, conversation_id: str) -> InboxConversation:
        """Return one with its messages; raises NotFound."""
        return self._transport.fetch(
            InboxConversation, Call(method="GET", path=path("/api/v1/inbox/{}", conversation_id))
        )

    def watch(self, conversation_id: str, *, timeout: float = STREAM_TIMEOUT_S) -> EventStream[News]:
        """Return new messages and changes of the status as they come: an endless stream, so leave it by its context.

        It begins with the status now. `timeout` is the longest silence; the server says something every 15 seconds.
        """
        call = Call(method="GET", path=path("/api/v1/inbox/{}/events", conversation_id), timeout=timeout)
        return EventStream(self._transport, call, NEWS_READING)

    def reply(self, conversation_id: str, text: str) -> ChatMessage:
        """Say something to the visitor as a person; the agent is silent from then on."""
        call = Call(method="POST", path=path("/api/v1/inbox/{}/reply", conversation_id), body={"text": text})
        return self._transport.fetch(ChatMessage, call)

    def set_status(self, conversation_id: str, status: ConversationStatus) -> InboxStatus:
        """Escalate it to people, resolve it, or reopen it (unresolved)."""
        call = Call(method="POST", path=path("/api/v1/inbox/{}/status", conversation_id), body={"status": status})
        return self._transport.fetch(InboxStatus, call)

    def hand_back(self, conversation_id: str) -> InboxStatus:
        """Let the agent answer again."""
        return self._transport.fetch(
            InboxStatus, Call(method="POST", path=path("/api/v1/inbox/{}/hand-back", conversation_id))
        )


def given(**fields: object) -> dict[str, object]:
    """Return the fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
