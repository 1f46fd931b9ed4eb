"""Where a chatbot is published, its domains, and what it costs."""

from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, wire
from trivium.contracts.wizchat.api import PAGING, Api, page, read_object, whole_number
from trivium.core.errors import Conflict, InvalidRequest
from trivium.core.model.access import Principal
from trivium.core.model.publishing import CustomDomain
from trivium.core.platform import Published, record_name

_BOT = "/chatbots/{chatbotId}"
_DAYS_MAX = 365
_STATUS = {"verified": "authorized", "pending": "pending_manual", "failed": "pending_manual"}


class PublishingRoutes:
    """Deployment, domains, analytics."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._management = api.platform.management
        deployment, domain = shapes.PublicDeployment, shapes.PublicDomainStatus
        path = f"{_BOT}/domains"
        api.add("GET", f"{_BOT}/deployment", self.deployment, scope="chatbots:read", answer=deployment)
        api.add("POST", f"{_BOT}/deploy", self.deploy, scope="deploy", status=202, answer=deployment)
        api.add(
            "GET",
            path,
            self.domains,
            scope="domains:read",
            answer=domain,
            wrapper="domains",
            is_list=True,
            query=PAGING,
        )
        api.add("POST", path, self.add_domain, scope="domains:write", status=201, answer=domain)
        api.add("GET", f"{path}/{{domain}}", self.domain, scope="domains:read", answer=domain)
        api.add("DELETE", f"{path}/{{domain}}", self.remove_domain, scope="domains:write", status=204)
        api.add("POST", f"{path}/{{domain}}/verify", self.verify, scope="domains:write", answer=domain)
        analytics: dict[str, Any] = {"scope": "analytics:read", "query": ("days",)}
        api.add("GET", f"{_BOT}/analytics/costs", self.costs, answer=shapes.PublicCostAnalytics, **analytics)
        api.add("GET", f"{_BOT}/analytics/usage", self.usage, answer=shapes.PublicUsageAnalytics, **analytics)

    async def deployment(self, request: Request) -> Response:
        """Get where the chatbot is published."""
        principal = await self._api.enter(request, "chatbots:read")
        published = await self._management.publishing.published(principal.organization_id, _bot(request))
        return http.json_response(_show_deployment(published, request))

    async def deploy(self, request: Request) -> Response:
        """Publish the chatbot as it is now."""
        principal = await self._api.enter(request, "deploy")
        published = await self._management.publishing.deploy(principal.organization_id, _bot(request))
        return http.json_response(_show_deployment(published, request), 202)

    async def domains(self, request: Request) -> Response:
        """List the custom domains."""
        principal = await self._api.enter(request, "domains:read", query=PAGING)
        published = await self._management.publishing.published(principal.organization_id, _bot(request))
        names = _verified(published)
        return page(request, [_show_domain(one, names) for one in published.domains], "domains", key="domain")

    async def add_domain(self, request: Request) -> Response:
        """Add a custom domain; the answer says which DNS record proves it."""
        principal = await self._api.enter(request, "domains:write")
        body = await read_object(request)
        if set(body) != {"domain"} or not isinstance(body["domain"], str):
            raise InvalidRequest("The body has one field, `domain`.")
        configs = self._management.configs
        result = await configs.change(principal, _bot(request), {"domains": [{"domain": body["domain"]}]})
        op = result.plan.ops[0]
        if op.action == "noop":
            raise Conflict(f"{op.key} is there already.", code="already_exists")
        return await self._show(principal, request, str(op.key), status=201)

    async def domain(self, request: Request) -> Response:
        """Get a custom domain and what is still to be done for it."""
        principal = await self._api.enter(request, "domains:read")
        return await self._show(principal, request, _domain(request))

    async def remove_domain(self, request: Request) -> Response:
        """Remove a custom domain."""
        principal = await self._api.enter(request, "domains:write")
        await self._management.configs.remove(principal, _bot(request), "domains", _domain(request))
        return Response(status_code=204)

    async def verify(self, request: Request) -> Response:
        """Look the proof of a custom domain up."""
        principal = await self._api.enter(request, "domains:write")
        checked, warning = await self._management.publishing.verify(
            principal.organization_id, _bot(request), _domain(request)
        )
        return await self._show(principal, request, checked.domain, warning=warning)

    async def costs(self, request: Request) -> Response:
        """Show what answers cost."""
        principal = await self._api.enter(request, "analytics:read", query=("days",))
        days = whole_number(request, "days", default=30, low=1, high=_DAYS_MAX)
        costs = await self._management.analytics.costs(principal.organization_id, _bot(request), days)
        answer = {
            "totalCost": costs.total_usd,
            "costPerQuery": costs.per_run_usd,
            "dailyTrend": [{"date": date, "cost": cost} for date, cost in costs.by_day],
            "modelBreakdown": [
                {"model": one.model, "cost": one.cost_usd, "tokens": one.tokens, "calls": one.calls}
                for one in costs.by_model
            ],
            "currency": "USD",
            "days": days,
            "periodStart": wire.time_text(costs.start_at),
            "periodEnd": wire.time_text(costs.end_at),
        }
        return http.json_response(answer)

    async def usage(self, request: Request) -> Response:
        """Show how much the chatbot was used."""
        principal = await self._api.enter(request, "analytics:read", query=("days",))
        days = whole_number(request, "days", default=30, low=1, high=_DAYS_MAX)
        use = await self._management.analytics.consumption(principal.organization_id, _bot(request), days)
        answer = {
            "tokenCount": use.token_count,
            "documentCount": use.document_count,
            "queryCount": use.run_count,
            "days": days,
        }
        return http.json_response(answer)

    async def _show(
        self, principal: Principal, request: Request, domain: str, *, status: int = 200, warning: str | None = None
    ) -> Response:
        publishing = self._management.publishing
        found = await publishing.domain(principal.organization_id, _bot(request), domain)
        names = _verified(await publishing.published(principal.organization_id, _bot(request)))
        return http.json_response(_show_domain(found, names, warning=warning), status)


def _bot(request: Request) -> str:
    return str(request.path_params["chatbotId"])


def _domain(request: Request) -> str:
    return unquote(str(request.path_params["domain"])).strip().rstrip(".").lower()


def _verified(published: Published) -> list[str]:
    return [one.domain for one in published.domains if one.status == "verified"]


def _show_deployment(published: Published, request: Request) -> dict[str, Any]:
    deployment, verified = published.deployment, _verified(published)
    first = published.domains[0] if published.domains else None
    custom = verified[0] if verified else first.domain if first is not None else None
    shown: dict[str, Any] = {"status": "pending", "wizchatDomainConfigured": False}
    if deployment is not None:
        shown = {
            **shown,
            "status": deployment.status,
            "deploymentUrl": str(request.base_url).rstrip("/") + deployment.url,
            "deployedAt": wire.time_text(deployment.deployed_at),
            "lastDeploymentAt": wire.time_text(deployment.last_deployment_at),
        }
    if custom is not None:
        is_verified = custom in verified
        shown |= {
            "customDomain": custom,
            "customDomainAuthorized": is_verified,
            "domainVerified": is_verified,
            "domainStatus": "active" if is_verified else "pending",
        }
    return shown


def _show_domain(domain: CustomDomain, verified: list[str], *, warning: str | None = None) -> dict[str, Any]:
    is_verified = domain.status == "verified"
    shown: dict[str, Any] = {
        "domain": domain.domain,
        "verified": is_verified,
        "configured": is_verified,
        "status": _STATUS[domain.status],
        "customDomain": domain.domain,
        "customDomainAuthorized": is_verified,
        "authorizedDomains": verified,
    }
    if warning is not None:
        shown["warning"] = warning
    if not is_verified:
        shown["verification"] = [{"type": "TXT", "domain": record_name(domain.domain), "value": domain.challenge}]
    return shown
