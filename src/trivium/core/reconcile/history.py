"""Looking back: which revisions there are, what they changed, how to return to one, what has drifted since."""

from collections.abc import Sequence
from dataclasses import dataclass

from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.config import ApplyResult, Op, Plan, Revision, RevisionDocument, Sections
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Store, Transaction
from trivium.core.reconcile import checks
from trivium.core.reconcile.plan import as_whole, make_plan
from trivium.core.reconcile.sections import read_sections
from trivium.core.reconcile.service import ApplyRequest, Configs

PAGE_MAX = 200
_BASELINES = ("apply", "restore", "create")


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What changed since configuration was last applied as a whole: the ops and the revisions that made them."""

    since: Revision | None
    plan: Plan
    revisions: tuple[Revision, ...]
    version: int


class History:
    """Readings of the revision log. Everything is shown as far as the caller may read the sections."""

    def __init__(self, *, store: Store, configs: Configs) -> None:
        self._store = store
        self._configs = configs

    async def list(
        self, principal: Principal, agent_id: str, *, below: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return revisions, newest first, at most 200; `below` a number, to page. Needs `agents:read`."""
        await self._read(principal, agent_id)
        organization_id = principal.organization_id

        def unit(tx: Transaction) -> list[Revision]:
            tx.agents.get(organization_id, agent_id)
            number = 2**62 if below is None else below
            return tx.revisions.page(organization_id, agent_id, below=number, limit=min(limit, PAGE_MAX))

        return await self._store.read(unit)

    async def get(self, principal: Principal, agent_id: str, number: int) -> tuple[Revision, Sections, Plan]:
        """Return a revision with the configuration after it and the ops it ran; NotFound(kind="revision")."""
        await self._read(principal, agent_id)

        def unit(tx: Transaction) -> tuple[Revision, RevisionDocument, JSONObject]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            revision, document = _load(tx, agent, number)
            return revision, document, _sections(tx, agent, document)

        revision, document, sections = await self._store.read(unit)
        ops = [op for data in document.ops if checks.may_read(principal, (op := _op(data)).section)]
        return revision, _visible(principal, sections), Plan(ops=tuple(ops))

    async def diff(self, principal: Principal, agent_id: str, old: int, new: int | None) -> Plan:
        """Return what leads from one revision to another, or (`new` None) to the configuration of now."""
        await self._read(principal, agent_id)

        def unit(tx: Transaction) -> tuple[JSONObject, JSONObject]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            before = _sections(tx, agent, _load(tx, agent, old)[1])
            after = read_sections(tx, agent) if new is None else _sections(tx, agent, _load(tx, agent, new)[1])
            return before, after

        before, after = await self._store.read(unit)
        return _difference(_visible(principal, before), _visible(principal, after))

    async def restore(
        self, principal: Principal, agent_id: str, number: int, *, is_dry_run: bool = False
    ) -> ApplyResult:
        """Apply the configuration a revision left, deletes included; itself a revision. Secrets stay as they are."""
        await self._read(principal, agent_id)

        def unit(tx: Transaction) -> JSONObject:
            agent = tx.agents.get(principal.organization_id, agent_id)
            return _sections(tx, agent, _load(tx, agent, number)[1])

        sections = await self._store.read(unit)
        request = ApplyRequest(
            sections=sections, is_dry_run=is_dry_run, cause="restore", is_whole=True, note=f"restores revision {number}"
        )
        return await self._configs.apply(principal, agent_id, request)

    async def drift(self, principal: Principal, agent_id: str) -> Drift:
        """Return what changed since the last apply, restore or creation, and who changed it."""
        await self._read(principal, agent_id)

        def unit(tx: Transaction) -> tuple[Agent, JSONObject, Revision | None, JSONObject, list[Revision]]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            latest = tx.revisions.page(agent.organization_id, agent.id, below=2**62, limit=PAGE_MAX)
            since = next((one for one in latest if one.cause in _BASELINES and one.status != "applying"), None)
            current = read_sections(tx, agent)
            if since is None:
                return agent, current, None, current, latest
            base = tx.revision_documents.get(agent.organization_id, since.id).sections or current
            return agent, base, since, current, [one for one in latest if one.number > since.number]

        agent, base, since, current, later = await self._store.read(unit)
        plan = _difference(_visible(principal, base), _visible(principal, current))
        return Drift(since=since, plan=Plan(ops=plan.changes), revisions=tuple(reversed(later)), version=agent.version)

    async def _read(self, principal: Principal, agent_id: str) -> None:
        _require_read(principal, agent_id)
        await self._configs.close_abandoned(principal.organization_id, agent_id)


def _require_read(principal: Principal, agent_id: str) -> None:
    checks.require_agent(principal, agent_id)
    checks.require_sections(principal, ["agent"], is_write=False)


def _load(tx: Transaction, agent: Agent, number: int) -> tuple[Revision, RevisionDocument]:
    revision = tx.revisions.first(agent.organization_id, agent_id=agent.id, number=number)
    if revision is None:
        raise NotFound("revision", str(number))
    return revision, tx.revision_documents.get(agent.organization_id, revision.id)


def _sections(tx: Transaction, agent: Agent, document: RevisionDocument) -> JSONObject:
    if document.sections is None:
        raise InvalidRequest("This revision is still being applied.", code="revision_open")
    return document.sections


def _difference(before: Sections, after: Sections) -> Plan:
    return make_plan(before, as_whole(before, after))


def _visible(principal: Principal, sections: Sections) -> JSONObject:
    return {name: content for name, content in sections.items() if checks.may_read(principal, name)}


def _op(data: JSONObject) -> Op:
    changed = data.get("changed_fields")
    names: Sequence[JSON] = changed if isinstance(changed, list) else []
    before, after = data.get("before"), data.get("after")
    return Op(
        section=str(data["section"]),
        action=data["action"],  # type: ignore[arg-type] # written by `revisions`
        key=key if isinstance(key := data.get("key"), str) else None,
        before=before if isinstance(before, dict) else None,
        after=after if isinstance(after, dict) else None,
        changed_fields=tuple(str(name) for name in names),
    )
