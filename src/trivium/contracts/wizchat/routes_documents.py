"""Documents and videos of a chatbot."""

from collections.abc import AsyncGenerator
from typing import Any, Literal

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, wire
from trivium.contracts.wizchat.api import PAGING, Api, page, read_object
from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.knowledge import Collection, Document, ViewAccess
from trivium.core.platform import Upload

_BOT = "/chatbots/{chatbotId}"
_UPLOAD_MAX = 105 << 20
_PIECE = 1 << 16
_FIELDS = ("displayName", "viewAccessLevel", "scopeId")
_LEVELS: dict[str, ViewAccess] = {
    "owner-only": "owner_only",
    "authenticated-users": "authenticated",
    "anyone-with-link": "anyone_with_link",
    "permanent-public": "public",
}
_SHOWN_LEVELS = {ours: theirs for theirs, ours in _LEVELS.items()}
_STATUS = {"ready": "completed"}
Kind = Literal["documents", "videos"]


class DocumentRoutes:
    """The same five calls for documents and for videos; `kind` says which."""

    def __init__(self, api: Api, kind: Kind) -> None:
        self._api = api
        self._kind = kind
        self._word = kind[:-1]
        self._knowledge = api.platform.knowledge
        shape = shapes.PublicDocument if kind == "documents" else shapes.PublicVideo
        read, write, path = f"{kind}:read", f"{kind}:write", f"{_BOT}/{kind}"
        many: dict[str, Any] = {"answer": shape, "wrapper": kind, "is_list": True}
        one: dict[str, Any] = {"answer": shape, "wrapper": self._word}
        api.add("GET", path, self.list_all, scope=read, query=PAGING, **many)
        api.add("POST", path, self.add, scope=write, status=201, **one)
        api.add("POST", f"{path}/url", self.add_url, scope=write, status=202, **one)
        api.add("GET", f"{path}/{{documentId}}", self.get, scope=read, **one)
        api.add("PATCH", f"{path}/{{documentId}}", self.change, scope=write, **one)
        api.add("DELETE", f"{path}/{{documentId}}", self.delete, scope=write, status=204)

    async def list_all(self, request: Request) -> Response:
        """List what the chatbot knows."""
        principal = await self._api.enter(request, f"{self._kind}:read", query=PAGING)
        found = await self._knowledge.find(
            principal.organization_id, limit=10_000, agent_id=await self._bot(principal, request)
        )
        slugs = await self._slugs(principal, request)
        shown = [self._show(one, slugs) for one in reversed(found) if self._is_ours(one)]
        return page(request, shown, self._kind)

    async def add(self, request: Request) -> Response:
        """Upload a file; it is read in the background."""
        principal = await self._api.enter(request, f"{self._kind}:write")
        agent_id = await self._bot(principal, request)
        if request.headers.get("content-type", "").startswith("application/json"):
            return await self._from_url(principal, request, agent_id)
        _check_length(request)
        async with request.form(max_files=1, max_fields=len(_FIELDS)) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile) or set(form) - {"file", *_FIELDS}:
                raise InvalidRequest(f"The form has `file` and, if wanted, {', '.join(_FIELDS)}.")
            fields = {name: form[name] for name in _FIELDS if name in form}
            upload = await self._upload(principal, request, fields, name=file.filename or "file")
            document = await self._knowledge.add(principal.organization_id, upload, _pieces(file))
        return await self._answer(principal, request, document, status=201)

    async def add_url(self, request: Request) -> Response:
        """Add a page of the web; it is fetched in the background."""
        principal = await self._api.enter(request, f"{self._kind}:write")
        return await self._from_url(principal, request, await self._bot(principal, request))

    async def get(self, request: Request) -> Response:
        """Get one with its state."""
        principal = await self._api.enter(request, f"{self._kind}:read")
        return await self._answer(principal, request, await self._one(principal, request))

    async def change(self, request: Request) -> Response:
        """Change the name, who may see it, or the scope."""
        principal = await self._api.enter(request, f"{self._kind}:write")
        body = await read_object(request)
        if not body or set(body) - set(_FIELDS):
            raise InvalidRequest(f"What can be changed is {', '.join(_FIELDS)}.")
        document = await self._one(principal, request)
        upload = await self._upload(principal, request, body, name=document.name)
        names = {"displayName": "name", "viewAccessLevel": "view_access", "scopeId": "collection_id"}
        changes = {names[name]: getattr(upload, names[name]) for name in body}
        changed = await self._knowledge.change(principal.organization_id, document.id, **changes)
        return await self._answer(principal, request, changed)

    async def delete(self, request: Request) -> Response:
        """Delete it with all that was read out of it."""
        principal = await self._api.enter(request, f"{self._kind}:write")
        document = await self._one(principal, request)
        await self._knowledge.delete(principal.organization_id, document.id)
        return Response(status_code=204)

    async def _from_url(self, principal: Principal, request: Request, agent_id: str) -> Response:
        body = await read_object(request)
        url = body.get("url")
        if not isinstance(url, str) or set(body) - {"url", "name", *_FIELDS}:
            raise InvalidRequest(f"The body has `url` and, if wanted, {', '.join(_FIELDS)}.")
        if self._kind == "videos":
            # Said plainly, instead of a video that never becomes ready.
            message = "Videos are not fetched from other sites yet; upload the file or its subtitles."
            return http.json_response({"error": {"code": "not_implemented", "message": message}}, 501)
        name = str(body.get("displayName") or body.get("name") or url.split("://", 1)[-1].rstrip("/").replace("/", " "))
        fields = {name: body[name] for name in _FIELDS if name in body}
        upload = await self._upload(principal, request, fields, name=name[:255])
        document = await self._knowledge.add_url(principal.organization_id, url, upload)
        return await self._answer(principal, request, document, status=202)

    async def _upload(self, principal: Principal, request: Request, fields: dict[str, Any], *, name: str) -> Upload:
        for field, value in fields.items():
            if not isinstance(value, str) and not (value is None and field == "scopeId"):
                raise InvalidRequest(f"`{field}` is a text.", details={"path": field})
        level = fields.get("viewAccessLevel", "anyone-with-link")
        if level not in _LEVELS:
            raise InvalidRequest(
                f"`viewAccessLevel` is one of {', '.join(_LEVELS)}.", details={"path": "viewAccessLevel"}
            )
        return Upload(
            name=fields.get("displayName") or name,
            agent_id=str(request.path_params["chatbotId"]),
            collection_id=await self._collection_id(principal, request, fields.get("scopeId")),
            kind="file" if self._kind == "documents" else "video",
            view_access=_LEVELS[level],
            metadata={"original_name": name},
        )

    async def _collection_id(self, principal: Principal, request: Request, slug: str | None) -> str | None:
        if not slug:
            return None
        found = [one.id for one in (await self._collections(principal, request)) if one.slug == slug]
        if not found:
            raise InvalidRequest(f"There is no scope {slug!r}.", details={"path": "scopeId"})
        return found[0]

    async def _collections(self, principal: Principal, request: Request) -> list[Collection]:
        configs = self._api.platform.management.configs
        return await configs.collections(principal, str(request.path_params["chatbotId"]))

    async def _slugs(self, principal: Principal, request: Request) -> dict[str, str]:
        return {one.id: one.slug for one in await self._collections(principal, request)}

    async def _bot(self, principal: Principal, request: Request) -> str:
        agent_id = str(request.path_params["chatbotId"])
        await self._api.platform.management.publishing.published(principal.organization_id, agent_id)
        return agent_id

    async def _one(self, principal: Principal, request: Request) -> Document:
        document_id = str(request.path_params["documentId"])
        agent_id = await self._bot(principal, request)
        found = await self._knowledge.get(principal.organization_id, document_id)
        if found.agent_id != agent_id or not self._is_ours(found):
            raise NotFound(self._word, document_id)
        return found

    async def _answer(
        self, principal: Principal, request: Request, document: Document, *, status: int = 200
    ) -> Response:
        return http.json_response({self._word: self._show(document, await self._slugs(principal, request))}, status)

    def _is_ours(self, document: Document) -> bool:
        return (document.kind == "video") == (self._kind == "videos")

    def _show(self, document: Document, slugs: dict[str, str]) -> dict[str, Any]:
        original = document.metadata.get("original_name")
        shown: dict[str, Any] = {
            "document_id": document.id,
            "id": document.id,
            "chatbotId": document.agent_id,
            "displayName": document.name,
            "originalFileName": original if isinstance(original, str) else document.name,
            "status": _STATUS.get(document.status, document.status),
            "uploadedAt": wire.time_text(document.created_at),
            "vectorCount": document.passage_count,
            "viewAccessLevel": _SHOWN_LEVELS[document.view_access],
            "scopeId": slugs.get(document.collection_id or ""),
            "authorizedEmailCount": len(document.reader_emails),
            "authorizedGroupCount": len(document.reader_groups),
        }
        if self._kind == "documents":
            shown |= {"documentType": _type_of(document), "fileSize": document.size_bytes}
        else:
            shown |= {
                "platform": "upload",
                "source": "upload",
                "videoFileName": document.name,
                "videoTitle": document.name.rsplit(".", 1)[0],
            }
        return wire.without_nones(shown)


def _type_of(document: Document) -> str:
    if document.kind == "url":
        return "url"
    name, dot, ending = document.name.rpartition(".")
    return ending.lower() if dot and name and len(ending) <= 10 else document.mime_type


def _check_length(request: Request) -> None:
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidRequest("A file is sent as multipart/form-data.")
    length = request.headers.get("content-length", "")
    if not length.isdigit() or len(length) > 15:
        raise InvalidRequest("An upload says how long it is (Content-Length).")
    if int(length) > _UPLOAD_MAX:
        raise LimitExceeded(f"An upload has at most {_UPLOAD_MAX >> 20} MB.", code="too_large", is_size=True)


async def _pieces(file: UploadFile) -> AsyncGenerator[bytes, None]:
    while piece := await file.read(_PIECE):
        yield piece
