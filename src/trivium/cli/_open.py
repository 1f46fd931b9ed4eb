"""The data folder as the operator's commands use it: beside a running server or without one."""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from trivium.adapters.clock import SystemClock
from trivium.adapters.secrets.keyring import open_keyring
from trivium.adapters.secrets.passwords import Argon2Passwords
from trivium.adapters.secrets.tokens import JwtTokens
from trivium.adapters.sql.opening import open_store
from trivium.cli._output import CONFIGURATION, StopError
from trivium.cli.start import migrate_folder
from trivium.core.model.agents import Agent
from trivium.core.model.organizations import Organization
from trivium.core.platform import Access, Budgets
from trivium.core.ports import Store
from trivium.settings import Settings

_RECORDS_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The store and the services that a command needs; names are accepted wherever ids are."""

    store: Store
    access: Access
    budgets: Budgets
    clock: SystemClock

    async def organization(self, name: str) -> Organization:
        """Return the organization with this id or name; stops when there is none, or several of that name."""
        known = await self.store.read(lambda tx: tx.organizations.all(limit=_RECORDS_MAX))
        found = _one([(one.id, one.name) for one in known], name, "organization", "trivium admin org list")
        return known[found]

    async def agents(self, organization_id: str, names: Sequence[str]) -> list[Agent]:
        """Return the agents with these ids or names, in that order."""
        known = await self.store.read(lambda tx: tx.agents.find(organization_id, limit=_RECORDS_MAX))
        pairs = [(one.id, one.name) for one in known]
        return [known[_one(pairs, name, "agent", "trivium admin agent list --org …")] for name in names]


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, makes: bool = False) -> AsyncGenerator[Desk, None]:
    """Open the data folder of these settings; with `makes` it is made when it is missing."""
    if not makes and not settings.database_url and not settings.database_path.exists():
        raise StopError(
            f"There is no database in {settings.data}.",
            hint="Name the data folder with --data, or make one: trivium migrate.",
            status=CONFIGURATION,
            code="no_database",
        )
    migrate_folder(settings)
    try:
        keyring = open_keyring(settings.key_path)
    except (OSError, ValueError) as error:
        raise StopError(str(error), status=CONFIGURATION, code="data_folder") from error
    clock = SystemClock()
    store = open_store(settings.database_path, settings.database_url)
    access = Access(
        store=store,
        clock=clock,
        tokens=JwtTokens(keyring, clock),
        passwords=Argon2Passwords(),
        token_lifetime_s=settings.token_lifetime_s,
    )
    try:
        yield Desk(store=store, access=access, budgets=Budgets(store=store, clock=clock), clock=clock)
    finally:
        await store.close()


def _one(known: Sequence[tuple[str, str]], name: str, kind: str, command: str) -> int:
    by_id = [index for index, (record_id, _) in enumerate(known) if record_id == name]
    found = by_id or [index for index, (_, record_name) in enumerate(known) if record_name == name]
    if not found:
        raise StopError(f"No {kind} {name!r}.", hint=f"See: {command}", code="not_found")
    if len(found) > 1:
        ids = ", ".join(known[index][0] for index in found)
        raise StopError(
            f"{len(found)} {kind}s are called {name!r}.", hint=f"Name one by its id: {ids}", code="ambiguous"
        )
    return found[0]
