"""The outbound client reaches what it may, and nothing inside by any spelling."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from ipaddress import IPv4Address

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.adapters.outbound import GuardedOutbound, parse_allowed
from trivium.adapters.outbound.guard import AddressRefused, Guard
from trivium.adapters.outbound.sending import check_url
from trivium.core.errors import InvalidRequest, UpstreamFailed

pytestmark = pytest.mark.server
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class Names(AbstractResolver):
    """A name server that gives its answers in turn, and the last one for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        turns = self._answers.get(host.rstrip("."))
        if turns is None:
            raise OSError(f"no such name {host}")
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None: ...


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)


class Site:
    """A tiny HTTP server that answers with fixed bytes and counts who came."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", delay_s: float = 0.0) -> None:
        self.answer = answer
        self.delay_s = delay_s
        self.requests: list[bytes] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await asyncio.sleep(self.delay_s)
            writer.write(self.answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(site: Site) -> AsyncGenerator[Site, None]:
    server = await asyncio.start_server(site.handle, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


@asynccontextmanager
async def outbound(allow: str = "", names: AbstractResolver | None = None) -> AsyncGenerator[GuardedOutbound, None]:
    resolvers = (lambda: names) if names else None
    async with aclosing(GuardedOutbound(parse_allowed(allow), resolvers=resolvers)) as client:
        yield client


async def refusal(client: GuardedOutbound, url: str) -> str:
    with pytest.raises(InvalidRequest) as caught:
        await client.request("GET", url, timeout_s=5)
    return caught.value.code


async def test_an_allowed_place_is_reached_by_exactly_its_port() -> None:
    async with running(Site()) as site, running(Site()) as other, outbound(f"127.0.0.1:{site.port}") as client:
        answer = await client.request("POST", f"http://127.0.0.1:{site.port}/x?a=1", headers={"X-A": "b"}, body=b"{}")
        assert (answer.status, answer.body, answer.is_cut) == (200, b"hi", False)
        assert site.requests[0].startswith(b"POST /x?a=1 HTTP/1.1\r\n")
        assert b"X-A: b" in site.requests[0]
        assert await refusal(client, f"http://127.0.0.1:{other.port}/") == "address_refused"
        assert other.requests == []


async def test_an_allowed_name_is_reached_although_it_is_inside() -> None:
    names = Names(mail_lan=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])
    async with running(Site()) as site, outbound(f"mail.lan:{site.port}", names) as client:
        assert (await client.request("GET", f"http://MAIL.lan.:{site.port}/")).status == 200
        assert await refusal(client, f"http://evil.example:{site.port}/") == "address_refused"
        assert len(site.requests) == 1


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.1.",
        "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "localhost",
        "LOCALHOST", "localhost.",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "①②⑦.⓪.⓪.①", "127。0。0。1",
        "[64:ff9b::7f00:1]", "[::127.0.0.1]", "[fe80::1%25lo]", "[fe80::1]",
    ],
)  # fmt: skip
async def test_no_spelling_of_inside_is_connected(host: str) -> None:
    async with running(Site()) as site, outbound() as client:
        with pytest.raises((InvalidRequest, UpstreamFailed)):
            await client.request("GET", f"http://{host}:{site.port}/", timeout_s=5)
        assert site.requests == []


@st.composite
def loopback_spellings(draw: st.DrawFn) -> str:
    number = int(IPv4Address("127.0.0.0")) + draw(st.integers(1, 2**24 - 2))
    octets = [number >> 24, number >> 16 & 255, number >> 8 & 255, number & 255]
    joined = draw(st.integers(1, 4))  # how many parts: the last takes the rest
    parts = [*octets[: joined - 1], number & (2 ** (8 * (5 - joined)) - 1)]
    forms = draw(st.lists(st.sampled_from(["{}", "{:#x}", "0{:o}", "{:#X}"]), min_size=joined, max_size=joined))
    dotted = ".".join(form.format(part) for form, part in zip(forms, parts, strict=True))
    v6 = f"[::ffff:{number >> 16:x}:{number & 0xFFFF:x}]"
    return draw(st.sampled_from([dotted, dotted + ".", v6]))


@given(loopback_spellings())
@settings(max_examples=60, deadline=None)
async def test_generated_spellings_of_loopback_are_refused(host: str) -> None:
    async with outbound() as client:
        with pytest.raises((InvalidRequest, UpstreamFailed)) as caught:
            await client.request("GET", f"http://{host}:9/", timeout_s=5)
    refused = caught.value
    # "Could not be reached" is only said of what the system itself does not take for an address.
    assert isinstance(refused, InvalidRequest) or not _is_known(host)


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host.strip("[]"), 9)
    except OSError:
        return False
    return True


async def test_one_address_inside_spoils_a_name() -> None:
    async with outbound(names=Names(mixed_example=[["93.184.216.34", "10.0.0.1"]])) as client:
        assert await refusal(client, "http://mixed.example/") == "address_refused"


async def test_a_name_that_changes_its_answer_gains_nothing() -> None:
    names = Names(rebind_example=[["127.0.0.1"], ["192.0.2.1"], ["127.0.0.1"]])
    async with running(Site()) as site, outbound(names=names) as client:
        for _ in range(3):
            assert await refusal(client, f"http://rebind.example:{site.port}/") == "address_refused"
        assert site.requests == []
        # One question per connection: what was checked is what is connected to.
        assert len(names.asked) == 3


def test_the_socket_is_checked_even_when_no_name_was_asked() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("169.254.169.254", 80))
    with pytest.raises(AddressRefused):
        Guard().open_socket(info)


async def test_redirects_are_shown_and_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with running(Site(moved)) as site, outbound(f"127.0.0.1:{site.port}") as client:
        answer = await client.request("GET", f"http://127.0.0.1:{site.port}/")
        assert (answer.status, answer.headers["location"]) == (302, "http://169.254.169.254/")


async def test_a_large_body_is_cut() -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    async with running(Site(large)) as site, outbound(f"127.0.0.1:{site.port}") as client:
        answer = await client.request("GET", f"http://127.0.0.1:{site.port}/", size_max=1000)
        assert (len(answer.body), answer.is_cut) == (1000, True)
        whole = await client.request("GET", f"http://127.0.0.1:{site.port}/", size_max=300_000)
        assert (len(whole.body), whole.is_cut) == (300_000, False)


@pytest.mark.parametrize(
    ("answer", "delay_s", "code"),
    [
        (b"", 30.0, "outbound_timeout"),
        (b"", 0.0, "outbound_unreachable"),
        (b"SSH-2.0-OpenSSH\r\n", 0.0, "outbound_malformed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", 0.0, "outbound_unreachable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", 0.0, "outbound_malformed"),
    ],
)
async def test_what_goes_wrong_has_a_name(answer: bytes, delay_s: float, code: str) -> None:
    async with running(Site(answer, delay_s)) as site, outbound(f"127.0.0.1:{site.port}") as client:
        with pytest.raises(UpstreamFailed) as caught:
            await client.request("GET", f"http://127.0.0.1:{site.port}/", timeout_s=0.3)
        assert caught.value.code == code


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http:///path", "http://a b/",
        "http://user:pw@example.com/", "http://example.com\\@127.0.0.1/", "http://example.com:0/", "http://x:99999/",
        "http://[::1", "http://example.com/\r\nX: y", "gopher://127.0.0.1/", "http://" + "a" * 9000,
        "http://127.0.0.1@example.com/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_url(url)
    assert caught.value.code == "invalid_url"


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    for url in (text, f"http://{text}/"):
        try:
            target = check_url(url)
        except InvalidRequest:
            continue
        assert target.host
        assert target.user is None


async def test_headers_cannot_smuggle_a_second_request() -> None:
    async with running(Site()) as site, outbound(f"127.0.0.1:{site.port}") as client:
        with pytest.raises(InvalidRequest):
            await client.request("GET", f"http://127.0.0.1:{site.port}/", headers={"X": "a\r\n\r\nGET / HTTP/1.1"})
        await client.request("GET", f"http://127.0.0.1:{site.port}/", headers={"Host": "elsewhere", "X": "1"})
        assert b"elsewhere" not in site.requests[-1]
