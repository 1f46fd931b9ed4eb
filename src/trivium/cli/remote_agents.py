"""`trivium agents` (all of them) and `trivium agent` (the one a Wabee key is for)."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._output import FAILED, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import confirm, say

agents = App(name="agents", help="List, make, change and delete agents.")
agent = App(name="agent", help="Health, description and tools of an agent.")
app = agents


@agents.command(name="list")
@remote
def list_agents(*, remote: Remote = HERE) -> None:
    """List all agents.

    Example: `trivium agents list -o name`
    """
    with remote.wisebot() as client:
        remote.answer(client.agents.list(), "id", "name", "model", "status", "updatedAt")


@agents.command
@remote
def show(agent_id: str, /, *, remote: Remote = HERE) -> None:
    """Show an agent.

    Example: `trivium agents show agt_1 -o yaml`
    """
    with remote.wisebot() as client:
        remote.answer(client.agents.get(agent_id))


@agents.command
@remote
def create(
    name: str,
    /,
    *,
    model: Annotated[str, Parameter(help="Model, as provider/model or a bare name.")],
    instructions: Annotated[str | None, Parameter(help="What the agent is told; @FILE reads a file.")] = None,
    knowledge: Annotated[list[str] | None, Parameter(help="File name of a knowledge file; may be repeated.")] = None,
    tool: Annotated[list[str] | None, Parameter(help="Type of a tool; may be repeated.")] = None,
    remote: Remote = HERE,
) -> None:
    """Make an agent.

    Example: `trivium agents create "Support bot" --model gpt-4o-mini --knowledge refund-policy.pdf`
    """
    from trivium_client import Tools

    tools = [Tools.knowledge_base(label=label) for label in knowledge or []]
    tools += [{"type": kind} for kind in tool or []]
    fields = {} if instructions is None else {"instructions": _text(instructions)}
    with remote.wisebot() as client:
        made = client.agents.create(name, model, tools or None, **fields)
    _show_made(remote, made.model_dump(mode="json", by_alias=True), made.id)


@agents.command
@remote
def update(
    agent_id: str,
    /,
    *,
    name: str | None = None,
    model: str | None = None,
    instructions: Annotated[str | None, Parameter(help="What the agent is told; @FILE reads a file.")] = None,
    remote: Remote = HERE,
) -> None:
    """Change an agent.

    Example: `trivium agents update agt_1 --model extractive`
    """
    given = {"name": name, "model": model, "instructions": _text(instructions) if instructions else None}
    with remote.wisebot() as client:
        remote.answer(client.agents.update(agent_id, {key: value for key, value in given.items() if value}))


@agents.command
@remote
def delete(
    agent_id: str, /, *, yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False, remote: Remote = HERE
) -> None:
    """Delete an agent with its conversations.

    Example: `trivium agents delete agt_1 --yes`
    """
    with remote.wisebot() as client:
        found = client.agents.get(agent_id)
        confirm(f"Delete the agent {found.name!r} ({found.id})?", yes=yes)
        client.agents.delete(agent_id)
    say("Deleted.")


@agent.command
@remote
def health(*, remote: Remote = HERE) -> None:
    """Show whether the agent's server is well; exit code 1 when it is not.

    Example: `trivium agent health`
    """
    with remote.wabee() as client:
        found = client.health()
    remote.answer(found)
    if not found.is_healthy:
        raise StopError(f"The server says {found.status!r}.", status=FAILED, code="unhealthy")


@agent.command
@remote
def info(*, remote: Remote = HERE) -> None:
    """Show name, description and tools of the agent.

    Example: `trivium agent info`
    """
    with remote.wabee() as client:
        remote.answer(client.metadata())


@agent.command(alias="tool")
@remote
def tools(*, remote: Remote = HERE) -> None:
    """List the tools of the agent with their inputs.

    Example: `trivium agent tools -o json`
    """
    with remote.wabee() as client:
        remote.answer(client.tools.list(), "name", "status", "description", name="name")


def _text(given: str) -> str:
    return Path(given[1:]).read_text("utf-8") if given.startswith("@") else given


def _show_made(remote: Remote, made: dict[str, object], identity: str) -> None:
    if remote.form == "table":
        print(identity)
        say(f"Made {made.get('name')!r}.")
    else:
        remote.show(made)
