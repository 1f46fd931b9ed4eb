"""Contexts in the form of Wabee's own configuration file: `--config ~/.wabee/config.yaml` works as it stands."""

from collections.abc import Mapping
from io import StringIO

# Ours on the left; the file spells them so.
_NAMES = {"url": "endpoint", "agent-key": "api-key", "token": "auth-token"}


def read_profiles(text: str) -> tuple[str | None, dict[str, dict[str, str]]]:
    """Return the default profile and all of them, as the file spells their keys; `defaults` hold for each.

    Raises ValueError for what is no such file.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(text) or {}
    except YAMLError as error:
        raise ValueError(f"no YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("profiles") or {}, dict):
        raise ValueError("there are no profiles in it")
    defaults = _values(found.get("defaults"))
    profiles = {str(name): {**defaults, **_values(values)} for name, values in (found.get("profiles") or {}).items()}
    current = found.get("default_profile")
    return (current if isinstance(current, str) else None), profiles


def profiles_text(current: str | None, contexts: Mapping[str, Mapping[str, str]]) -> str:
    """Return the file with these profiles, whose keys are ours."""
    from ruamel.yaml import YAML

    profiles = {
        name: {_NAMES.get(key, key): value for key, value in sorted(values.items())}
        for name, values in sorted(contexts.items())
    }
    buffer = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump({"default_profile": current, "profiles": profiles}, buffer)
    return buffer.getvalue()


def _values(found: object) -> dict[str, str]:
    return {
        str(name).replace("_", "-"): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in (found if isinstance(found, dict) else {}).items()
        if value is not None
    }
