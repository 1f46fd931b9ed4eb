"""What the agent keeps (section 7); deleting, changing and resetting are ours."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr, field_validator
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.contracts.wabee.wire_sessions import to_time
from trivium.core.model.memory import DEFAULT_MODULE, Memory
from trivium.core.platform import Platform

_LENIENT = ConfigDict(extra="ignore")
Module = Annotated[StrictStr, Field(min_length=1, max_length=100)]
ModuleQuery = Annotated[str, Field(min_length=1, max_length=100)]


class ObservationBody(BaseModel):
    """A statement to keep. The body's module wins over the query's; the strategy may be in any letter case."""

    model_config = _LENIENT
    input: Annotated[StrictStr, Field(min_length=1, max_length=4_000)]
    module_id: Module | None = None
    addition_strategy: Literal["naive", "delete", "update"] | None = "naive"
    visitor_id: StrictStr | None = None

    @field_validator("addition_strategy", mode="before")
    @classmethod
    def _any_case(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


class DeleteBody(BaseModel):
    """Memories to forget."""

    model_config = _LENIENT
    module_id: Module | None = None
    ids: Annotated[list[StrictStr], Field(min_length=1, max_length=1_000)]


class ResetBody(BaseModel):
    """A module to forget everything of."""

    model_config = _LENIENT
    module_id: Module


class ChangeBody(BaseModel):
    """A memory's new text."""

    model_config = _LENIENT
    content: Annotated[StrictStr, Field(min_length=1, max_length=4_000)]


class MemoryRoutes:
    """`/memory/…`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        add, tag, ours = router.add, "Memory", "Memory (ours)"
        add("/memory/list", self.find, methods=["GET"], tags=[tag], summary="List memories")
        add("/memory/search", self.search, methods=["GET"], tags=[tag], summary="Search memories")
        for path, operation, tags, summary in (
            ("/memory/observation", self.observe, tag, "Keep a statement"),
            ("/memory/delete", self.delete, ours, "Forget memories"),
            ("/memory/reset", self.reset, ours, "Forget a module"),
        ):
            add(path, operation, methods=["POST"], tags=[tags], summary=summary)
        add("/memory/{memory_id}", self.change, methods=["PATCH"], tags=[ours], summary="Correct")

    async def find(self, request: Request, module_id: ModuleQuery, visitor_id: str | None = None) -> Response:
        """Return a module's memories, newest first."""
        caller = await identify(self._platform, request)
        found = await self._platform.memory.find(
            caller.organization_id, caller.agent_id, module_id, visitor_id=visitor_id
        )
        return json_response([_to_memory(memory) for memory in found])

    async def search(
        self,
        request: Request,
        query: Annotated[str, Field(min_length=1, max_length=4_000)],
        module_id: ModuleQuery = DEFAULT_MODULE,
        visitor_id: str | None = None,
    ) -> Response:
        """Return at most ten memories, best first."""
        caller = await identify(self._platform, request)
        found = await self._platform.memory.search(
            caller.organization_id, caller.agent_id, query, module=module_id, visitor_id=visitor_id
        )
        return json_response([{**_to_memory(one.memory), "score": one.score} for one in found])

    async def observe(self, request: Request, module_id: ModuleQuery = DEFAULT_MODULE) -> Response:
        """Keep a statement and settle what it contradicts."""
        caller = await identify(self._platform, request)
        body = validate(ObservationBody, await request.json())
        memory, affected = await self._platform.memory.observe(
            caller.organization_id,
            caller.agent_id,
            body.input,
            module=body.module_id or module_id,
            strategy=body.addition_strategy or "naive",
            visitor_id=body.visitor_id,
        )
        return json_response({"memory": _to_memory(memory), "affected": list(affected)})

    async def change(self, request: Request, memory_id: str) -> Response:
        """Correct a memory's text."""
        caller = await identify(self._platform, request)
        body = validate(ChangeBody, await request.json())
        changed = await self._platform.memory.change(caller.organization_id, caller.agent_id, memory_id, body.content)
        return json_response({"memory": _to_memory(changed)})

    async def delete(self, request: Request) -> Response:
        """Forget memories; those that were not there are left out of the answer."""
        caller = await identify(self._platform, request)
        body = validate(DeleteBody, await request.json())
        removed = await self._platform.memory.remove(
            caller.organization_id, caller.agent_id, body.module_id or DEFAULT_MODULE, body.ids
        )
        return json_response({"deleted": list(removed)})

    async def reset(self, request: Request) -> Response:
        """Forget a whole module."""
        caller = await identify(self._platform, request)
        body = validate(ResetBody, await request.json())
        count = await self._platform.memory.reset(caller.organization_id, caller.agent_id, body.module_id)
        return json_response({"deleted": count})


def _to_memory(memory: Memory) -> dict[str, object]:
    return {
        "id": memory.id,
        "module_id": memory.module,
        "content": memory.text,
        "created_at": to_time(memory.created_at),
        "updated_at": to_time(memory.updated_at),
        "valid": memory.is_valid,
        "metadata": memory.metadata,
    }
