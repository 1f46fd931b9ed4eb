"""Configuration as code: export, plan, apply, and what goes beyond the contract around them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes_config, wire
from trivium.contracts.wizchat.api import Api, flag, read_object, whole_number
from trivium.contracts.wizchat.names import SECTION_NAMES
from trivium.core.errors import Conflict, InvalidRequest
from trivium.core.model.access import Principal
from trivium.core.model.config import ApplyResult, Revision
from trivium.core.platform import ApplyRequest, Place, SecretChange, plan_hash

_RENAMED = ("mcpServers", "skills")


class ConfigRoutes:
    """The routes of one chatbot's configuration."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._platform = api.platform
        document, result = shapes_config.ChatbotConfigDocument, shapes_config.ApplyResult
        api.add(
            "GET", "/chatbots/{chatbotId}/config", self.export, scope="chatbots:read", mark="contract", answer=document
        )
        api.add(
            "POST",
            "/chatbots/{chatbotId}/apply",
            self.apply,
            mark="contract",
            answer=result,
            body=document,
            query=("dryRun",),
        )
        ours: dict[str, Any] = {"mark": "ours", "scope": "chatbots:read"}
        api.add("GET", "/chatbots/{chatbotId}/revisions", self.revisions, **ours, query=("limit", "before"))
        api.add("GET", "/chatbots/{chatbotId}/revisions/{number}", self.revision, **ours)
        api.add("GET", "/chatbots/{chatbotId}/revisions/{number}/diff", self.diff, **ours, query=("against",))
        api.add(
            "POST",
            "/chatbots/{chatbotId}/revisions/{number}/restore",
            self.restore,
            mark="ours",
            answer=result,
            query=("dryRun",),
        )
        api.add("GET", "/chatbots/{chatbotId}/drift", self.drift, **ours)
        api.add("POST", "/chatbots/{chatbotId}/rename", self.rename, mark="ours", status=204)
        api.add("GET", "/chatbots/{chatbotId}/secrets", self.secrets, mark="ours", scope="security:read")
        api.add("PUT", "/chatbots/{chatbotId}/secrets", self.put_secrets, mark="ours", query=("dryRun",))

    async def export(self, request: Request) -> Response:
        """Export the configuration of a chatbot as a desired-state document."""
        principal = await self._api.enter(request, "chatbots:read")
        exported = await self._platform.management.configs.export(principal, _agent_id(request))
        document = wire.show_document(
            exported.sections, omitted=exported.omitted, has_jwt_secret=exported.has_jwt_secret
        )
        return http.json_response(document, headers={"ETag": wire.etag(exported.version)})

    async def apply(self, request: Request) -> Response:
        """Plan a desired-state document and, unless `dryRun=true`, apply it."""
        principal = await self._api.enter(request, query=("dryRun",))
        is_dry_run = flag(request, "dryRun")
        body = await request.json()
        sections, prune = wire.read_document(body)
        headers = request.headers
        digest = wire.document_hash(body)
        if headers.get("document-hash", digest) != digest:
            raise Conflict(
                "The document is not the one that was planned.", code="precondition_failed", is_precondition=True
            )
        result = await self._platform.management.configs.apply(
            principal,
            _agent_id(request),
            ApplyRequest(
                sections=sections,
                prune=prune is not False,
                is_dry_run=is_dry_run,
                base_version=wire.read_etag(headers.get("if-match")),
                plan_hash=headers.get("plan-hash"),
                deletes_max=_count(headers.get("max-deletes"), "max-deletes"),
                is_checked=_switch(headers.get("apply-preflight"), "apply-preflight"),
                is_atomic=_mode(headers.get("apply-mode")),
            ),
        )
        return await self._answer(principal, request, result, digest=digest)

    async def revisions(self, request: Request) -> Response:
        """List the revisions of the configuration, newest first."""
        principal = await self._api.enter(request, "chatbots:read", query=("limit", "before"))
        limit = whole_number(request, "limit", default=50, low=1, high=200)
        below = whole_number(request, "before", default=0, low=1, high=10**9) or None
        found = await self._platform.management.history.list(principal, _agent_id(request), below=below, limit=limit)
        answer: dict[str, Any] = {"revisions": [_show_revision(revision) for revision in found]}
        if len(found) == limit:
            answer["nextBefore"] = found[-1].number
        return http.json_response(answer)

    async def revision(self, request: Request) -> Response:
        """Get a revision with the configuration it left."""
        principal = await self._api.enter(request, "chatbots:read")
        revision, sections, plan = await self._platform.management.history.get(
            principal, _agent_id(request), _number(request)
        )
        shown = _show_revision(revision)
        shown["config"] = wire.show_document(sections, is_export=False)
        shown["plan"] = wire.show_plan(plan)
        return http.json_response({"revision": shown})

    async def diff(self, request: Request) -> Response:
        """Show what leads from a revision to another one, or to the configuration of now."""
        principal = await self._api.enter(request, "chatbots:read", query=("against",))
        against = whole_number(request, "against", default=0, low=1, high=10**9) or None
        plan = await self._platform.management.history.diff(principal, _agent_id(request), _number(request), against)
        return http.json_response({"plan": wire.show_plan(plan)})

    async def restore(self, request: Request) -> Response:
        """Apply the configuration that a revision left."""
        principal = await self._api.enter(request, query=("dryRun",))
        is_dry_run = flag(request, "dryRun")
        result = await self._platform.management.history.restore(
            principal, _agent_id(request), _number(request), is_dry_run=is_dry_run
        )
        return await self._answer(principal, request, result)

    async def drift(self, request: Request) -> Response:
        """Show what changed since the configuration was last applied, and who changed it."""
        principal = await self._api.enter(request, "chatbots:read")
        drift = await self._platform.management.history.drift(principal, _agent_id(request))
        answer = {
            "since": None if drift.since is None else _show_revision(drift.since),
            "plan": wire.show_plan(drift.plan),
            "revisions": [_show_revision(revision) for revision in drift.revisions],
        }
        return http.json_response(answer, headers={"ETag": wire.etag(drift.version)})

    async def rename(self, request: Request) -> Response:
        """Rename an MCP server or a skill; its id, its secrets and what refers to it stay."""
        principal = await self._api.enter(request)
        body = await read_object(request)
        section, old, new = (body.get(name) for name in ("section", "from", "to"))
        if set(body) != {"section", "from", "to"} or section not in _RENAMED:
            raise InvalidRequest(f"A rename has `section` ({' or '.join(_RENAMED)}), `from` and `to`.")
        if not isinstance(old, str) or not isinstance(new, str):
            raise InvalidRequest("`from` and `to` are names.")
        section = SECTION_NAMES[str(section)]
        await self._platform.management.configs.rename(principal, _agent_id(request), section, old=old, new=new)
        return Response(status_code=204)

    async def secrets(self, request: Request) -> Response:
        """List the places and fingerprints of all secrets; their values are never shown."""
        principal = await self._api.enter(request, "security:read")
        found = await self._platform.management.secrets.find(principal, _agent_id(request))
        return http.json_response({"secrets": [_show_secret(change) for change in found]})

    async def put_secrets(self, request: Request) -> Response:
        """Write secrets; with `dryRun=true` only say which of them would change."""
        principal = await self._api.enter(request, query=("dryRun",))
        is_dry_run = flag(request, "dryRun")
        body = await read_object(request)
        values = _read_secrets(body)
        changes = await self._platform.management.secrets.put(
            principal, _agent_id(request), values, is_dry_run=is_dry_run
        )
        return http.json_response({"dryRun": is_dry_run, "secrets": [_show_secret(change) for change in changes]})

    async def _answer(
        self, principal: Principal, request: Request, result: ApplyResult, *, digest: str | None = None
    ) -> Response:
        headers = {"ETag": wire.etag(result.version), "Base-ETag": wire.etag(result.base_version)}
        headers["Plan-Hash"] = plan_hash(result.plan)
        if digest is not None:
            headers["Document-Hash"] = digest
        if result.warnings:
            headers["Plan-Warning"] = http.safe_header("; ".join(result.warnings))
        config = None
        if result.sections is not None:
            exported = await self._export_after(principal, request, result)
            headers["Revision"] = "" if result.revision is None else str(result.revision)
            config = exported
        status = 422 if result.failed is not None else 200
        return http.json_response(wire.show_result(result, config), status, headers)

    async def _export_after(self, principal: Principal, request: Request, result: ApplyResult) -> dict[str, Any]:
        """Return the configuration the apply left, as far as the caller may read it."""
        seen = self._platform.management.configs.visible(principal, result.sections or {})
        omitted = [section for section in SECTION_NAMES.values() if section not in seen]
        return wire.show_document(seen, omitted=omitted, has_jwt_secret=result.has_jwt_secret)


def _agent_id(request: Request) -> str:
    return str(request.path_params["chatbotId"])


def _number(request: Request) -> int:
    text = str(request.path_params["number"])
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidRequest("A revision is named by its number.")
    return int(text)


def _count(value: str | None, name: str) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise http.invalid_fields([{"field": name, "message": "A whole number is expected.", "type": "int"}])
    return int(value)


def _switch(value: str | None, name: str) -> bool:
    if value not in (None, "true", "false"):
        raise http.invalid_fields([{"field": name, "message": "true or false is expected.", "type": "bool"}])
    return value == "true"


def _mode(value: str | None) -> bool:
    if value not in (None, "stepwise", "atomic"):
        raise http.invalid_fields(
            [{"field": "apply-mode", "message": "stepwise or atomic is expected.", "type": "mode"}]
        )
    return value == "atomic"


def _show_revision(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "cause": revision.cause,
        "status": revision.status,
        "actor": {"kind": revision.actor_kind, "id": revision.actor_id, "name": revision.actor_name},
        "createdAt": wire.time_text(revision.created_at),
        "finishedAt": wire.time_text(revision.finished_at),
        "baseETag": wire.etag(revision.base_version),
        "etag": wire.etag(revision.version),
        "opCount": revision.op_count,
        "doneCount": revision.done_count,
        "failure": revision.failure,
        "note": revision.note,
    }


def _show_secret(change: SecretChange) -> dict[str, Any]:
    place = (
        change.place.name if change.place.server is None else f"mcpServers/{change.place.server}/{change.place.name}"
    )
    shown = {"place": "accessProtection/jwtSecret" if change.place.server is None else place}
    return wire.without_nones(
        {
            **shown,
            "action": change.action,
            "fingerprint": change.fingerprint,
            "updatedAt": wire.time_text(change.updated_at),
        }
    )


def _read_secrets(body: dict[str, Any]) -> dict[Place, str | None]:
    """Read `{"secrets": {place: value or null}}`; a place is `accessProtection/jwtSecret` or
    `mcpServers/<name>/headers/<header>`, `.../env/<variable>`.
    """
    entries = body.get("secrets")
    if set(body) != {"secrets"} or not isinstance(entries, dict):
        raise InvalidRequest("The body has one field, `secrets`: an object of values by place.")
    values: dict[Place, str | None] = {}
    for text, value in entries.items():
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"The secret at {text!r} is not a text.")
        values[_place(text)] = value
    return values


def _place(text: str) -> Place:
    if text == "accessProtection/jwtSecret":
        return Place(server=None, name="jwt_secret")
    section, _, rest = text.partition("/")
    # A server's name may hold slashes; what it is for does not.
    parts = rest.rsplit("/", 2)
    if section != "mcpServers" or len(parts) != 3 or parts[1] not in ("headers", "env") or not parts[0] or not parts[2]:
        raise InvalidRequest(f"{text[:80]!r} is no place for a secret.", details={"path": text[:200]})
    return Place(server=parts[0], name=f"{parts[1]}/{parts[2]}")
