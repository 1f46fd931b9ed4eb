"""The commands of Wabee's client about profiles, on our contexts: init, set, show, use, profile."""

from cyclopts import App

from trivium.cli import remote_context_commands as contexts
from trivium.cli.remote import HERE, LOCAL_URL, Remote, remote
from trivium.cli.remote_contexts import contexts_path, read_contexts
from trivium.cli.remote_output import say

DEFAULT = "default"
profile = App(name="profile", help="Named servers with their keys; the same as trivium context.")


@remote
def init(*, remote: Remote = HERE) -> None:
    """Make a profile with what the options and the environment say.

    Example: `trivium config init --url http://127.0.0.1:8080 --profile default`
    """
    contexts.change(remote.context or DEFAULT, {"url": LOCAL_URL, **remote.settings})
    say(f"Kept in {contexts_path()}.")


@remote
def set_value(key: str, value: str, /, *, remote: Remote = HERE) -> None:
    """Set a value of the profile: endpoint, api-key, auth-token, timeout, output, stream, color.

    Example: `trivium config set endpoint https://agents.example.com`
    """
    contexts.change(remote.context or read_contexts().current or DEFAULT, {key: value})


def add_to(app: App) -> None:
    """Add the commands to `trivium config`."""
    app.command(init)
    app.command(set_value, name="set")
    app.command(contexts.show, name="show")
    app.command(contexts.use, name="use")
    app.command(profile)


profile.command(contexts.list_contexts, name="list")
profile.command(contexts.set_values, name=["create", "set"])
profile.command(contexts.delete, name="delete")
