"""Bookings that agents made: listed and cancelled by people (ours)."""

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response
from trivium.contracts.paging import clamp_limit, number_of
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.names import time_text
from trivium.core.model.desk import Booking
from trivium.core.model.json import JSONObject
from trivium.core.platform import Platform


class BookingRoutes:
    """The appointments of the caller's organization."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._appointments = platform.desk.appointments

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        router.add("/bookings", self.find, methods=["GET"], summary="List appointments", tags=["Bookings"])
        path = "/bookings/{booking_id}/cancel"
        router.add(path, self.cancel, methods=["POST"], summary="Cancel an appointment", tags=["Bookings"])

    async def find(self, request: Request) -> Response:
        """Return appointments, the ones booked last first."""
        principal = await identify(self._platform, request)
        limit = clamp_limit(number_of(request.query_params.get("limit"), "limit"), default=50, maximum=200)
        found = await self._appointments.find(
            principal.organization_id, limit=limit, before=request.query_params.get("before")
        )
        return json_response({"bookings": [booking_json(one) for one in found]})

    async def cancel(self, request: Request, booking_id: str) -> Response:
        """Cancel an appointment; its time is free again. One that is cancelled is answered as it is."""
        principal = await identify(self._platform, request)
        booking = await self._appointments.cancel(
            principal.organization_id, booking_id, by=principal.name or principal.id
        )
        return json_response(booking_json(booking))


def booking_json(booking: Booking) -> JSONObject:
    """Return an appointment as it is listed and answered."""
    return {
        "id": booking.id,
        "agentId": booking.agent_id,
        "calendar": booking.calendar,
        "status": booking.status,
        "start": time_text(booking.starts_at),
        "end": time_text(booking.ends_at),
        "name": booking.name,
        "contact": booking.reach,
        "notes": booking.notes,
        "conversationId": booking.conversation_id,
        "createdAt": time_text(booking.created_at),
    }
