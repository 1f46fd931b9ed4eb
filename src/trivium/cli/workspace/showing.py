"""Plans for people: what changes, field by field; and the same as data."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from trivium.cli.remote_output import styled
from trivium.cli.workspace.merging import Path, Value
from trivium.cli.workspace.planning import Planned

if TYPE_CHECKING:
    from trivium_client.models.wizchat import Op

SIGNS = {"create": ("+", "32"), "update": ("~", "33"), "delete": ("-", "31"), "noop": (" ", "2")}
HIDDEN = "(hidden)"
SHORT_MAX = 72
CONTEXT_LINES = 2


def show_plans(plans: Sequence[Planned]) -> None:
    """Print what changes, agent by agent."""
    for planned in plans:
        if planned.has_changes:
            print(styled(f"{planned.agent.name}", "1") + f"  {planned.chatbot_id or 'a new chatbot'}")
            for line in _lines(planned):
                print(f"  {line}")


def summary(plans: Sequence[Planned]) -> dict[str, int]:
    """Return how many things are created, updated and deleted, secrets and new chatbots included."""
    totals = {"create": 0, "update": 0, "delete": 0}
    for planned in plans:
        totals["create"] += planned.chatbot_id is None
        for action in [*(op.action for op in planned.changes), *(one.action for one in planned.changed_secrets)]:
            totals[action] += 1
    return totals


def as_data(planned: Planned) -> dict[str, object]:
    """Return a plan as data, with values that came from the environment masked by their places."""
    ops = []
    for op in planned.changes:
        hidden = _hidden_fields(planned, op)
        ops.append(
            {
                "section": op.section,
                "action": op.action,
                **({"key": op.key} if op.key is not None else {}),
                **({"changedFields": op.changedFields} if op.changedFields is not None else {}),
                "before": _masked(op.before, hidden),
                "after": _masked(op.after, hidden),
            }
        )
    return {
        "agent": planned.agent.name,
        "chatbotId": planned.chatbot_id,
        "hasChanges": planned.has_changes,
        "baseETag": planned.result.base_etag if planned.result else None,
        "ops": ops,
        "secrets": [
            {"place": secret.place, "action": secret.action, "fingerprint": secret.fingerprint}
            for secret in planned.changed_secrets
        ],
    }


def _lines(planned: Planned) -> Iterator[str]:
    if planned.chatbot_id is None:
        spec = planned.document.get("spec")
        yield styled(f"+ chatbot with {', '.join(spec) if isinstance(spec, dict) else 'nothing'}", "32")
    for op in planned.changes:
        yield from op_lines(op, _hidden_fields(planned, op))
    for secret in planned.changed_secrets:
        sign, colour = SIGNS[secret.action]
        mark = f" (fingerprint {secret.fingerprint[:8]}…)" if secret.fingerprint else ""
        yield styled(f"{sign} secret {secret.place}{mark}", colour)


def op_lines(op: "Op", hidden: Mapping[Path, str] | None = None) -> Iterator[str]:
    """Yield one line for the thing that changes, and lines for each of its fields."""
    sign, colour = SIGNS[op.action]
    name = op.section if op.key is None else f"{op.section}/{op.key}"
    yield styled(f"{sign} {name}", colour)
    before = op.before if isinstance(op.before, dict) else {}
    after = op.after if isinstance(op.after, dict) else {}
    if op.action != "update":
        return
    for field in op.changedFields or sorted({*before, *after}):
        old, new = _masked_field(before.get(field), field, hidden), _masked_field(after.get(field), field, hidden)
        if old == new and (old is None or HIDDEN not in str(old)):
            continue
        yield from (f"  {line}" for line in field_lines(field, old, new))


def field_lines(field: str, old: object, new: object) -> Iterator[str]:
    """Yield lines for what changes in a field; of objects each part by its name, of long texts the lines."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                yield from field_lines(f"{field}.{key}", old.get(key), new.get(key))
        return
    if isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        yield f"{field}:"
        for line in list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=CONTEXT_LINES))[2:]:
            colour = {"+": "32", "-": "31", "@": "36"}.get(line[:1])
            yield "  " + (styled(line, colour) if colour else line)
        return
    yield f"{field}: {styled(_short(old), '31')} → {styled(_short(new), '32')}"


def _short(value: object) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHORT_MAX else text[: SHORT_MAX - 1] + "…"


def _hidden_fields(planned: Planned, op: "Op") -> dict[Path, str]:
    """Return the places inside an op whose values came from the environment."""
    found: dict[Path, str] = {}
    for path, variable in planned.agent.hidden.items():
        match path:
            case ("spec", section, *rest) if section == op.section:
                if op.key is None:
                    found[tuple(rest)] = variable
                elif rest and _key_at(planned, str(section), rest[0]) == op.key:
                    found[tuple(rest[1:])] = variable
    return found


def _key_at(planned: Planned, section: str, index: object) -> str | None:
    """Return the identity of the item that stands at this place in the files."""
    spec = planned.agent.document.get("spec")
    items = spec.get(section) if isinstance(spec, dict) else None
    if not isinstance(items, list) or not isinstance(index, int) or index >= len(items):
        return None
    item = items[index]
    if not isinstance(item, dict):
        return None
    return next((str(item[name]) for name in ("name", "domain") if item.get(name)), None)


def _masked_field(value: object, field: str, hidden: Mapping[Path, str] | None) -> object:
    inner = {path[1:]: name for path, name in (hidden or {}).items() if path[:1] == (field,)}
    return _masked(value, inner)


def _masked(value: object, hidden: Mapping[Path, str]) -> object:
    """Return the value with what stands at the hidden places masked: by place, for a text may stand anywhere."""
    if () in hidden and value is not None:
        return f"{HIDDEN} ${{env:{hidden[()]}}}"
    if isinstance(value, dict):
        return {
            key: _masked(item, {path[1:]: name for path, name in hidden.items() if path[:1] == (key,)})
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            _masked(item, {path[1:]: name for path, name in hidden.items() if path[:1] == (index,)})
            for index, item in enumerate(value)
        ]
    return value


__all__ = ["HIDDEN", "SIGNS", "Value", "as_data", "field_lines", "op_lines", "show_plans", "summary"]
