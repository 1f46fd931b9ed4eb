"""A page: HTML made on the server, without scripts, that loads nothing and can be framed by nobody."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.body import StrictRequest
from trivium.core.errors import InvalidRequest, NotPermitted

FORM_SIZE_MAX = 16_384
_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1rem; display: flex; justify-content: center; }
main { width: 100%; max-width: 26rem; }
h1 { font-size: 1.5rem; }
label, fieldset { display: block; margin: 1rem 0; }
input:not([type=radio]) { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; }
input[name=code] { text-transform: uppercase; letter-spacing: .1em; font-family: monospace; }
button { font: inherit; padding: .5rem 1.5rem; margin: 0 .5rem .5rem 0; }
dt { font-weight: 600; }
dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
.code { font: 600 1.75rem monospace; letter-spacing: .1em; }
[role=alert] { border-left: .25rem solid; padding-left: .75rem; }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def page(title: str, content: str, *, problem: str = "", status: int = 200) -> Response:
    """Return a page; `content` is HTML whose texts are escaped already, `problem` a text."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{alert}{content}</main></body></html>"
    )
    return Response(html, status, _HEADERS, "text/html; charset=utf-8")


async def form_fields(request: Request) -> dict[str, str]:
    """Return the fields of a form that a page of this server sent.

    NotPermitted when a browser says that another site did; InvalidRequest for what is no form, or a field twice.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("This form was sent by another site.", code="foreign_form")
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        raise InvalidRequest("A form is expected.")
    if isinstance(request, StrictRequest):
        request.size_max = FORM_SIZE_MAX
    text = (await request.body()).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise InvalidRequest("The form has too many fields.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequest("A field is given twice.")
    return fields
