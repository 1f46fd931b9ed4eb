"""A visitor's right to talk in a conversation."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class VisitorPass:
    """Given to a browser together with the conversation's id; the pair opens this conversation and nothing else.

    `key_id` is the API key that opened it: what is said with the pass counts for that key.
    `admitted_by` is what opened the agent's gate: "token", "key:ID", or None where there was no gate (services/gate).
    """

    id: str
    organization_id: str
    visitor_id: str
    agent_id: str
    conversation_id: str
    created_at: datetime
    expires_at: datetime
    key_id: str | None = None
    admitted_by: str | None = None
