"""Statements an agent keeps beyond one conversation."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSONObject

DEFAULT_MODULE = "agent_memory"
Strategy = Literal["naive", "delete", "update"]


@dataclass(frozen=True, kw_only=True)
class Memory:
    """One statement. `module` separates sets of them; `visitor_id` None: for whoever talks to the agent.

    `is_valid` False: a later statement said otherwise, and `text` says so. `vector` is what `embedder` made of it: one
    signed byte per dimension, in base64; empty when there is none.
    """

    id: str
    organization_id: str
    agent_id: str
    module: str
    text: str
    created_at: datetime
    updated_at: datetime
    visitor_id: str | None = None
    is_valid: bool = True
    embedder: str = ""
    vector: str = ""
    metadata: JSONObject = field(default_factory=dict)
