"""What callers hand to an agent: files below its root, pictures, and both as part of a question."""

import contextlib
import mimetypes
from collections.abc import AsyncIterable, Sequence

from trivium.core.errors import CoreError, InvalidRequest, LimitExceeded, NotFound
from trivium.core.events import NoteAdded
from trivium.core.model.agents import Agent
from trivium.core.model.conversations import Image
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import Run
from trivium.core.ports import BlobStore, Extractor, FileTree, Images, TreeFile
from trivium.core.services.prompt import Context

FILE_SIZE_MAX = 50 * 1024 * 1024
_CONTEXT_SIZE_MAX = 20 * 1024 * 1024
_CONTEXT_CHARS_MAX = 60_000
_PICTURE_SIZE_MAX = 20 * 1024 * 1024
_TOOL_PICTURES_MAX = 4
_RULE = (
    "The caller gave these files along with the question. Use them where they help, "
    "and name the file in square brackets after each statement taken from one."
)


class AgentFiles:
    """The files of agents; also the source of the context that files add to a run."""

    def __init__(self, *, tree: FileTree, blobs: BlobStore, images: Images, extractor: Extractor | None = None) -> None:
        self._tree = tree
        self._blobs = blobs
        self._images = images
        self._extractor = extractor

    async def upload(self, agent_id: str, path: str, data: AsyncIterable[bytes]) -> TreeFile:
        """Store a file of at most 50 MiB below the agent's root, over what was there.

        InvalidRequest for a path that leaves the root, LimitExceeded (`is_size`).
        """
        size = await self._tree.write(agent_id, path, data, size_max=FILE_SIZE_MAX)
        return TreeFile(path=path, size_bytes=size)

    async def find(self, agent_id: str, *, limit: int = 1000) -> Sequence[TreeFile]:
        """Return the agent's files in order of their paths."""
        return await self._tree.find(agent_id, limit=limit)

    async def remove(self, agent_id: str, path: str) -> None:
        """Delete a file; NotFound when it is not there."""
        if not await self._tree.remove(agent_id, path):
            raise NotFound("file", path[:200])

    async def check(self, agent_id: str, paths: Sequence[str]) -> None:
        """Raise InvalidRequest, naming the file, unless all of them can be read by the agent."""
        for path in paths:
            try:
                size = await self._tree.size(agent_id, path)
            except NotFound as error:
                message = f"{path[:200]!r} is not among the agent's files."
                raise InvalidRequest(message, code="invalid_path", details={"path": path[:200]}) from error
            if size > _CONTEXT_SIZE_MAX:
                raise LimitExceeded(f"{path[:200]!r} is too large to be read along.", code="too_large", is_size=True)

    async def add_picture(self, organization_id: str, data: bytes) -> Image:
        """Check, re-encode and store a picture; InvalidRequest with a reason when nothing of it decodes."""
        mime_type, cleaned, width, height = await self._images.clean(data)
        key = f"pictures/{organization_id}/{new_id('img')}"
        await self._blobs.put(key, cleaned)
        return Image(mime_type=mime_type, blob_key=key, width_px=width, height_px=height)

    async def add_picture_file(self, organization_id: str, agent_id: str, path: str) -> Image:
        """Do the same with one of the agent's files."""
        try:
            data = await self._tree.read(agent_id, path, size_max=_PICTURE_SIZE_MAX)
        except NotFound as error:
            message = f"{path[:200]!r} is not among the agent's files."
            raise InvalidRequest(message, code="invalid_path", details={"path": path[:200]}) from error
        return await self.add_picture(organization_id, data)

    async def keep(self, organization_id: str, given: Sequence[tuple[str, bytes]]) -> tuple[Image, ...]:
        """Store the pictures that a tool returned, at most 4; what cannot be decoded is left out."""
        kept: list[Image] = []
        for _, data in given[:_TOOL_PICTURES_MAX]:
            with contextlib.suppress(InvalidRequest, LimitExceeded):
                kept.append(await self.add_picture(organization_id, data))
        return tuple(kept)

    async def forget(self, images: Sequence[Image]) -> None:
        """Delete stored pictures that nothing refers to."""
        for image in images:
            await self._blobs.delete(image.blob_key)

    async def load(self, image: Image) -> bytes:
        """Return the bytes of a stored picture; NotFound when they are gone."""
        return await self._blobs.get(image.blob_key)

    async def context(self, run: Run, agent: Agent) -> Context | None:
        """Return the text of the run's files, 60,000 characters in all; what cannot be read is noted in the trace."""
        if not run.input.files:
            return None
        parts = [_RULE]
        notes: list[NoteAdded] = []
        passages: list[JSONObject] = []
        left = _CONTEXT_CHARS_MAX
        for path in run.input.files:
            try:
                text = await self._text(agent.id, path)
            except CoreError as error:
                notes.append(NoteAdded(code="file_unread", message=f"{path}: {error.message}"))
                continue
            shown, left = text[:left], max(0, left - len(text))
            cut = f", cut after {len(shown)} of {len(text)} characters" if len(shown) < len(text) else ""
            parts.append(f"[{path}]\n{shown}")
            passages.append({"name": path, "text": shown})
            notes.append(NoteAdded(code="file_read", message=f"{path}: {len(shown)} characters{cut}"))
        text = "\n\n".join(parts) if passages else ""
        return Context(text=text, events=tuple(notes), passages=tuple(passages))

    async def _text(self, agent_id: str, path: str) -> str:
        data = await self._tree.read(agent_id, path, size_max=_CONTEXT_SIZE_MAX)
        mime_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        if self._extractor is None:
            return data.decode(errors="replace")
        extracted = await self._extractor.extract(data, name=path.rsplit("/", 1)[-1], mime_type=mime_type)
        return "\n\n".join(f"(page {part.page}) {part.text}" if part.page else part.text for part in extracted.parts)
