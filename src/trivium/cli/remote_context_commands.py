"""`trivium context`: named servers with their keys; `trivium config` knows the same under Wabee's names."""

from collections.abc import Mapping

from cyclopts import App

from trivium.cli._output import USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_contexts import Contexts, checked, key_named, masked, read_contexts, write_contexts
from trivium.cli.remote_output import say

app = App(name="context", help="Named servers with their keys.")


@app.command(name="list")
@remote
def list_contexts(*, remote: Remote = HERE) -> None:
    """List all contexts.

    Example: `trivium context list`
    """
    stored = read_contexts()
    rows = [
        {
            "name": name,
            "current": name == stored.current,
            **{key: values.get(key) for key in ("url", "account", "organization", "agent")},
        }
        for name, values in sorted(stored.contexts.items())
    ]
    remote.show(rows, "name", "current", "url", "account", "organization", "agent", name="name")


@app.command
@remote
def show(name: str | None = None, /, *, remote: Remote = HERE) -> None:
    """Show a context, the current one unless another is named; secrets only by how they begin.

    Example: `trivium context show staging`
    """
    stored = read_contexts()
    if name is None and stored.current is None:
        raise StopError("There is no current context.", hint="Make one: trivium login", code="unknown_context")
    wanted = _known(stored, name or stored.current or "")
    values = {key: masked(key, value) for key, value in stored.contexts[wanted].items()}
    remote.show({"name": wanted, **values}, name="name")


@app.command
@remote
def use(name: str, /) -> None:
    """Make a context the current one.

    Example: `trivium context use staging`
    """
    stored = read_contexts()
    write_contexts(Contexts(current=_known(stored, name), contexts=stored.contexts))
    say(f"The current context is {name!r}.")


@app.command(name="set")
@remote
def set_values(name: str, /, *pairs: str) -> None:
    """Set values of a context, and make it if there is none: url, token, agent-key, management-key, agent and others.

    Example: `trivium context set staging url=https://agents.example.com management-key=wpk_live_…`
    """
    change(name, dict(_pair(pair) for pair in pairs))


@app.command
@remote
def delete(name: str, /) -> None:
    """Forget a context.

    Example: `trivium context delete staging`
    """
    stored = read_contexts()
    _known(stored, name)
    rest = {other: values for other, values in stored.contexts.items() if other != name}
    write_contexts(Contexts(current=None if stored.current == name else stored.current, contexts=rest))
    say(f"Forgot {name!r}.")


def change(name: str, values: Mapping[str, str]) -> None:
    """Set values of a context; the first one ever made becomes the current one."""
    stored = read_contexts()
    named = {key_named(key): value for key, value in values.items()}
    merged = {**stored.contexts.get(name, {}), **{key: checked(key, value) for key, value in named.items()}}
    write_contexts(Contexts(current=stored.current or name, contexts={**stored.contexts, name: merged}))


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign:
        raise StopError(f"Values are key=value, not {text!r}.", status=USAGE, code="usage")
    return key, value


def _known(stored: Contexts, name: str) -> str:
    if name in stored.contexts:
        return name
    known = ", ".join(sorted(stored.contexts)) or "none yet"
    raise StopError(f"There is no context {name!r}.", hint=f"There are: {known}.", code="unknown_context")
