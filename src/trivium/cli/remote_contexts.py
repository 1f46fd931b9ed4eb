"""Named servers with their keys, kept in a file that only its owner can read."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trivium.cli._output import CONFIGURATION, USAGE, StopError

# What a context may hold, with the other names under which `config set` takes it.
KEYS = {
    "url": ("endpoint", "base-url"),
    "token": ("auth-token",),
    "agent-key": ("api-key",),
    "management-key": (),
    "agent": (),
    "trigger-origin": (),
    "workflow-secret": (),
    "timeout": (),
    "output": (),
    "color": (),
    "stream": (),
    "account": (),
    "organization": (),
}
SECRETS = frozenset({"token", "agent-key", "management-key", "workflow-secret"})
# The environment says the same things, ours first.
VARIABLES = {
    "url": ("TRIVIUM_URL", "WISEBOTAI_BASE_URL", "WABEE_ENDPOINT", "WIZCHAT_BASE_URL"),
    "token": ("TRIVIUM_TOKEN", "WISEBOT_ACCESS_TOKEN", "WISE_KEY", "WISEBOTAI_API_KEY"),
    "agent-key": ("TRIVIUM_AGENT_KEY", "WABEE_API_KEY"),
    "management-key": ("TRIVIUM_MANAGEMENT_KEY", "WIZCHAT_API_KEY"),
    "agent": ("TRIVIUM_AGENT",),
    "trigger-origin": ("WISEBOT_WORKFLOW_TRIGGER_ORIGIN", "WISEBOT_CONVEX_SITE", "CONVEX_SITE_URL"),
    "workflow-secret": ("WISEBOT_WORKFLOW_SECRET",),
    "timeout": ("TRIVIUM_TIMEOUT",),
    "output": ("TRIVIUM_OUTPUT",),
    "color": ("TRIVIUM_COLOR",),
    "stream": ("TRIVIUM_STREAM",),
    "account": (),
    "organization": (),
}


YAML_SUFFIXES = (".yaml", ".yml")
SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "auto": True, "always": True}
SWITCHES |= {"false": False, "no": False, "off": False, "0": False, "never": False}


@dataclass(frozen=True, kw_only=True)
class Contexts:
    """What the file holds."""

    current: str | None = None
    contexts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def contexts_path() -> Path:
    """Return where contexts are kept: TRIVIUM_CONTEXTS, WABEE_CONFIG, else below the user's configuration folder."""
    if given := os.environ.get("TRIVIUM_CONTEXTS") or os.environ.get("WABEE_CONFIG"):
        return Path(given)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "trivium" / "contexts.toml"


def read_contexts() -> Contexts:
    """Return what the file holds, nothing where there is none; raises StopError for one that cannot be read."""
    path = contexts_path()
    try:
        text = path.read_text("utf-8")
        if path.suffix in YAML_SUFFIXES:
            from trivium.cli.wabee_profiles import read_profiles

            current, profiles = read_profiles(text)
            return Contexts(current=current, contexts={name: _ours(values) for name, values in profiles.items()})
        found = tomllib.loads(text)
    except FileNotFoundError:
        return Contexts()
    except (OSError, ValueError) as error:
        raise StopError(f"{path}: {error}", status=CONFIGURATION, code="configuration") from error
    contexts = {
        str(name): {str(key): str(value) for key, value in values.items()}
        for name, values in found.get("contexts", {}).items()
        if isinstance(values, dict)
    }
    name = found.get("current")
    return Contexts(current=name if isinstance(name, str) else None, contexts=contexts)


def write_contexts(contexts: Contexts) -> None:
    """Replace the file whole, readable by its owner alone."""
    import tempfile

    path = contexts_path()
    if path.suffix in YAML_SUFFIXES:
        from trivium.cli.wabee_profiles import profiles_text

        text = profiles_text(contexts.current, contexts.contexts)
    else:
        text = _toml(contexts)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def _ours(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values under our names; what another version of that client has added is left alone."""
    known = {other: key for key, others in KEYS.items() for other in (key, *others)}
    return {known[name]: value for name, value in values.items() if name in known}


def _toml(contexts: Contexts) -> str:
    import json

    lines = [f"current = {json.dumps(contexts.current)}"] if contexts.current else []
    for name, values in sorted(contexts.contexts.items()):
        lines += ["", f"[contexts.{json.dumps(name)}]"]
        lines += [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in sorted(values.items())]
    return "\n".join(lines).strip() + "\n"


def resolved(context: str | None, url: str | None = None) -> dict[str, str]:
    """Return every value that is set: of the context named, else of the environment, else of the current context.

    The secrets of a context are for its own server: where another address is given, they are left out.
    """
    stored = read_contexts()
    if context is not None:
        if context not in stored.contexts:
            known = ", ".join(sorted(stored.contexts)) or "none yet"
            raise StopError(
                f"There is no context {context!r}.",
                hint=f"There are: {known}. Make one: trivium context set {context} url=http://…",
                status=CONFIGURATION,
                code="unknown_context",
            )
        return _for_server(stored.contexts[context], url)
    name = os.environ.get("TRIVIUM_CONTEXT") or os.environ.get("WABEE_PROFILE") or stored.current
    given = {key: found for key, variables in VARIABLES.items() if (found := _first(variables))}
    return {**_for_server(stored.contexts.get(name or "", {}), url or given.get("url")), **given}


def same_server(one: str, other: str) -> bool:
    """Return whether two addresses are the same but for a slash at the end."""
    return one.rstrip("/") == other.rstrip("/")


def _for_server(values: Mapping[str, str], url: str | None) -> dict[str, str]:
    if url is None or same_server(values.get("url", url), url):
        return dict(values)
    return {key: value for key, value in values.items() if key not in SECRETS and key != "account"}


def _first(variables: tuple[str, ...]) -> str | None:
    return next((value for variable in variables if (value := os.environ.get(variable))), None)


def key_named(name: str) -> str:
    """Return our name of a key that may be spelled as another client does; raises StopError."""
    wanted = name.replace("_", "-")
    for key, aliases in KEYS.items():
        if wanted == key or wanted in aliases:
            return key
    raise StopError(f"There is no key {name!r}.", hint=f"There are: {', '.join(KEYS)}.", status=2, code="unknown_key")


def checked(key: str, value: str) -> str:
    """Return a value that a context may hold under a key; raises StopError for one that could not be used later."""
    if key == "timeout":
        seconds_of(value)
    elif key in {"stream", "color"}:
        on_or_off(value, key)
    elif key == "url" and not value.startswith(("http://", "https://")):
        raise StopError(f"{value!r} is no http address.", status=USAGE, code="usage")
    return value


def on_or_off(value: str, key: str) -> bool:
    """Return what a switch says; raises StopError."""
    found = SWITCHES.get(value.strip().lower())
    if found is None:
        raise StopError(f"{key} is true or false, not {value!r}.", status=USAGE, code="usage")
    return found


def seconds_of(value: str) -> float:
    """Return a time in seconds, written as 30, 30s or 2m; raises StopError."""
    text = value.strip().lower()
    factor = 60.0 if text.endswith("m") else 1.0
    try:
        seconds = float(text.rstrip("sm")) * factor
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise StopError(f"timeout is a time in seconds, such as 30 or 2m, not {value!r}.", status=USAGE, code="usage")
    return seconds


def masked(key: str, value: str) -> str:
    """Return a value that may be shown: of a secret only how it begins."""
    if key not in SECRETS:
        return value
    return f"{value[:8]}…" if len(value) > 12 else "…"
