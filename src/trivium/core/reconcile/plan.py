"""The difference between two configurations, as a pure function."""

from collections.abc import Mapping

from trivium.core.errors import InvalidRequest
from trivium.core.model.config import Op, Plan, Sections
from trivium.core.model.json import JSON, JSONObject
from trivium.core.reconcile.shapes import SHAPES, SHAPES_BY_NAME, SectionShape


def make_plan(current: Sections, desired: Sections, *, prune: bool = True) -> Plan:
    """Return the ops that turn `current` into `desired`; the same for any order of the items in a list section.

    A section that `desired` leaves out (or has as None) is not touched. The top-level field is the unit: present
    replaces, None clears, absent stays. With `prune` what a list section leaves out is deleted, otherwise it has no op.
    Raises InvalidRequest naming the place (`details`: section, index, field) when an identity is missing or doubled.
    """
    ops: list[Op] = []
    for shape in SHAPES:
        wanted = desired.get(shape.name)
        if wanted is None:
            continue
        if shape.key is None:
            ops.append(_singleton_op(shape, current, wanted))
        else:
            ops += list_ops(shape, current, wanted, prune=prune)
    return Plan(ops=tuple(ops))


def running_order(plan: Plan) -> tuple[Op, ...]:
    """Return the ops as they are run: singletons and writes as in the plan, then deletes from its end to its start.

    What is referred to is so deleted after what refers to it.
    """
    kept = [op for op in plan.ops if op.action != "delete"]
    return (*kept, *reversed([op for op in plan.ops if op.action == "delete"]))


def as_whole(current: Sections, wanted: Sections) -> JSONObject:
    """Return `wanted` as a description of everything: what `current` has and it leaves out is cleared."""
    return {name: _whole(SHAPES_BY_NAME[name], current.get(name), content) for name, content in wanted.items()}


def _whole(shape: SectionShape, current: JSON, wanted: JSON) -> JSON:
    if isinstance(wanted, dict) and isinstance(current, dict):
        return {**{name: None for name in current if name not in wanted}, **wanted}
    if isinstance(wanted, list) and isinstance(current, list):
        befores = {item.get(shape.key or ""): item for item in current if isinstance(item, dict)}
        return [
            _whole(shape, befores.get(item.get(shape.key or "")), item) for item in wanted if isinstance(item, dict)
        ]
    return wanted


def same(left: JSON, right: JSON) -> bool:
    """True when two values are the same JSON: order of keys and null fields aside, 1 equals 1.0, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return all(same(left.get(name), right.get(name)) for name in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def _singleton_op(shape: SectionShape, current: Sections, wanted: JSON) -> Op:
    place = {"section": shape.name}
    before = _as_object(current.get(shape.name) or shape.defaults, place)
    return _update_op(shape, None, before, _merged(shape, before, _as_object(wanted, place)))


def list_ops(shape: SectionShape, current: Sections, wanted: JSON, *, prune: bool) -> list[Op]:
    """Return the ops of one list section, keys in code-point order; see `make_plan`."""
    befores = _by_key(shape, shape.key or "", current.get(shape.name) or [])
    wishes = _by_key(shape, shape.key or "", wanted)
    ops = []
    for key in sorted(befores.keys() | wishes.keys()):
        before, wish = befores.get(key), wishes.get(key)
        if wish is None:
            if prune:
                ops.append(Op(section=shape.name, action="delete", key=key, before=before))
        elif before is None:
            ops.append(Op(section=shape.name, action="create", key=key, after=_merged(shape, shape.defaults, wish)))
        else:
            ops.append(_update_op(shape, key, before, _merged(shape, before, wish)))
    return ops


def _update_op(shape: SectionShape, key: str | None, before: JSONObject, after: JSONObject) -> Op:
    changed = sorted(name for name in before.keys() | after.keys() if not same(before.get(name), after.get(name)))
    if not changed:
        # The stored value stands on both sides, so that a noop is one to the last character.
        return Op(section=shape.name, action="noop", key=key, before=before, after=before)
    return Op(
        section=shape.name,
        action="update",
        key=key,
        before=before,
        after=after,
        changed_fields=tuple(changed),
    )


def _merged(shape: SectionShape, base: JSONObject, wish: JSONObject) -> JSONObject:
    """Return `base` with the fields of `wish` in place of its own, brought to their stored form."""
    result = dict(base)
    for name, value in wish.items():
        if name in shape.read_only:
            continue
        try:
            kept = shape.normalized(name, value)
        except InvalidRequest as error:
            if shape.key is not None:
                error.details["key"] = wish.get(shape.key)
            raise
        if kept is None:
            result.pop(name, None)
        else:
            result[name] = kept
    return result


def _by_key(shape: SectionShape, key_field: str, items: JSON) -> dict[str, JSONObject]:
    if not isinstance(items, list):
        raise InvalidRequest(f"{shape.name} must be a list.", details={"section": shape.name})
    found: dict[str, JSONObject] = {}
    for index, item in enumerate(items):
        place: dict[str, object] = {"section": shape.name, "index": index, "field": key_field}
        checked = _as_object(item, place)
        try:
            key = shape.normalized(key_field, checked.get(key_field))
        except InvalidRequest as error:
            error.details.update(place)
            raise
        if not isinstance(key, str) or not key:
            raise InvalidRequest(f"An item of {shape.name} has no {key_field}.", details=place)
        if key in found:
            raise InvalidRequest(f"{shape.name} names {key!r} twice.", details={**place, "key": key})
        found[key] = checked
    return found


def _as_object(value: JSON, place: Mapping[str, object]) -> JSONObject:
    if not isinstance(value, dict):
        raise InvalidRequest("An object is expected here.", details=place)
    return value
