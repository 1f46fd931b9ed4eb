"""Knowledge files: list, upload, resolve, delete (section 3.6)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import PurePosixPath
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from trivium.contracts.body import UnsupportedMediaType
from trivium.contracts.http import json_response
from trivium.contracts.paging import clamp_limit, number_of
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.names import time_text
from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Document
from trivium.core.platform import Platform, Upload

# Open point 8. The name's ending decides where a browser sends no useful type.
_TEXTS = ".txt .md .markdown .html .htm .pdf .csv .tsv .json .docx .xlsx .pptx .xml .srt .vtt"
_ENDINGS = frozenset((_TEXTS + " .png .jpg .jpeg .gif .webp").split())
SIZE_MAX = 25 * 1024 * 1024
_OVERHEAD = 64 * 1024
_PIECE = 256 * 1024


class KnowledgeRoutes:
    """The documents that every agent of the organization may use."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, call, method, summary in (
            ("", self.find, "GET", "List knowledge files"),
            ("", self.upload, "POST", "Upload a knowledge file"),
            ("/resolve", self.resolve, "GET", "Find the file that a label means"),
            ("/{file_id}", self.get, "GET", "Look at a knowledge file"),
            ("/{file_id}", self.remove, "DELETE", "Delete a knowledge file"),
        ):
            router.add(f"/knowledge-files{path}", call, methods=[method], summary=summary, tags=["Knowledge"])

    def add_downloads_to(self, router: Router) -> None:
        """Add what the `url` of an upload leads to, which is not below the prefix."""
        router.add(
            "/files/{file_id}/{name}", self.download, methods=["GET"], summary="Download a file", tags=["Knowledge"]
        )

    async def find(self, request: Request) -> Response:
        """Return the newest files; `limit` 1 to 100, default 25."""
        principal = await identify(self._platform, request)
        limit = clamp_limit(number_of(request.query_params.get("limit"), "limit"), default=25, maximum=100)
        found = await self._platform.knowledge.find(principal.organization_id, limit=limit)
        return json_response({"files": [file_json(one) for one in found]})

    async def upload(self, request: Request) -> Response:
        """Store a file and have it indexed in the background; one with the same name and folder is replaced."""
        principal = await identify(self._platform, request)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "multipart/form-data":
            raise UnsupportedMediaType("Send the file as multipart/form-data, in the part `file`.")
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and len(declared) < 20 and int(declared) > SIZE_MAX + _OVERHEAD:
            raise _too_large()
        try:
            form = await request.form(max_files=1, max_fields=20)
        except MultiPartException as error:
            raise InvalidRequest(f"The form cannot be read: {error.message}", code="invalid_form") from error
        try:
            document = await self._add(principal.organization_id, form)
        finally:
            await form.close()
        return json_response(
            {
                "name": document.name,
                "url": f"/files/{document.id}/{quote(document.name)}",
                "id": document.id,
                "status": document.status,
                "folderPath": document.folder,
            },
            201,
        )

    async def _add(self, organization_id: str, form: FormData) -> Document:
        part, folder = form.get("file"), form.get("folderPath") or ""
        if not isinstance(part, UploadFile) or not part.filename:
            raise InvalidRequest("The part `file` with a file name is needed.", code="missing_file")
        if not isinstance(folder, str):
            raise InvalidRequest("folderPath must be text.", code="invalid_form")
        _check_kind(part.filename)
        wanted = Upload(name=part.filename, mime_type=_mime_type(part), folder=folder.strip("/"))
        async with aclosing(_pieces(part)) as pieces:
            return await self._platform.knowledge.add(organization_id, wanted, pieces)

    async def resolve(self, request: Request) -> Response:
        """Return which file a label means; 404 for none, 409 for several."""
        principal = await identify(self._platform, request)
        label = request.query_params.get("label", "")
        if not label:
            raise InvalidRequest("The query parameter label is needed.", code="missing_label")
        found = await self._platform.knowledge.resolve(principal.organization_id, label)
        return json_response({"fileId": found.document.id, "matchedBy": found.matched_by})

    async def get(self, request: Request, file_id: str) -> Response:
        """Return one file."""
        principal = await identify(self._platform, request)
        return json_response(file_json(await self._platform.knowledge.get(principal.organization_id, file_id)))

    async def download(self, request: Request, file_id: str, name: str) -> Response:
        """Return the bytes that were uploaded; the name is for people. What an agent made needs no credential."""
        if file_id.startswith("made_"):
            file, made = await self._platform.made_files.open(file_id)
            return _download(file.name, file.mime_type, made)
        principal = await identify(self._platform, request)
        document, pieces = await self._platform.knowledge.original(principal.organization_id, file_id)
        return _download(document.name, document.mime_type, pieces)

    async def remove(self, request: Request, file_id: str) -> Response:
        """Delete a file and everything found in it."""
        principal = await identify(self._platform, request, role="admin")
        await self._platform.knowledge.delete(principal.organization_id, file_id)
        return Response(status_code=204)


def _download(name: str, mime_type: str, pieces: AsyncGenerator[bytes, None]) -> Response:
    async def closed_after() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    # Never shown in place: what somebody uploaded is no page of ours.
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    return StreamingResponse(closed_after(), media_type=mime_type or "application/octet-stream", headers=headers)


def file_json(document: Document) -> JSONObject:
    """Return a file as it is listed."""
    return {
        "id": document.id,
        "name": document.name,
        "status": document.status,
        "folderPath": document.folder,
        "mimeType": document.mime_type,
        "size": document.size_bytes,
        "createdAt": time_text(document.created_at),
        "error": document.error,
    }


async def _pieces(part: UploadFile) -> AsyncGenerator[bytes, None]:
    size = 0
    while piece := await part.read(_PIECE):
        size += len(piece)
        if size > SIZE_MAX:
            raise _too_large()
        yield piece


def _too_large() -> LimitExceeded:
    return LimitExceeded(f"A file has at most {SIZE_MAX} bytes.", code="too_large", is_size=True)


def _check_kind(name: str) -> None:
    ending = PurePosixPath(name).suffix.lower()
    if ending not in _ENDINGS:
        kinds = "text, Markdown, HTML, PDF, CSV, JSON, DOCX, XLSX, PPTX, subtitles and pictures"
        raise UnsupportedMediaType(f"Files of the kind {ending or name[-20:]!r} cannot be read; {kinds} can.")


def _mime_type(part: UploadFile) -> str:
    given = (part.content_type or "").partition(";")[0].strip().lower()
    return "" if given == "application/octet-stream" else given
