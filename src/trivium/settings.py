"""Every setting, its default and where it comes from.

Sources, each stronger than the one before: the defaults below, a TOML file (`trivium.toml` in the data folder, or the
one that `--config` names), `TRIVIUM_*` variables, options of the command line. Read once, at the start.
"""

import dataclasses
import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

PREFIX = "TRIVIUM_"
CONFIG_NAME = "trivium.toml"
# Variables that are not settings: they steer tests and tools, or name the file of the settings.
_OTHER_VARIABLES = ("TRIVIUM_CONFIG", "TRIVIUM_TEST_", "TRIVIUM_FAULT_", "TRIVIUM_BENCH_")
# What the commands that talk to a server read (`cli/remote_contexts.py`); no concern of the server's.
_CLIENT_VARIABLES = frozenset(
    f"TRIVIUM_{name}"
    for name in ("URL TOKEN AGENT_KEY MANAGEMENT_KEY AGENT OUTPUT TIMEOUT COLOR STREAM CONTEXT CONTEXTS".split())
)
_FILE_SIZE_MAX = 1_000_000

MASK = "********"


class SettingsError(Exception):
    """Something in the settings cannot be used; `problems` says what, a line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(
    default: Any, doc: str, *, least: float | None = None, most: float | None = None, secret: bool = False
) -> Any:
    metadata = {"doc": doc, "least": least, "most": most, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process. Durations are seconds (`_s`), sizes bytes; None or 0 means what the text says."""

    # Where it listens and keeps things
    host: str = _setting("127.0.0.1", "Address to listen on. `0.0.0.0` listens on every interface.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.", least=0, most=65_535)
    data: Path = _setting(Path("data"), "Folder with the database, the files, the keys and `trivium.toml`.")  # noqa: RUF009 - a field
    database_url: str = _setting(
        "", "Where the database is. Empty: a SQLite file in the data folder. Otherwise `postgresql://…`.", secret=True
    )
    key_file: Path | None = _setting(None, "File with the root keys. Empty: `secret.keys` in the data folder.")  # noqa: RUF009 - a field
    public_url: str = _setting("", "Address under which others reach this server. Empty: made of host and port.")
    # Language models
    model: str = _setting(
        "", "Default model, `provider/model` or a bare name. Empty: `openai/…` if a base URL is set, else `extractive`."
    )
    model_base_url: str = _setting("", "Base URL of an OpenAI-compatible API, such as `http://127.0.0.1:11434/v1`.")
    model_api_key: str = _setting("", "Key for that API, if it needs one.", secret=True)
    model_fallback_is_error: bool = _setting(
        False, "Fail a run whose agent names a provider that is not set up, instead of using the default model."
    )
    # Runs
    run_steps_max: int = _setting(16, "Model calls in one run, unless the agent says otherwise.", least=1)
    run_tool_calls_max: int = _setting(64, "Tool calls in one run, unless the agent says otherwise.", least=0)
    run_tokens_max: int | None = _setting(None, "Tokens in one run, unless the agent says otherwise.", least=1)
    run_duration_s_max: float | None = _setting(600.0, "Length of one run, unless the agent says otherwise.", least=1)
    run_cost_usd_max: float | None = _setting(
        None, "Cost of one run in US dollars, unless the agent says otherwise.", least=0
    )
    max_active_runs: int = _setting(4_000, "Runs that this process executes at once; more are refused.", least=1)
    conversation_policy: Literal["enqueue", "reject", "interrupt"] = _setting(
        "enqueue", "What a second run on a busy conversation does, for agents made by `trivium admin` and `demo`."
    )
    lease_s: float = _setting(15.0, "How long a run stays with a process that no longer answers.", least=1)
    heartbeat_s: float = _setting(15.0, "Pause between signs of life on a silent stream.", least=0.05)
    shutdown_grace_s: float = _setting(10.0, "How long a stopping server lets runs reach a checkpoint.", least=0)
    # Limits of requests
    body_size_max: int = _setting(33_554_432, "Largest body of a request that is no upload.", least=1_024)
    upload_size_max: int = _setting(52_428_800, "Largest uploaded file.", least=1_024)
    daily_calls_max: int | None = _setting(
        None, "Calls in a day (UTC) with the `wpk_live_` keys of an organization that has no limit of its own.", least=0
    )
    token_lifetime_s: float = _setting(43_200.0, "How long a login to the dashboard lasts.", least=1)
    # Calls to the outside
    outbound_allow: tuple[str, ...] = _setting(
        (), "`host:port` addresses that calls may reach although they are private; a list, with commas in a variable."
    )
    search_url: str = _setting(
        "",
        "Search engine of the tool `web_search`: SearXNG's address with `/search`, or Brave's API. Empty: no such tool."
        " A private address has to stand in `outbound_allow`, too.",
    )
    search_engine: Literal["searxng", "brave"] = _setting("searxng", "What answers at that address.")
    search_api_key: str = _setting("", "Key for the search engine, if it needs one.", secret=True)
    wabee_tools: tuple[str, ...] = _setting(
        (), "Wabee tools: folders of projects, or `Name=host:port` of gRPC servers; a list, with commas in a variable."
    )
    # Browsers
    widget_origins: tuple[str, ...] = _setting(
        (), "Origins of web sites whose visitors may chat without a key (`*`: every one); a list, as above."
    )
    # Logs and figures
    metrics_token: str = _setting(
        "",
        "Token with which Prometheus reads `GET /metrics` (`Authorization: Bearer …`). Empty: not served.",
        secret=True,
    )
    transcriber: str = _setting(
        "",
        "Folder of a speech model for faster-whisper (CTranslate2), which makes recordings searchable. Needs the extra "
        "`audio`. Empty: recordings need subtitles.",
    )
    otel_endpoint: str = _setting(
        "", "OTLP/HTTP receiver that gets a trace of each run, such as `http://127.0.0.1:4318`. Empty: none."
    )
    otel_content: bool = _setting(False, "Put the texts of messages and tools into these traces.")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "How much is logged.")
    log_format: Literal["text", "json"] = _setting("text", "Lines for people or JSON for machines.")
    log_content: bool = _setting(
        False, "Log what errors say, which may quote messages or secrets; otherwise only their kind and place."
    )

    @property
    def database_path(self) -> Path:
        """The SQLite file, when no `database_url` is set."""
        return self.data / "trivium.db"

    @property
    def key_path(self) -> Path:
        """The file with the root keys."""
        return self.key_file or self.data / "secret.keys"

    def base_url(self, port: int | None = None) -> str:
        """Return the address for clients, without a slash at its end; `port` is the real one when 0 was asked for."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104 - named, not bound
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        return f"http://{host}:{self.port if port is None else port}"


FIELDS: dict[str, dataclasses.Field[Any]] = {field.name: field for field in dataclasses.fields(Settings)}
_HINTS = get_type_hints(Settings)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Settings, which source each came from, and what looks like a mistake but does no harm."""

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def load(
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Loaded:
    """Return the settings of all sources; SettingsError names every problem at once, never a secret.

    `options` are those of the command line (None: not given). A file named by `config` or TRIVIUM_CONFIG must exist.
    """
    environ = os.environ if environ is None else environ
    problems: list[str] = []
    warnings: list[str] = []
    values: dict[str, Any] = {}
    sources = dict.fromkeys(FIELDS, "default")

    def take(name: str, raw: object, source: str, label: str) -> None:
        try:
            values[name] = _convert(name, raw)
            sources[name] = source
        except ValueError as error:
            problems.append(f"{label}: {error}")

    from_options = {name: raw for name, raw in (options or {}).items() if raw is not None}
    from_environ = _environment(environ, warnings)
    named = config or (Path(environ["TRIVIUM_CONFIG"]) if environ.get("TRIVIUM_CONFIG") else None)
    folder = Path(str(from_options.get("data") or from_environ.get("data") or FIELDS["data"].default))
    path = named or folder / CONFIG_NAME
    for name, raw in _file(path, is_needed=named is not None, problems=problems).items():
        if name == "data" and named is None:
            problems.append(f"{path}: `data` cannot be set by a file inside the data folder.")
            continue
        take(name, raw, str(path), f"{path}: {name}")
    for name, raw in from_environ.items():
        take(name, raw, PREFIX + name.upper(), PREFIX + name.upper())
    for name, raw in from_options.items():
        take(name, raw, f"--{name.replace('_', '-')}", f"--{name.replace('_', '-')}")
    if problems:
        raise SettingsError(problems)
    return Loaded(settings=Settings(**values), sources=sources, warnings=tuple(warnings))


def _environment(environ: Mapping[str, str], warnings: list[str]) -> dict[str, str]:
    found = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable.startswith(_OTHER_VARIABLES):
            continue
        if variable in _CLIENT_VARIABLES:
            continue
        name = variable[len(PREFIX) :].lower()
        if name in FIELDS:
            found[name] = environ[variable]
        else:
            warnings.append(f"{variable} is no setting and is ignored.{_guess(name, prefix=PREFIX)}")
    return found


def _file(path: Path, *, is_needed: bool, problems: list[str]) -> dict[str, object]:
    if not path.is_file():
        if is_needed:
            problems.append(f"{path}: there is no such file.")
        return {}
    try:
        with path.open("rb") as file:
            content = tomllib.loads(file.read(_FILE_SIZE_MAX).decode())
    except (OSError, ValueError) as error:
        problems.append(f"{path}: not readable as TOML: {error}")
        return {}
    unknown = [name for name in content if name not in FIELDS]
    problems.extend(f"{path}: {name} is no setting.{_guess(name)}" for name in unknown)
    return {name: value for name, value in content.items() if name in FIELDS}


def _guess(name: str, *, prefix: str = "") -> str:
    close = difflib.get_close_matches(name.lower(), FIELDS, n=1)
    if not close:
        return ""
    return f" Did you mean {prefix + close[0].upper() if prefix else close[0]}?"


def _convert(name: str, raw: object) -> object:
    hint = _HINTS[name]
    metadata = FIELDS[name].metadata
    options = [one for one in get_args(hint) if one is not type(None)] if get_origin(hint) is not Literal else []
    is_optional = type(None) in get_args(hint)
    if is_optional and (raw is None or str(raw).strip().lower() in ("", "none")):
        return None
    kind = options[0] if is_optional else hint
    value = _parse(kind, raw, is_secret=metadata["secret"])
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = metadata["least"], metadata["most"]
        if not (least is None or value >= least) or not (most is None or value <= most):
            bounds = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
            raise ValueError(f"must be {bounds}, not {value}.")
    return value


def _parse(kind: Any, raw: object, *, is_secret: bool) -> object:
    shown = MASK if is_secret else repr(raw)
    if get_origin(kind) is Literal:
        value = str(raw).strip().lower()
        if value not in get_args(kind):
            raise ValueError(f"must be one of {', '.join(get_args(kind))}, not {shown}.")
        return value
    if get_origin(kind) is tuple:
        items = raw if isinstance(raw, list | tuple) else str(raw).split(",")
        return tuple(str(item).strip() for item in items if str(item).strip())
    if kind is bool:
        words = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        if str(raw).strip().lower() not in words:
            raise ValueError(f"must be true or false, not {shown}.")
        return words[str(raw).strip().lower()]
    if kind in (int, float):
        return _number(kind, raw, shown)
    if not isinstance(raw, str | Path):
        raise ValueError(f"must be a text, not {shown}.")
    return Path(raw).expanduser() if kind is Path else str(raw).strip()


def _number(kind: type[int] | type[float], raw: object, shown: str) -> int | float:
    word = "a whole number" if kind is int else "a number"
    if isinstance(raw, bool) or not isinstance(raw, str | int | float) or (kind is int and isinstance(raw, float)):
        raise ValueError(f"must be {word}, not {shown}.")
    try:
        value = kind(raw)
    except ValueError:
        raise ValueError(f"must be {word}, not {shown}.") from None
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"must be {word}, not {shown}.")
    return value
