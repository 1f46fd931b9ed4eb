"""Guarded requests: what is sent, what may go wrong, how much is read."""

import re
from collections.abc import Mapping

import aiohttp
from yarl import URL

from trivium.adapters.outbound.guard import AddressRefused, Guard
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.ports.outside import OutboundResponse

_URL_CHARS_MAX = 8192
_HEADERS_MAX = 100
_METHOD = re.compile(r"[A-Z]{1,20}")
# What these say is decided by the connection, not by who calls.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer"})
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")


class Sender:
    """One client for the process, opened with the first call. Follows no redirects, keeps no cookies, uses no proxy."""

    def __init__(self, guard: Guard, user_agent: str) -> None:
        self._guard = guard
        self._user_agent = user_agent
        self._client: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        timeout_s: float,
        size_max: int,
    ) -> OutboundResponse:
        """See `GuardedOutbound.request`."""
        target = check_url(url)
        if not _METHOD.fullmatch(method):
            raise InvalidRequest(f"{method!r} is not an HTTP method.", code="invalid_request")
        kept = {name: value for name, value in headers.items() if name.lower() not in _OWN_HEADERS}
        if len(kept) > _HEADERS_MAX:
            raise InvalidRequest("Too many headers.", code="invalid_request")
        try:
            async with self._opened().request(
                method,
                target,
                headers=kept,
                data=body,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,
            ) as response:
                return await _read(response, size_max)
        except aiohttp.ClientConnectorError as error:
            raise _unconnected(error, target) from error
        except TimeoutError as error:
            raise UpstreamFailed(
                f"{target.host} did not answer within {timeout_s:g} seconds.",
                code="outbound_timeout",
                is_retryable=True,
                is_timeout=True,
            ) from error
        except (aiohttp.InvalidURL, ValueError) as error:
            # aiohttp raises ValueError for line breaks in headers.
            raise InvalidRequest(f"The request cannot be sent: {_brief(error)}", code="invalid_request") from error
        except aiohttp.ClientResponseError as error:
            raise UpstreamFailed(f"{target.host} did not answer in HTTP.", code="outbound_malformed") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed(
                f"The connection to {target.host} broke.", code="outbound_unreachable", is_retryable=True
            ) from error

    async def aclose(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._client is None or self._client.closed:
            self._client = aiohttp.ClientSession(
                connector=self._guard.connector(),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent},
                trust_env=False,
            )
        return self._client


def check_url(url: str) -> URL:
    """Return the parsed address; InvalidRequest when it is no plain http(s) URL. Says nothing about where it leads."""
    if len(url) > _URL_CHARS_MAX or _NOT_IN_URLS.search(url):
        raise InvalidRequest("The address is too long or has characters that no URL has.", code="invalid_url")
    try:
        target = URL(url)
        is_plain = target.scheme in {"http", "https"} and bool(target.host) and 0 < (target.port or 0) < 65536
    except ValueError as error:
        raise InvalidRequest("The address is not a URL.", code="invalid_url") from error
    if not is_plain:
        raise InvalidRequest("The address has to be an http or https URL.", code="invalid_url")
    if target.user is not None or target.password is not None:
        raise InvalidRequest("The address must not hold a user name or password.", code="invalid_url")
    return target


async def _read(response: aiohttp.ClientResponse, size_max: int) -> OutboundResponse:
    pieces: list[bytes] = []
    left = size_max
    is_cut = False
    async for piece in response.content.iter_any():
        pieces.append(piece[:left])
        is_cut = len(piece) > left
        left -= len(pieces[-1])
        if is_cut:
            response.close()
            break
    headers = {name.lower(): value for name, value in reversed(list(response.headers.items()))}
    return OutboundResponse(status=response.status, headers=headers, body=b"".join(pieces), is_cut=is_cut)


def _unconnected(error: aiohttp.ClientConnectorError, target: URL) -> InvalidRequest | UpstreamFailed:
    if isinstance(error.os_error, AddressRefused):
        return InvalidRequest(
            f"{target.host} is an address inside that may not be reached.",
            code="address_refused",
            details={"host": target.host, "port": target.port},
        )
    return UpstreamFailed(f"{target.host} could not be reached.", code="outbound_unreachable", is_retryable=True)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
