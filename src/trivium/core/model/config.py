"""Desired state: documents, plans and the revisions they leave behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from trivium.core.errors import CoreError
from trivium.core.model.json import JSON, JSONObject

Action = Literal["noop", "create", "update", "delete"]
Cause = Literal["create", "apply", "edit", "rename", "restore", "secrets", "unnoticed"]
RevisionStatus = Literal["applying", "applied", "failed", "interrupted"]

# Section name → its content: an object for a singleton, a list of objects otherwise. An absent section is not managed.
Sections: TypeAlias = Mapping[str, JSON]


@dataclass(frozen=True, kw_only=True)
class Op:
    """One line of a plan. `key` only in list sections; `changed_fields` only in updates, sorted."""

    section: str
    action: Action
    key: str | None = None
    before: JSONObject | None = None
    after: JSONObject | None = None
    changed_fields: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What has to happen, section by section, in an order that depends on nothing but the two documents."""

    ops: tuple[Op, ...] = ()

    @property
    def changes(self) -> tuple[Op, ...]:
        """The ops that do something."""
        return tuple(op for op in self.ops if op.action != "noop")

    def count(self, action: Action) -> int:
        """Return how many ops do this."""
        return sum(1 for op in self.ops if op.action == action)


@dataclass(frozen=True, kw_only=True)
class FailedOp:
    """The op at which an apply stopped, and what its section said."""

    op: Op
    error: CoreError


@dataclass(frozen=True, kw_only=True)
class ApplyResult:
    """What an apply did. `done` are the ops that ran, in the order of their running, noops included.

    `base_version` is the agent's version the plan was made against, `version` the one after it. `sections` is the
    configuration afterwards, None when the agent is gone; a dry run has neither.
    """

    is_dry_run: bool
    plan: Plan
    base_version: int
    version: int
    done: tuple[Op, ...] = ()
    failed: FailedOp | None = None
    sections: Sections | None = None
    has_jwt_secret: bool = False
    revision: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Revision:
    """One write of configuration, numbered from 1 per agent.

    While an apply runs its revision is `applying` and `done_count` moves with every op, in that op's own transaction;
    `interrupted` means that the process ended in between and `done_count` ops are what was done.
    """

    id: str
    organization_id: str
    agent_id: str
    number: int
    created_at: datetime
    cause: Cause
    status: RevisionStatus
    actor_kind: str
    actor_id: str
    actor_name: str
    base_version: int
    version: int
    op_count: int = 0
    done_count: int = 0
    failure: JSONObject | None = None
    note: str = ""
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RevisionDocument:
    """The large part of a revision, same id: the ops it wanted in running order, and all sections after it.

    `secrets` are fingerprints by place. `sections` None: not known yet (the apply still runs).
    """

    id: str
    organization_id: str
    agent_id: str
    ops: tuple[JSONObject, ...] = ()
    sections: JSONObject | None = None
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ConfigLease:
    """Who writes an agent's configuration at the moment; `id` is the agent's."""

    id: str
    organization_id: str
    owner: str
    until: datetime
