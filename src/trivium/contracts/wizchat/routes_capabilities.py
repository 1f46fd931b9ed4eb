"""What a chatbot knows and can do: knowledge scopes, MCP servers, skills."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, shapes_config, wire
from trivium.contracts.wizchat.api import NO_STORE, PAGING, Api, page, read_object
from trivium.contracts.wizchat.names import FIELDS
from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.platform import Place

_BOT = "/chatbots/{chatbotId}"
_CREDENTIALS = ("headers", "env")


class ScopeRoutes:
    """Knowledge scopes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._configs = api.platform.management.configs
        section, scope = shapes_config.ScopesSection, {"answer": shapes.PublicScope, "wrapper": "scope"}
        read, write = "chatbots:read", "chatbots:write"
        api.add("GET", f"{_BOT}/scopes", self.get, scope=read, mark="contract", answer=section)
        api.add("PUT", f"{_BOT}/scopes", self.put, scope=write, answer=section, body=section)
        api.add("POST", f"{_BOT}/scopes", self.create, scope=write, status=201, body=shapes.PublicScope, **scope)  # type: ignore[arg-type] # two options by name
        api.add("PATCH", f"{_BOT}/scopes/{{scopeId}}", self.change, scope=write, body=shapes.PublicScope, **scope)  # type: ignore[arg-type] # two options by name
        api.add("DELETE", f"{_BOT}/scopes/{{scopeId}}", self.delete, scope=write, status=204)

    async def get(self, request: Request) -> Response:
        """Get all knowledge scopes."""
        principal = await self._api.enter(request, "chatbots:read")
        return http.json_response(wire.show_section("collections", await self._section(principal, request)))

    async def put(self, request: Request) -> Response:
        """Replace the knowledge scopes; a scope that holds documents cannot be left out."""
        principal = await self._api.enter(request, "chatbots:write")
        body = await read_object(request)
        wire.check(shapes_config.ScopesSection, body)
        whole: dict[str, Any] = {
            "scopes": [],
            "uiTree": None,
            "slotWorkflows": None,
            "defaultSlotId": None,
            "defaultScopeLabel": None,
        }
        await self._configs.change(principal, _bot(request), wire.read_sections({"scopes": {**whole, **body}}))
        return http.json_response(wire.show_section("collections", await self._section(principal, request)))

    async def create(self, request: Request) -> Response:
        """Make a knowledge scope; without an id it gets one from its label."""
        principal = await self._api.enter(request, "chatbots:write")
        body = await read_object(request)
        wire.check(shapes.PublicScope, body)
        slug = body.get("id") or _slug(str(body.get("label") or ""))
        items = await self._items(principal, request)
        if any(item["id"] == slug for item in items):
            raise Conflict(f"There is a scope {slug!r} already.", code="already_exists")
        wish = FIELDS["collections"].nested["collections"].into_core({**body, "id": slug})
        return await self._write(principal, request, [*items, wish], str(slug), status=201)

    async def change(self, request: Request) -> Response:
        """Change a knowledge scope; what is left out stays."""
        principal = await self._api.enter(request, "chatbots:write")
        body = await read_object(request)
        wire.check(shapes.PublicScope, body)
        slug = str(request.path_params["scopeId"])
        if body.get("id", slug) != slug:
            raise InvalidRequest("The id of a scope is permanent.")
        items = await self._items(principal, request)
        if all(item["id"] != slug for item in items):
            raise NotFound("collection", slug)
        wish = FIELDS["collections"].nested["collections"].into_core(body)
        changed = [{**item, **wish} if item["id"] == slug else item for item in items]
        return await self._write(principal, request, changed, slug)

    async def delete(self, request: Request) -> Response:
        """Delete a knowledge scope that holds no documents."""
        principal = await self._api.enter(request, "chatbots:write")
        slug = str(request.path_params["scopeId"])
        items = await self._items(principal, request)
        kept = [item for item in items if item["id"] != slug]
        if len(kept) == len(items):
            raise NotFound("collection", slug)
        await self._configs.change(principal, _bot(request), {"collections": {"collections": [*kept]}})
        return Response(status_code=204)

    async def _section(self, principal: Principal, request: Request) -> dict[str, Any]:
        section: Any = await self._configs.section(principal, _bot(request), "collections")
        return dict(section)

    async def _items(self, principal: Principal, request: Request) -> list[dict[str, Any]]:
        return [dict(item) for item in (await self._section(principal, request))["collections"]]

    async def _write(
        self, principal: Principal, request: Request, items: list[dict[str, Any]], slug: str, *, status: int = 200
    ) -> Response:
        await self._configs.change(principal, _bot(request), {"collections": {"collections": [*items]}})
        item = next(one for one in await self._items(principal, request) if one["id"] == slug)
        shown = FIELDS["collections"].nested["collections"].into_wire(item)
        return http.json_response({"scope": shown}, status)


class ServerRoutes:
    """MCP servers."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._management = api.platform.management
        server: dict[str, Any] = {"answer": shapes.PublicMcpServer}
        one, path = {**server, "wrapper": "mcpServer"}, f"{_BOT}/mcp-servers"
        api.add(
            "GET", path, self.list_all, scope="mcp:read", wrapper="mcpServers", is_list=True, query=PAGING, **server
        )
        api.add("POST", path, self.create, scope="mcp:write", status=201, body=shapes.PublicMcpServer, **one)
        api.add("GET", f"{path}/{{serverId}}", self.get, scope="mcp:read", **one)
        api.add("PATCH", f"{path}/{{serverId}}", self.change, scope="mcp:write", body=shapes.PublicMcpServer, **one)
        api.add("DELETE", f"{path}/{{serverId}}", self.delete, scope="mcp:write", status=204)
        api.add("PUT", f"{path}/{{serverId}}/credentials", self.put_credentials, scope="mcp:write", status=204)
        api.add("POST", f"{path}/{{serverId}}/discover-tools", self.discover, scope="mcp:write", status=202, **one)
        api.add("POST", f"{path}/{{serverId}}/access-key", self.rotate, scope="mcp:write", status=201)

    async def list_all(self, request: Request) -> Response:
        """List MCP servers."""
        principal = await self._api.enter(request, "mcp:read", query=PAGING)
        servers = await self._management.capabilities.servers(principal, _bot(request))
        return page(request, [_show_server(server) for server in servers], "mcpServers")

    async def create(self, request: Request) -> Response:
        """Make an MCP server; its tools are discovered in the background."""
        principal = await self._api.enter(request, "mcp:write")
        body = await _checked(request, shapes.PublicMcpServer)
        name = await self._new_name(principal, request, body)
        await self._put(principal, request, body)
        servers = await self._management.capabilities.servers(principal, _bot(request))
        made = next(server for server in servers if server.name == name)
        return http.json_response({"mcpServer": _show_server(made)}, 201)

    async def get(self, request: Request) -> Response:
        """Get an MCP server."""
        principal = await self._api.enter(request, "mcp:read")
        return await self._show(principal, request)

    async def change(self, request: Request) -> Response:
        """Change an MCP server; with another name it keeps its id and credentials."""
        principal = await self._api.enter(request, "mcp:write")
        body = await _checked(request, shapes.PublicMcpServer)
        server = await self._server(principal, request)
        name = body.get("name") or server.name
        if name != server.name:
            await self._management.configs.rename(
                principal, _bot(request), "mcp_servers", old=server.name, new=str(name)
            )
        if set(body) - {"name"}:
            await self._put(principal, request, {**body, "name": name})
        return await self._show(principal, request)

    async def delete(self, request: Request) -> Response:
        """Delete an MCP server with its credentials."""
        principal = await self._api.enter(request, "mcp:write")
        server = await self._server(principal, request)
        await self._management.configs.remove(principal, _bot(request), "mcp_servers", server.name)
        return Response(status_code=204)

    async def put_credentials(self, request: Request) -> Response:
        """Set headers and variables of an MCP server; they are never shown. null removes one."""
        principal = await self._api.enter(request, "mcp:write")
        body = await read_object(request)
        server = await self._server(principal, request)
        if "command" in body or "args" in body:
            raise InvalidRequest("Programs are named in the operator's own configuration only.", code="stdio_refused")
        if not body or set(body) - set(_CREDENTIALS):
            raise InvalidRequest("Credentials are `headers` and `env`: objects of texts.")
        values: dict[Place, str | None] = {}
        for kind, entries in body.items():
            if not isinstance(entries, dict):
                raise InvalidRequest(f"`{kind}` is an object of texts.")
            for name, value in entries.items():
                if value is not None and not isinstance(value, str):
                    raise InvalidRequest(f"`{kind}` is an object of texts.")
                values[Place(server=server.name, name=f"{kind}/{name}")] = value
        await self._management.secrets.put(principal, _bot(request), values)
        return Response(status_code=204)

    async def discover(self, request: Request) -> Response:
        """Ask an MCP server for its tools, in the background."""
        principal = await self._api.enter(request, "mcp:write")
        server = await self._server(principal, request)
        await self._management.capabilities.discover(principal, _bot(request), server.id)
        return http.json_response({"mcpServer": _show_server(server)}, 202)

    async def rotate(self, request: Request) -> Response:
        """Make a new access key for an MCP server; it is shown this once."""
        principal = await self._api.enter(request, "mcp:write")
        server = await self._server(principal, request)
        changed, secret = await self._management.capabilities.rotate_access_key(principal, _bot(request), server.id)
        answer = {
            "accessKey": secret,
            "accessKeyHint": changed.access_key_hint,
            "accessKeyUpdatedAt": wire.time_text(changed.access_key_updated_at),
        }
        return http.json_response(answer, 201, NO_STORE)

    async def _show(self, principal: Principal, request: Request) -> Response:
        return http.json_response({"mcpServer": _show_server(await self._server(principal, request))})

    async def _server(self, principal: Principal, request: Request) -> McpServer:
        server_id = str(request.path_params["serverId"])
        return await self._management.capabilities.server(principal, _bot(request), server_id)

    async def _new_name(self, principal: Principal, request: Request, body: dict[str, Any]) -> str:
        servers = await self._management.capabilities.servers(principal, _bot(request))
        name = str(body.get("name") or "")
        if any(server.name == name for server in servers):
            raise Conflict(f"There is an MCP server {name!r} already.", code="already_exists")
        return name

    async def _put(self, principal: Principal, request: Request, body: dict[str, Any]) -> None:
        await self._management.configs.change(principal, _bot(request), wire.read_sections({"mcpServers": [body]}))


class SkillRoutes:
    """Skills."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._management = api.platform.management
        skill: dict[str, Any] = {"answer": shapes.PublicSkill}
        one, path = {**skill, "wrapper": "skill"}, f"{_BOT}/skills"
        api.add("GET", path, self.list_all, scope="skills:read", wrapper="skills", is_list=True, query=PAGING, **skill)
        api.add("POST", path, self.create, scope="skills:write", status=201, body=shapes.PublicSkill, **one)
        api.add(
            "POST",
            f"{path}/import",
            self.import_all,
            scope="skills:write",
            status=201,
            wrapper="skills",
            is_list=True,
            **skill,
        )
        api.add("GET", f"{path}/{{skillId}}", self.get, scope="skills:read", **one)
        api.add("PATCH", f"{path}/{{skillId}}", self.change, scope="skills:write", body=shapes.PublicSkill, **one)
        api.add("DELETE", f"{path}/{{skillId}}", self.delete, scope="skills:write", status=204)

    async def list_all(self, request: Request) -> Response:
        """List skills."""
        principal = await self._api.enter(request, "skills:read", query=PAGING)
        return page(request, await self._all(principal, request), "skills")

    async def create(self, request: Request) -> Response:
        """Make a skill."""
        principal = await self._api.enter(request, "skills:write")
        body = await _checked(request, shapes.PublicSkill)
        shown = await self._all(principal, request)
        if any(skill["name"] == body.get("name") for skill in shown):
            raise Conflict(f"There is a skill {body.get('name')!r} already.", code="already_exists")
        await self._put(principal, request, body)
        made = next(skill for skill in await self._all(principal, request) if skill["name"] == body["name"])
        return http.json_response({"skill": made}, 201)

    async def import_all(self, request: Request) -> Response:
        """Make a skill of every prompt that an MCP server offers."""
        principal = await self._api.enter(request, "skills:write")
        body = await read_object(request)
        server_id = body.get("sourceServerId")
        if set(body) != {"sourceServerId"} or not isinstance(server_id, str):
            raise InvalidRequest("The body has one field, `sourceServerId`.")
        names = await self._management.capabilities.import_skills(principal, _bot(request), server_id)
        shown = [skill for skill in await self._all(principal, request) if skill["name"] in names]
        return http.json_response({"skills": shown}, 201)

    async def get(self, request: Request) -> Response:
        """Get a skill."""
        principal = await self._api.enter(request, "skills:read")
        return http.json_response({"skill": await self._one(principal, request)})

    async def change(self, request: Request) -> Response:
        """Change a skill; with another name it keeps its id."""
        principal = await self._api.enter(request, "skills:write")
        body = await _checked(request, shapes.PublicSkill)
        skill = await self._one(principal, request)
        name = body.get("name") or skill["name"]
        if name != skill["name"]:
            await self._management.configs.rename(principal, _bot(request), "skills", old=skill["name"], new=str(name))
        if set(body) - {"name"}:
            await self._put(principal, request, {**body, "name": name})
        return http.json_response({"skill": await self._one(principal, request)})

    async def delete(self, request: Request) -> Response:
        """Delete a skill."""
        principal = await self._api.enter(request, "skills:write")
        skill = await self._one(principal, request)
        await self._management.configs.remove(principal, _bot(request), "skills", skill["name"])
        return Response(status_code=204)

    async def _put(self, principal: Principal, request: Request, body: dict[str, Any]) -> None:
        await self._management.configs.change(principal, _bot(request), wire.read_sections({"skills": [body]}))

    async def _all(self, principal: Principal, request: Request) -> list[dict[str, Any]]:
        skills, servers = await self._management.capabilities.skills(principal, _bot(request))
        return [_show_skill(skill, servers) for skill in skills]

    async def _one(self, principal: Principal, request: Request) -> dict[str, Any]:
        skill_id = str(request.path_params["skillId"])
        found = [skill for skill in await self._all(principal, request) if skill["id"] == skill_id]
        if not found:
            raise NotFound("skill", skill_id)
        return found[0]


def _bot(request: Request) -> str:
    return str(request.path_params["chatbotId"])


async def _checked(request: Request, shape: type[shapes.Closed]) -> dict[str, Any]:
    body = await read_object(request)
    wire.check(shape, body)
    return body


def _slug(label: str) -> str:
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in label.lower()).split())[:64]
    if not slug:
        raise InvalidRequest("A scope needs an id or a label with letters.", details={"path": "id"})
    return slug


def _show_server(server: McpServer) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": server.id,
        "name": server.name,
        "description": server.description,
        "type": server.type,
        "enabled": server.enabled,
        "transport": server.transport,
        "url": server.url,
        "instructions": server.instructions,
        "tool_name_prefix": server.tool_name_prefix,
        **server.settings,
        "tools": [*server.tools],
        "tools_discovered_at": wire.time_text(server.tools_discovered_at),
        "access_key_hint": server.access_key_hint,
        "access_key_updated_at": wire.time_text(server.access_key_updated_at),
        "created_at": wire.time_text(server.created_at),
        "updated_at": wire.time_text(server.updated_at),
    }
    return wire.without_nones(FIELDS["mcp_servers"].into_wire(fields))


def _show_skill(skill: Skill, servers: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": skill.id,
        "name": skill.name,
        "description": skill.description,
        "body": skill.body,
        "enabled": skill.enabled,
        "mode": skill.mode,
        "source": skill.source,
        "source_server": servers.get(skill.source_server or "", skill.source_server),
        "linked_servers": [servers.get(name, name) for name in skill.linked_servers],
        "linked_agents": [*skill.linked_agents],
        "created_at": wire.time_text(skill.created_at),
        "updated_at": wire.time_text(skill.updated_at),
    }
    return wire.without_nones(FIELDS["skills"].into_wire(fields))
