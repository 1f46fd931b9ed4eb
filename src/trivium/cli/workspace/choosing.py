"""A part of a document: `--target` and `--exclude`, by section or by section and key."""

from collections.abc import Sequence

from trivium.cli._output import USAGE, StopError
from trivium.cli.workspace.files import SECTIONS
from trivium.cli.workspace.merging import IDENTITIES, Value

LISTS = ("mcpServers", "skills", "domains")


def chosen(
    document: dict[str, Value],
    current: dict[str, Value] | None,
    *,
    target: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> dict[str, Value]:
    """Return a document that touches only what is chosen. What is not chosen is taken from the current state, so
    that nothing is deleted for being left out; `current` is needed where keys are named.
    """
    spec = document.get("spec")
    wanted = dict(spec) if isinstance(spec, dict) else {}
    there = current if current is not None else {}
    for section in SECTIONS:
        targets, excludes = _keys(section, target), _keys(section, exclude)
        is_out = (target and targets is None) or excludes == set()
        if section not in wanted:
            continue
        if is_out:
            del wanted[section]
        elif targets or excludes:
            wanted[section] = _mixed(
                section, wanted[section], there.get(section), (targets or set(), excludes or set())
            )
    return {**document, "spec": wanted}


def needs_current(target: Sequence[str], exclude: Sequence[str]) -> bool:
    """Return whether single keys are named, so that the state of the others must be known."""
    return any("/" in name for name in (*target, *exclude))


def _keys(section: str, names: Sequence[str]) -> set[str] | None:
    """Return the keys of a section that are named: none of them for the whole section, None if it is not named."""
    found: set[str] | None = None
    for name in names:
        head, slash, key = name.partition("/")
        if head not in SECTIONS or (slash and head not in LISTS):
            raise StopError(
                f"{name!r} names no section.",
                hint=f"Sections: {', '.join(SECTIONS)}; items: {', '.join(f'{one}/KEY' for one in LISTS)}.",
                status=USAGE,
                code="usage",
            )
        if head == section:
            if not slash:
                return set()
            found = (found or set()) | {key}
    return found


def _mixed(section: str, wanted: Value, there: Value, choice: tuple[set[str], set[str]]) -> Value:
    identity = IDENTITIES[section]
    targets, excludes = choice
    new, old = _by_key(wanted, identity), _by_key(there, identity)
    names = dict.fromkeys([*new, *old])
    is_chosen = {name: (name in targets or not targets) and name not in excludes for name in names}
    found = {name: (new if is_chosen[name] else old).get(name) for name in names}
    return [item for item in found.values() if item is not None]


def _by_key(items: Value, identity: str) -> dict[str, Value]:
    found = items if isinstance(items, list) else []
    return {str(item.get(identity)): item for item in found if isinstance(item, dict)}
