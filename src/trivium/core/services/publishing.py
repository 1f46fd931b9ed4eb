"""Where agents can be reached: publications, and site addresses proved by a DNS record."""

from dataclasses import dataclass, replace
from typing import Literal

from trivium.core.errors import Conflict, NotFound, UpstreamFailed
from trivium.core.model.publishing import CustomDomain, Deployment
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.ports.dns import TxtRecords

_DOMAINS_MAX = 5_000


@dataclass(frozen=True, kw_only=True)
class Published:
    """The publication of an agent, None before the first, and the domains it can be reached at."""

    deployment: Deployment | None
    domains: tuple[CustomDomain, ...]


class Publishing:
    """Publishes agents and checks who owns a domain."""

    def __init__(self, *, store: Store, clock: Clock, txt: TxtRecords | None) -> None:
        self._store = store
        self._clock = clock
        self._txt = txt

    async def published(self, organization_id: str, agent_id: str) -> Published:
        """Return the state of an agent's publication; NotFound."""

        def unit(tx: Transaction) -> Published:
            tx.agents.get(organization_id, agent_id)
            domains = tx.domains.find(organization_id, agent_id=agent_id, limit=_DOMAINS_MAX)
            deployment = tx.deployments.first(organization_id, id=agent_id)
            return Published(deployment=deployment, domains=tuple(sorted(domains, key=lambda one: one.domain)))

        return await self._store.read(unit)

    async def deploy(self, organization_id: str, agent_id: str) -> Published:
        """Publish the agent as it is now; its page is there at once. Conflict for an archived one."""
        now = self._clock.now()

        def unit(tx: Transaction) -> None:
            agent = tx.agents.get(organization_id, agent_id)
            if agent.status == "archived":
                raise Conflict("An archived agent is not published.", code="agent_not_active")
            before = tx.deployments.first(organization_id, id=agent_id)
            deployment = Deployment(
                id=agent_id,
                organization_id=organization_id,
                status="deployed",
                url=f"/chat/{agent_id}",
                version=agent.version,
                deployed_at=before.deployed_at if before is not None else now,
                last_deployment_at=now,
            )
            if before is None:
                tx.deployments.add(deployment)
            else:
                tx.deployments.put(deployment)

        await self._store.write(unit)
        return await self.published(organization_id, agent_id)

    async def domain(self, organization_id: str, agent_id: str, domain: str) -> CustomDomain:
        """Return one domain of an agent; NotFound(kind="domain")."""
        found = await self._store.read(lambda tx: tx.domains.first(organization_id, agent_id=agent_id, domain=domain))
        if found is None:
            raise NotFound("domain", domain)
        return found

    async def verify(
        self, organization_id: str, agent_id: str, domain: str
    ) -> tuple[CustomDomain, Literal["lookup_failed"] | None]:
        """Look the proof up; return the domain as it is then, and a warning when the look-up itself failed.

        A look-up that fails changes nothing. Conflict when another agent has proved to own the domain.
        """
        claimed = await self.domain(organization_id, agent_id, domain)
        try:
            texts = await self._texts(record_name(domain))
        except UpstreamFailed:
            return claimed, "lookup_failed"
        is_proved, now = claimed.challenge in texts, self._clock.now()

        def unit(tx: Transaction) -> CustomDomain:
            current = tx.domains.first(organization_id, agent_id=agent_id, domain=domain)
            if current is None:
                raise NotFound("domain", domain)
            owner = tx.domains.verified(domain)
            if is_proved and owner is not None and owner.id != current.id:
                raise Conflict(f"{domain} belongs to another agent.", code="domain_taken")
            checked = replace(
                current,
                status="verified" if is_proved else "failed",
                checked_at=now,
                verified_at=(current.verified_at or now) if is_proved else None,
            )
            tx.domains.put(checked)
            return checked

        return await self._store.write(unit), None

    async def _texts(self, name: str) -> list[str]:
        if self._txt is None:
            raise UpstreamFailed("There is no resolver.", code="dns_failed")
        return [*await self._txt.find(name)]


def record_name(domain: str) -> str:
    """Return the name at which the proof is looked for."""
    return f"_trivium-verify.{domain}"
