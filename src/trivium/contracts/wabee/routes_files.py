"""The agent's files: ours, so that `context_files` and `file_path` have something to name."""

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.body import uploaded
from trivium.contracts.http import json_response
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.core.platform import Platform


class FileRoutes:
    """Upload, list, delete."""

    def __init__(self, platform: Platform, *, size_max: int) -> None:
        self._platform = platform
        self._size_max = size_max

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        add = router.add
        add("/files", self.upload, methods=["POST"], tags=["Files (ours)"], summary="Upload a file")
        add("/files", self.find, methods=["GET"], tags=["Files (ours)"], summary="List the agent's files")
        add("/files/{path:path}", self.delete, methods=["DELETE"], tags=["Files (ours)"], summary="Delete a file")

    async def upload(self, request: Request) -> Response:
        """Store the form's part `file`, under the form's `path` or else its own name; at most 50 MiB."""
        caller = await identify(self._platform, request)
        async with uploaded(request, size_max=self._size_max) as file:
            path = file.fields.get("path") or file.name
            stored = await self._platform.files.upload(caller.agent_id, path, file.pieces)
        return json_response({"path": stored.path, "size": stored.size_bytes}, 201)

    async def find(self, request: Request) -> Response:
        """Return the agent's files in order of their paths, at most 1,000."""
        caller = await identify(self._platform, request)
        found = await self._platform.files.find(caller.agent_id)
        return json_response({"files": [{"path": file.path, "size": file.size_bytes} for file in found]})

    async def delete(self, request: Request, path: str) -> Response:
        """Delete a file."""
        caller = await identify(self._platform, request)
        await self._platform.files.remove(caller.agent_id, path)
        return Response(status_code=204)
