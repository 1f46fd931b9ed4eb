"""What can be known before anything is written: rights, references, protection, limits."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict

from trivium.core.errors import Conflict, CoreError, InvalidRequest, NotPermitted
from trivium.core.model.access import Principal
from trivium.core.model.config import Op, Plan, Sections
from trivium.core.model.json import JSON, JSONObject
from trivium.core.reconcile.shapes import SHAPES, SHAPES_BY_NAME

_ITEMS_MAX = 5_000
_SERVER_FIELDS = ("linked_servers", "source_server", "mcp_servers")


def may_read(principal: Principal, section: str) -> bool:
    """True when the caller may see this section."""
    return principal.kind == "system" or f"{SHAPES_BY_NAME[section].area}:read" in principal.scopes


def require_agent(principal: Principal, agent_id: str) -> None:
    """Raise NotPermitted unless the caller's credential is for this agent, too."""
    if principal.agent_ids is not None and agent_id not in principal.agent_ids:
        raise NotPermitted(
            "This credential is for other agents.", code="agent_not_allowed", details={"agent_id": agent_id}
        )


def require_sections(principal: Principal, sections: Collection[str], *, is_write: bool) -> None:
    """Raise NotPermitted, naming the first scope that is missing; to write a section includes to read it."""
    for shape in SHAPES:
        if shape.name not in sections or principal.kind == "system":
            continue
        verbs = ("write",) if is_write else ("read", "write")
        if not any(f"{shape.area}:{verb}" in principal.scopes for verb in verbs):
            scope = f"{shape.area}:{verbs[0]}"
            raise NotPermitted(f"This needs the scope {scope}.", code="missing_scope", details={"scope": scope})


def check_size(desired: Sections) -> None:
    """Raise InvalidRequest for more items than a section can have, or text the databases cannot keep."""
    for name, content in desired.items():
        if isinstance(content, list) and len(content) > _ITEMS_MAX:
            raise InvalidRequest(f"{name} has more than {_ITEMS_MAX} items.", details={"section": name})
        if _holds_nul(content):
            raise InvalidRequest(f"{name} holds a character NUL.", details={"section": name})


def _holds_nul(value: JSON) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(name) or _holds_nul(content) for name, content in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def with_server_names(desired: Sections, names_by_id: Mapping[str, str]) -> JSONObject:
    """Return the document with tool servers named where it gave their ids: names can move between agents."""

    def named(value: JSON) -> JSON:
        if isinstance(value, list):
            return [named(entry) for entry in value]
        return names_by_id.get(value, value) if isinstance(value, str) else value

    def item(value: JSON) -> JSON:
        if not isinstance(value, dict):
            return value
        return {name: named(entry) if name in _SERVER_FIELDS else entry for name, entry in value.items()}

    result = dict(desired)
    skills, collections = result.get("skills"), result.get("collections")
    if isinstance(skills, list):
        result["skills"] = [item(skill) for skill in skills]
    if isinstance(collections, dict):
        items = collections.get("collections")
        if isinstance(items, list):
            result["collections"] = {**collections, "collections": [item(one) for one in items]}
    return result


def refusals(plan: Plan, current: Sections) -> dict[tuple[str, str | None], CoreError]:
    """Return the ops that will be refused, by section and key, because of what the whole plan leads to.

    A tool server that is still referred to is not deleted, one that will not exist is not referred to, and what is
    protected now is not deleted by any plan.
    """
    found: dict[tuple[str, str | None], CoreError] = {}
    after = _after(plan, current)
    servers = {str(server["name"]) for server in _items(after.get("mcp_servers"))}
    references = _references(after)
    for op in plan.changes:
        error = _protected(op, current) if op.action == "delete" else None
        if op.action == "delete" and op.section == "mcp_servers" and op.key in references:
            error = error or Conflict(
                f"The tool server {op.key!r} is still used by {references[op.key]}.",
                code="in_use",
                details={"used_by": references[op.key]},
            )
        unknown = sorted(set(_referred(op)) - servers)
        if unknown:
            error = InvalidRequest(
                f"There is no tool server {unknown[0]!r}.", code="unknown_reference", details={"name": unknown[0]}
            )
        if error is not None:
            found[op.section, op.key] = error
    return found


def require_few_deletes(plan: Plan, deletes_max: int | None) -> None:
    """Raise Conflict when the plan deletes more than the caller allows."""
    deletes = plan.count("delete")
    if deletes_max is not None and deletes > deletes_max:
        raise Conflict(
            f"The plan deletes {deletes}, and at most {deletes_max} are allowed.",
            code="too_many_deletes",
            details={"deletes": deletes, "allowed": deletes_max},
        )


def plan_hash(plan: Plan) -> str:
    """Return a hash of what the plan does to what: it changes when the document or the state under it does."""
    text = json.dumps([asdict(op) for op in plan.ops], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_protected(protected: JSON, section: str, key: str | None) -> bool:
    """True when the list of what must not be deleted holds this."""
    entries = protected if isinstance(protected, list) else []
    return any(entry in entries for entry in ((section,) if key is None else (f"{section}/{key}", f"{section}/*")))


def _protected(op: Op, current: Sections) -> CoreError | None:
    agent = current.get("agent")
    protected = agent.get("protected") if isinstance(agent, dict) else None
    if not is_protected(protected, op.section, op.key):
        return None
    return Conflict(f"{op.key!r} is protected from deletion.", code="delete_protected", details={"key": op.key})


def _after(plan: Plan, current: Sections) -> dict[str, JSON]:
    result: dict[str, JSON] = dict(current)
    for shape in SHAPES:
        ops = [op for op in plan.ops if op.section == shape.name]
        if shape.key is None:
            for op in ops:
                result[shape.name] = op.after
        else:
            touched = {op.key for op in ops}
            kept: list[JSON] = [one for one in _items(result.get(shape.name)) if one.get(shape.key) not in touched]
            result[shape.name] = kept + [op.after for op in ops if op.after is not None]
    return result


def _references(sections: Mapping[str, JSON]) -> dict[str, str]:
    """Return who refers to a tool server, by its name."""
    found: dict[str, str] = {}
    for skill in _items(sections.get("skills")):
        for name in _names(skill):
            found.setdefault(name, f"the skill {skill.get('name')!r}")
    collections = sections.get("collections")
    for collection in _items(collections.get("collections") if isinstance(collections, dict) else None):
        for name in _names(collection):
            found.setdefault(name, f"the collection {collection.get('id')!r}")
    return found


def _referred(op: Op) -> list[str]:
    if op.after is None or op.action == "noop":
        return []
    if op.section == "skills":
        return _names(op.after)
    if op.section == "collections":
        return [name for item in _items(op.after.get("collections")) for name in _names(item)]
    return []


def _names(item: JSONObject) -> list[str]:
    found: list[str] = []
    for field in _SERVER_FIELDS:
        value = item.get(field)
        found += [entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, str)]
    return found


def _items(value: JSON) -> list[JSONObject]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
