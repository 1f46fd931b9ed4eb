"""`trivium admin`: what an operator does without the dashboard, on the data folder itself."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import App, Parameter

from trivium.cli._open import opened
from trivium.cli._options import NOTHING, Common
from trivium.cli._output import USAGE, StopError, say, show_record, show_rows
from trivium.core.model.access import ApiKey
from trivium.core.model.agents import Agent
from trivium.core.model.budgets import Budget, BudgetUse, Spent
from trivium.core.model.ids import new_id

app = App(name="admin", help="Organizations, people, agents and keys, on the data folder itself.")
org = App(name="org", help="Organizations: who owns data.")
user = App(name="user", help="People who sign in to the dashboard.")
agent = App(name="agent", help="Configured assistants.")
key = App(name="key", help="API keys for programs.")
for group in (org, user, agent, key):
    app.command(group)
app.command("trivium.cli.admin_model:app", name="model", help="Accounts at model providers, per organization.")
app.command("trivium.cli.admin_device:app", name="device", help="Machines that ask to be signed in.")
app.command("trivium.cli.admin_workflow:app", name="workflow", help="Workflows: diagrams that run.")

Org = Annotated[str, Parameter(name="--org", help="Organization, by id or name.")]
_STDIN_MAX = 4096


@org.command(name="create")
async def create_org(name: str, /, *, common: Common = NOTHING) -> None:
    """Make an organization and print its id.

    Example: trivium admin org create "Acme"
    """
    async with opened(common.settings(), makes=True) as desk:
        made = await desk.access.create_organization(name)
    record = {"id": made.id, "name": made.name, "created_at": made.created_at}
    show_record(record, form=common.form, main="id")


@org.command(name="list")
async def list_orgs(*, common: Common = NOTHING) -> None:
    """List the organizations.

    Example: trivium admin org list -o name
    """
    async with opened(common.settings()) as desk:
        found = await desk.store.read(lambda tx: tx.organizations.all())
    rows = [{"id": one.id, "name": one.name, "created_at": one.created_at} for one in found]
    show_rows("organizations", rows, ("id", "name", "created_at"), form=common.form)


@user.command(name="create")
async def create_user(
    email: str,
    /,
    *,
    org: Org,
    role: Annotated[Literal["owner", "admin", "member"], Parameter(help="What they may do there.")],
    common: Common = NOTHING,
) -> None:
    """Make a person a member of an organization and print their id. The password is read from standard input.

    Somebody who exists already keeps their password and joins: give no password then.

    Example: printf %s "$PASSWORD" | trivium admin user create ann@example.com --org Acme --role admin
    """
    settings = common.settings()
    async with opened(settings) as desk:
        organization = await desk.organization(org)
        made = await desk.access.create_user(
            email, organization_id=organization.id, role=role, password=_password() or None
        )
    record = {"id": made.id, "email": made.email, "organization_id": organization.id, "role": role}
    show_record(record, form=common.form, main="id")


@user.command(name="password")
async def set_password(email: str, /, *, common: Common = NOTHING) -> None:
    """Give a person a new password, read from standard input; tokens issued before stop working.

    Example: trivium admin user password jane@example.com < password.txt
    """
    async with opened(common.settings()) as desk:
        changed = await desk.access.accounts.set_password(email, _password())
    show_record({"id": changed.id, "email": changed.email}, form=common.form, main="id")


@app.command(name="token")
async def print_token(
    email: str,
    /,
    *,
    org: Annotated[str | None, Parameter(help="Organization, by id or name; the first they joined otherwise.")] = None,
    common: Common = NOTHING,
) -> None:
    """Print a dashboard token for a person.

    Example: trivium admin token ann@example.com
    """
    async with opened(common.settings()) as desk:
        organization_id = None if org is None else (await desk.organization(org)).id
        issued = await desk.access.issue_token(email, organization_id=organization_id)
    record = {
        "token": issued.token,
        "expires_at": issued.expires_at,
        "email": issued.email,
        "organization_id": issued.organization_id,
        "role": issued.role,
    }
    show_record(record, form=common.form, main="token")


@agent.command(name="create")
async def create_agent(name: str, /, *, org: Org, common: Common = NOTHING) -> None:
    """Make an agent with the default model and print its id.

    Example: trivium admin agent create "Support" --org Acme
    """
    from trivium.core.platform import add_agent

    settings = common.settings()
    async with opened(settings) as desk:
        organization = await desk.organization(org)
        now = desk.clock.now()
        made = Agent(
            id=new_id("agt"),
            organization_id=organization.id,
            name=_name(name),
            concurrency=settings.conversation_policy,
            created_at=now,
            updated_at=now,
        )
        await desk.store.write(lambda tx: add_agent(tx, made))
    record = {"id": made.id, "name": made.name, "organization_id": organization.id, "created_at": now}
    show_record(record, form=common.form, main="id")


@agent.command(name="list")
async def list_agents(*, org: Org, common: Common = NOTHING) -> None:
    """List the agents of an organization.

    Example: trivium admin agent list --org Acme
    """
    async with opened(common.settings()) as desk:
        organization = await desk.organization(org)
        found = await desk.store.read(lambda tx: tx.agents.find(organization.id))
    rows = [{"id": one.id, "name": one.name, "status": one.status, "created_at": one.created_at} for one in found]
    show_rows("agents", rows, ("id", "name", "status", "created_at"), form=common.form)


@key.command(name="create")
async def create_key(
    *,
    org: Org,
    kind: Annotated[Literal["wabee", "wisebot", "wizchat"], Parameter(help="Contract that takes the key.")],
    name: Annotated[str, Parameter(help="What it is for.")] = "",
    agent: Annotated[
        list[str] | None, Parameter(help="Agent it is limited to, by id or name; may be repeated.")
    ] = None,
    scope: Annotated[list[str] | None, Parameter(help="What it may do; may be repeated. All, if not given.")] = None,
    expires_at: Annotated[str | None, Parameter(help="ISO 8601 time, UTC if it names no zone.")] = None,
    rate_limit_per_min: Annotated[int | None, Parameter(help="Calls in a minute.")] = None,
    requests_per_day: Annotated[int | None, Parameter(help="Runs it may start in a day (UTC).")] = None,
    requests_per_month: Annotated[int | None, Parameter(help="Runs it may start in a month.")] = None,
    tokens_per_day: Annotated[int | None, Parameter(help="Tokens its runs may use in a day.")] = None,
    tokens_per_month: Annotated[int | None, Parameter(help="Tokens its runs may use in a month.")] = None,
    usd_per_day: Annotated[float | None, Parameter(help="What its runs may cost in a day.")] = None,
    usd_per_month: Annotated[float | None, Parameter(help="What its runs may cost in a month.")] = None,
    common: Common = NOTHING,
) -> None:
    """Make an API key and print it, this once.

    Example: trivium admin key create --org Acme --kind wabee --rate-limit-per-min 60 --usd-per-month 20
    """
    day = Budget(period="day", requests_max=requests_per_day, tokens_max=tokens_per_day, cost_usd_max=usd_per_day)
    month = Budget(
        period="month", requests_max=requests_per_month, tokens_max=tokens_per_month, cost_usd_max=usd_per_month
    )
    async with opened(common.settings()) as desk:
        organization = await desk.organization(org)
        agents = None if agent is None else await desk.agents(organization.id, agent)
        made, secret = await desk.access.create_key(
            organization.id,
            kind=kind,
            name=name,
            agent_ids=None if agents is None else [one.id for one in agents],
            scopes=None if scope is None else [_our_scope(one) for one in scope],
            expires_at=None if expires_at is None else _time(expires_at),
            rate_limit_per_min=rate_limit_per_min,
            budgets=[one for one in (day, month) if one != Budget(period=one.period)],
        )
    show_record({"key": secret, **_key_record(made, ())}, form=common.form, main="key")
    if common.form != "json":
        say(f"Shown only this once. Its id is {made.id}.")


@key.command(name="list")
async def list_keys(
    *,
    org: Annotated[str | None, Parameter(help="Organization, by id or name; all of them otherwise.")] = None,
    common: Common = NOTHING,
) -> None:
    """List the keys, revoked ones too, with what is used of their budgets in the running day and month.

    Example: trivium admin key list --org Acme
    """
    async with opened(common.settings()) as desk:
        organization_id = None if org is None else (await desk.organization(org)).id
        found = await desk.access.list_keys(organization_id)
        uses = await desk.budgets.of_keys(organization_id, found)
    columns = ["id", "kind", "prefix", "last_four", "organization_id", "expires_at", "last_used_at", "revoked_at"]
    rows = [_key_record(one, uses.get(one.id, ())) for one in found]
    if common.form == "table":
        columns.append("used")
        rows = [{**row, "used": _used_text(uses.get(str(row["id"]), ()))} for row in rows]
    show_rows("keys", rows, columns, form=common.form)


@key.command(name="revoke")
async def revoke_key(key_id: str, /, *, common: Common = NOTHING) -> None:
    """Make a key stop working within a second, in a running server too.

    Example: trivium admin key revoke key_0198…
    """
    async with opened(common.settings()) as desk:
        revoked = await desk.access.revoke_key(None, key_id)
    show_record(_key_record(revoked, ()), form=common.form, main="id")


def _key_record(made: ApiKey, uses: Sequence[BudgetUse]) -> dict[str, object]:
    used = {use.limit.budget: asdict(use.spent) for use in uses}
    nothing = asdict(Spent())
    return {
        "id": made.id,
        "organization_id": made.organization_id,
        "kind": made.kind,
        "name": made.name,
        "prefix": made.prefix,
        "last_four": made.last_four,
        "scopes": [_their_scope(scope) for scope in made.scopes] if made.kind == "wizchat" else list(made.scopes),
        "agent_ids": None if made.agent_ids is None else list(made.agent_ids),
        "rate_limit_per_min": made.rate_limit_per_min,
        "budgets": [{**asdict(budget), "used": used.get(budget, nothing)} for budget in made.budgets],
        "created_at": made.created_at,
        "expires_at": made.expires_at,
        "last_used_at": made.last_used_at,
        "revoked_at": made.revoked_at,
    }


def _used_text(uses: Sequence[BudgetUse]) -> str:
    """Return e.g. "day 3/5 requests, month 1.20/2.50 usd"; "-" without a budget."""
    parts = []
    for use in uses:
        budget, spent = use.limit.budget, use.spent
        lines = (
            (spent.requests, budget.requests_max, "requests"),
            (spent.tokens, budget.tokens_max, "tokens"),
            (f"{spent.cost_micros / 1e6:.2f}", budget.cost_usd_max, "usd"),
        )
        parts += [f"{budget.period} {used}/{most} {what}" for used, most, what in lines if most is not None]
    return ", ".join(parts) or "-"


def _our_scope(scope: str) -> str:
    # Operators know the words of the contract; only this area has another name in it.
    return scope.replace("chatbots:", "agents:") if scope.startswith("chatbots:") else scope


def _their_scope(scope: str) -> str:
    return scope.replace("agents:", "chatbots:") if scope.startswith("agents:") else scope


def _name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > 200 or not cleaned.isprintable():
        raise StopError("A name has 1 to 200 printable characters.", status=USAGE, code="invalid_name")
    return cleaned


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StopError(
            f"{text!r} is no time.", hint="Write 2027-01-31T12:00:00Z.", status=USAGE, code="invalid_time"
        ) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _password() -> str:
    if sys.stdin is None or sys.stdin.closed:
        return ""
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Password: ")
    # One line; its end is not part of the password.
    return sys.stdin.readline(_STDIN_MAX).rstrip("\r\n")
