"""Bookings: made once for each tool call, never two at one time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolConfig, ToolSpec
from trivium.core.model.desk import Booking
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Clock, Store, ToolContext, ToolResult, Transaction
from trivium.core.services.announcing import Announcing
from trivium.core.services.appointments.hours import Hours, is_bookable, read_hours, slots

TYPES = frozenset({"book_appointment", "builtin:book_appointment"})
FIND, BOOK, CANCEL = "find_appointments", "book_appointment", "cancel_appointment"
_SHOWN_MAX = 40
_DAYS_SHOWN = 7
_PER_DAY_MAX = 500
_NAME_CHARS_MAX = 200
_NOTES_CHARS_MAX = 2_000
_TIME = "When it begins, as `find_appointments` gave it, such as 2026-03-02T09:30:00+01:00."
_SPECS = (
    ToolSpec(
        name=FIND,
        description="Find free times for an appointment. Ask the visitor which of them suits before booking.",
        input_schema={
            "type": "object",
            "properties": {
                "from_date": {"type": "string", "description": "First day, such as 2026-03-02; missing: today."},
                "days": {"type": "integer", "minimum": 1, "maximum": 31, "description": "How many days; missing: 7."},
            },
        },
        is_repeatable=True,
        source="builtin",
    ),
    ToolSpec(
        name=BOOK,
        description="Book one of the free times for the visitor, once they have agreed to it.",
        input_schema={
            "type": "object",
            "properties": {
                "start": {"type": "string", "description": _TIME},
                "name": {"type": "string", "description": "Who comes."},
                "reach": {"type": "string", "description": "E-mail address or telephone number."},
                "notes": {"type": "string", "description": "What it is about."},
            },
            "required": ["start", "name"],
        },
        # The booking is found by its call.
        is_repeatable=True,
        source="builtin",
    ),
    ToolSpec(
        name=CANCEL,
        description="Cancel an appointment that was booked in this conversation.",
        input_schema={
            "type": "object",
            "properties": {"booking_id": {"type": "string"}},
            "required": ["booking_id"],
        },
        is_repeatable=True,
        source="builtin",
    ),
)


class Appointments:
    """See `core.ports.ToolHost`; and what people of the organization do with bookings."""

    def __init__(self, *, store: Store, clock: Clock, announcing: Announcing) -> None:
        self._store = store
        self._clock = clock
        self._announcing = announcing

    def lack(self, tool: ToolConfig) -> str | None:
        """Nothing is ever missing; InvalidRequest for hours that mean nothing."""
        if tool.type in TYPES:
            read_hours(tool.config)
        return None

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the three tools when they are switched on; booking is what an approval is for."""
        tool = next((tool for tool in agent.tools if tool.type in TYPES), None)
        if tool is None:
            return ()
        return [replace(one, requires_approval=tool.requires_approval and one.name == BOOK) for one in _SPECS]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Find, book or cancel; a time that is taken is an error that names other ones."""
        hours = _hours_of(context.agent)
        if name == FIND:
            return ToolResult(output=await self._free(hours, context, tool_input))
        if name == BOOK:
            return await self._book(hours, context, tool_input)
        if name == CANCEL:
            booking = await self._cancel_own(context, str(tool_input["booking_id"]))
            return ToolResult(output={"booking_id": booking.id, "status": booking.status})
        raise NotFound("tool", name)

    async def find(self, organization_id: str, *, limit: int = 50, before: str | None = None) -> list[Booking]:
        """Return bookings, the ones made last first."""
        return await self._store.read(
            lambda tx: tx.bookings.find(organization_id, limit=limit, newest_first=True, before=before)
        )

    async def cancel(self, organization_id: str, booking_id: str, *, by: str) -> Booking:
        """Cancel a booking and free its time; one that is cancelled is returned as it is. NotFound."""
        return await self._store.write(
            lambda tx: self._cancelled(tx, tx.bookings.get(organization_id, booking_id), by=by)
        )

    async def _free(self, hours: Hours, context: ToolContext, wanted: JSONObject) -> JSONObject:
        now = self._clock.now()
        today = now.astimezone(hours.zone).date()
        last = today + timedelta(days=hours.days_ahead)
        first = min(max(_date(wanted.get("from_date")) or today, today), last)
        count = int(str(wanted.get("days") or _DAYS_SHOWN))
        # A day of which everything is booked costs one look; there are at most 31.
        days = [first + timedelta(days=number) for number in range(min(count, 31))]
        calendar = hours.calendar or context.agent.id

        def unit(tx: Transaction) -> list[datetime]:
            found: list[datetime] = []
            for day in days:
                if len(found) >= _SHOWN_MAX:
                    break
                found += _open_slots(tx, hours, context.organization_id, calendar, day=day, now=now)
            return found

        free: list[JSON] = [_shown(at, hours) for at in (await self._store.read(unit))[:_SHOWN_MAX]]
        return {"time_zone": hours.time_zone, "minutes": hours.duration_minutes, "free": free}

    async def _book(self, hours: Hours, context: ToolContext, wanted: JSONObject) -> ToolResult:
        begins_at = _instant(str(wanted["start"]), hours)
        day = begins_at.astimezone(hours.zone).date()
        now = self._clock.now()
        calendar = hours.calendar or context.agent.id
        booking = Booking(
            id=new_id("bkg"),
            organization_id=context.organization_id,
            agent_id=context.agent.id,
            calendar=calendar,
            starts_at=begins_at,
            ends_at=begins_at + timedelta(minutes=hours.duration_minutes),
            created_at=now,
            call_key=f"{context.run_id}/{context.call_id}",
            slot=f"{calendar}/{begins_at.isoformat()}",
            day=day.isoformat(),
            name=str(wanted["name"]).strip()[:_NAME_CHARS_MAX],
            reach=str(wanted.get("reach") or "")[:_NAME_CHARS_MAX],
            notes=str(wanted.get("notes") or "")[:_NOTES_CHARS_MAX],
            visitor_id=context.visitor_id,
            conversation_id=context.conversation_id,
        )

        def unit(tx: Transaction) -> Booking | list[datetime]:
            known = tx.bookings.first(context.organization_id, call_key=booking.call_key)
            if known is not None:
                return known
            free = _open_slots(tx, hours, context.organization_id, calendar, day=day, now=now)
            if begins_at not in free:
                return free
            tx.bookings.add(booking)
            what = f"{booking.name}, {_shown(begins_at, hours)}"
            self._announcing.note(tx, booking.organization_id, "booking.made", what, actor=context.agent.name)
            return booking

        try:
            made = await self._store.write(unit)
        except Conflict:
            # Another process took the same time a moment ago.
            made = []
        if isinstance(made, list):
            others: list[JSON] = [_shown(at, hours) for at in made[:10]]
            output: JSONObject = {"error": "This time is not free.", "free_on_that_day": others}
            return ToolResult(output=output, is_error=True, metadata={"code": "not_free"})
        return ToolResult(output=_confirmed(made, hours))

    async def _cancel_own(self, context: ToolContext, booking_id: str) -> Booking:
        def unit(tx: Transaction) -> Booking:
            booking = tx.bookings.get(context.organization_id, booking_id)
            is_own = booking.agent_id == context.agent.id and booking.conversation_id == context.conversation_id
            if not is_own and (context.visitor_id is None or booking.visitor_id != context.visitor_id):
                raise NotFound("booking", booking_id)
            return self._cancelled(tx, booking, by=context.agent.name)

        return await self._store.write(unit)

    def _cancelled(self, tx: Transaction, booking: Booking, *, by: str) -> Booking:
        if booking.status == "cancelled":
            return booking
        cancelled = replace(booking, status="cancelled", slot=None)
        tx.bookings.put(cancelled)
        self._announcing.note(tx, booking.organization_id, "booking.cancelled", booking.name, actor=by)
        return cancelled


def _open_slots(
    tx: Transaction, hours: Hours, organization_id: str, calendar: str, *, day: date, now: datetime
) -> list[datetime]:
    booked = tx.bookings.find(
        organization_id, calendar=calendar, day=day.isoformat(), status="booked", limit=_PER_DAY_MAX
    )
    taken = [(one.starts_at, one.ends_at) for one in booked]
    return [
        begins_at
        for begins_at, ends_at in slots(hours, day)
        if is_bookable(hours, begins_at, now) and not any(begins_at < end and start < ends_at for start, end in taken)
    ]


def _hours_of(agent: Agent) -> Hours:
    tool = next((tool for tool in agent.tools if tool.type in TYPES), None)
    if tool is None:
        raise NotFound("tool", BOOK)
    return read_hours(tool.config)


def _instant(text: str, hours: Hours) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
        return (at if at.tzinfo is not None else at.replace(tzinfo=hours.zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(f"{text[:40]!r} is not a time.", code="invalid_input") from error


def _date(text: JSON) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise InvalidRequest("from_date must be a date such as 2026-03-02.", code="invalid_input") from error


def _shown(at: datetime, hours: Hours) -> str:
    return at.astimezone(hours.zone).isoformat(timespec="minutes")


def _confirmed(booking: Booking, hours: Hours) -> JSONObject:
    return {
        "booking_id": booking.id,
        "status": booking.status,
        "start": _shown(booking.starts_at, hours),
        "end": _shown(booking.ends_at, hours),
        "time_zone": hours.time_zone,
        "name": booking.name,
    }
