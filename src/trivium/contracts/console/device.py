"""The page on which a person approves the sign-in of a machine.

No cookie is set and none is read: the second form carries a ticket that only the answer to the password holds, so no
other site can send it for anybody.
"""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.console.page import form_fields, page
from trivium.contracts.routing import Router
from trivium.core.errors import CoreError, NotAuthenticated, NotFound
from trivium.core.model.devices import DeviceRequest
from trivium.core.platform import Choice, Confirmation, Platform

TITLE = "Sign in a device"
_TEXT_MAX = 320
# What the roles may do, in words (core/model/access.py).
_ROLES = {
    "owner": "Everything in the organization, keys and people included.",
    "admin": "Everything in the organization, keys included.",
    "member": "Look at everything but security settings, and look after documents.",
}


class DevicePages:
    """Two forms: who you are and the code, then what asks and your answer."""

    def __init__(self, platform: Platform) -> None:
        self._devices = platform.access.devices

    def add_to(self, router: Router) -> None:
        """Add the pages to a router."""
        router.add("/device", self.enter, methods=["GET"])
        router.add("/device", _guarded(self.sign_in), methods=["POST"])
        router.add("/device/answer", _guarded(self.answer), methods=["POST"])

    async def enter(self, request: Request) -> Response:
        """Ask for the code, e-mail and password."""
        return page(TITLE, _entrance(request.query_params.get("code", "")))

    async def sign_in(self, request: Request) -> Response:
        """Show what asks, to somebody who knows their password and its code."""
        fields = await form_fields(request)
        email, code = fields.get("email", "")[:_TEXT_MAX], fields.get("code", "")[:_TEXT_MAX]
        source = request.client.host if request.client is not None else None
        try:
            found = await self._devices.confirm(email, fields.get("password", ""), code, source=source)
        except CoreError as error:
            if isinstance(error, NotFound) and error.kind != "device_request":
                raise
            return _failed(error, _entrance(code, email))
        return page("Approve this device?", _question(found, code))

    async def answer(self, request: Request) -> Response:
        """Approve or deny it."""
        fields = await form_fields(request)
        if fields.get("answer") not in ("approve", "deny"):
            return page(TITLE, _entrance(""), problem="Nothing was decided.", status=400)
        is_approved = fields["answer"] == "approve"
        ticket, organization_id = fields.get("ticket", ""), fields.get("organization", "")
        done = await self._devices.settle(ticket, organization_id, is_approved=is_approved)
        if not is_approved:
            return page("Denied", f"<p>{escape(done.name)} was not signed in.</p>")
        return page("Approved", f"<p>{escape(done.name)} is signed in. You can close this page.</p>")


def _guarded(handler: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except CoreError as error:
            return _failed(error, _entrance(""))

    return guarded


def _failed(error: CoreError, content: str) -> Response:
    # A wrong password is no challenge of HTTP's: the browser would ask for one in a window of its own.
    failure = http.failure_of(error)
    problem = error.message
    if isinstance(error, NotAuthenticated) and error.code != "wrong_login":
        problem = "Too much time has passed. Sign in again."
    status = 403 if failure.status == 401 else failure.status
    answer = page(TITLE, content, problem=problem, status=status)
    if "Retry-After" in failure.headers:
        answer.headers["Retry-After"] = failure.headers["Retry-After"]
    return answer


def _entrance(code: str, email: str = "") -> str:
    return (
        "<p>A program on another machine wants to work for you. Type the code that it shows, and sign in.</p>"
        '<form method="post" action="/device">'
        f'<label>Code <input name="code" required maxlength="20" autocomplete="off" spellcheck="false"'
        f' value="{escape(code[:20])}"></label>'
        f'<label>E-mail <input name="email" type="email" required autocomplete="username" value="{escape(email)}">'
        "</label>"
        '<label>Password <input name="password" type="password" required autocomplete="current-password"></label>'
        '<button type="submit">Continue</button></form>'
    )


def _question(found: Confirmation, code: str) -> str:
    return (
        f"<p>You are signed in as {escape(found.email)}. Approve only if <strong>you</strong> started this a moment "
        "ago, and the machine shows this code:</p>"
        f'<p class="code">{escape(code.upper())}</p>'
        f"{_facts(found.request)}"
        '<form method="post" action="/device/answer">'
        f'<input type="hidden" name="ticket" value="{escape(found.ticket)}">'
        f"<fieldset><legend>It will act for you in</legend>{''.join(_organizations(found))}</fieldset>"
        '<button type="submit" name="answer" value="deny">Deny</button>'
        '<button type="submit" name="answer" value="approve">Approve</button></form>'
    )


def _facts(request: DeviceRequest) -> str:
    facts = {
        "Program": request.program,
        "Device": request.name,
        "Asked from": request.source or "an address that is not known",
        "Asked at": f"{request.created_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{escape(value)}</dd>' for name, value in facts.items())}</dl>"


def _organizations(found: Confirmation) -> list[str]:
    return [_organization(one, is_first=number == 0) for number, one in enumerate(found.choices)]


def _organization(choice: Choice, *, is_first: bool) -> str:
    return (
        f'<label><input type="radio" name="organization" value="{escape(choice.organization_id)}" required'
        f"{' checked' if is_first else ''}> {escape(choice.organization_name)}, as {choice.role}: "
        f"{_ROLES[choice.role]}</label>"
    )
