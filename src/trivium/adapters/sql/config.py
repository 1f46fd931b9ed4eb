"""Revisions, keys of agents, domains and programs: what needs more than the generic queries."""

from typing import Any

from sqlalchemy import bindparam, insert, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.clients import DailyUse, OAuthClient
from trivium.core.model.config import Revision
from trivium.core.model.protection import AccessList, AgentKey
from trivium.core.model.publishing import CustomDomain

_r = schema.revisions.c
_OF_AGENT = (_r.organization_id == bindparam("b_organization"), _r.agent_id == bindparam("b_agent"))
_NEWEST = select(*_r).where(*_OF_AGENT).order_by(_r.number.desc()).limit(bindparam("b_limit"))
_LATEST = Prepared(_NEWEST)
_LATEST_IN = Prepared(_NEWEST.where(_r.status == bindparam("b_status")))
_PAGE = Prepared(_NEWEST.where(_r.number < bindparam("b_below")))
_k = schema.agent_keys.c
_KEY_BY_HASH = Prepared(select(*_k).where(_k.secret_hash == bindparam("b_hash")))
_a = schema.access_lists.c
_EMBEDDING = Prepared(select(*_a).where(_a.embed_domains != "[]").limit(bindparam("b_limit")))
_o = schema.oauth_clients.c
_CLIENT_BY_ID = Prepared(select(*_o).where(_o.id == bindparam("b_id")))
_d = schema.domains.c
_VERIFIED = Prepared(
    select(*_d).where(_d.domain == bindparam("b_domain"), _d.status == "verified").order_by(_d.id).limit(1)
)
_u = schema.daily_uses.c
_COUNT = Prepared(update(schema.daily_uses).where(_u.id == bindparam("b_id")).values(calls=_u.calls + 1))
_FIRST = Prepared(insert(schema.daily_uses).values({column.name: bindparam(column.name) for column in _u}))
_CALLS = Prepared(select(_u.calls).where(_u.id == bindparam("b_id")))


class SqlRevisions(SqlRecords[Revision]):
    """See `core.ports.store.Revisions`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.revisions, "revision")

    def latest(self, organization_id: str, agent_id: str, *, status: str | None = None) -> Revision | None:
        """Return the revision with the highest number."""
        values = {"b_organization": organization_id, "b_agent": agent_id, "b_limit": 1, "b_status": status}
        row = self._session.run(_LATEST if status is None else _LATEST_IN, values).fetchone()
        return None if row is None else self._codec.from_row(row)

    def page(self, organization_id: str, agent_id: str, *, below: int, limit: int) -> list[Revision]:
        """Return a page, newest first."""
        values = {"b_organization": organization_id, "b_agent": agent_id, "b_limit": limit, "b_below": below}
        return [self._codec.from_row(row) for row in self._session.run(_PAGE, values).fetchall()]


class SqlAccessLists(SqlRecords[AccessList]):
    """See `core.ports.store.AccessLists`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.access_lists, "access_list")

    def sites(self, *, limit: int = 10_000) -> frozenset[str]:
        """Return the sites that some agent, of any organization, may be embedded in."""
        rows = self._session.run(_EMBEDDING, {"b_limit": limit}).fetchall()
        return frozenset(site for row in rows for site in self._codec.from_row(row).embed_domains)


class SqlAgentKeys(SqlRecords[AgentKey]):
    """See `core.ports.store.AgentKeys`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.agent_keys, "key")

    def by_hash(self, secret_hash: str) -> AgentKey | None:
        """Return the key with this hash."""
        row = self._session.run(_KEY_BY_HASH, {"b_hash": secret_hash}).fetchone()
        return None if row is None else self._codec.from_row(row)


class SqlOAuthClients(SqlRecords[OAuthClient]):
    """See `core.ports.store.OAuthClients`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.oauth_clients, "client")

    def by_id(self, client_id: str) -> OAuthClient | None:
        """Return the client, whatever its organization."""
        row = self._session.run(_CLIENT_BY_ID, {"b_id": client_id}).fetchone()
        return None if row is None else self._codec.from_row(row)


class SqlDomains(SqlRecords[CustomDomain]):
    """See `core.ports.store.Domains`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.domains, "domain")

    def verified(self, domain: str) -> CustomDomain | None:
        """Return who has proved to own this address."""
        row = self._session.run(_VERIFIED, {"b_domain": domain}).fetchone()
        return None if row is None else self._codec.from_row(row)


class SqlDailyUses(SqlRecords[DailyUse]):
    """See `core.ports.store.DailyUses`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.daily_uses, "daily_use")

    def count_call(self, organization_id: str, day: str) -> int:
        """Count one call and return how many there are on that day."""
        key: dict[str, Any] = {"b_id": f"{organization_id}:{day}"}
        if self._session.run(_COUNT, key).rowcount == 0:
            self._session.run(_FIRST, {"id": key["b_id"], "organization_id": organization_id, "day": day, "calls": 1})
        return int(self._session.run(_CALLS, key).fetchone()[0])
