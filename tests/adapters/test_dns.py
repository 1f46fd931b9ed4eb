"""TXT look-ups against a name server on loopback."""

import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from trivium.adapters.dns import SystemTxtRecords
from trivium.core.errors import UpstreamFailed


def answer(query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query)
    name = query.question[0].name
    first = str(name).split(".")[0]
    if first == "proof":
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", '"verify_" "123"', '"other"'))
    elif first == "none":
        response.set_rcode(dns.rcode.NXDOMAIN)
    else:
        response.set_rcode(dns.rcode.SERVFAIL)
    return response


@pytest.fixture
def port() -> Iterator[int]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 0))

    def run() -> None:
        while True:
            data, peer = listener.recvfrom(4096)
            if data == b"stop":
                return
            listener.sendto(answer(dns.message.from_wire(data)).to_wire(), peer)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.sendto(b"stop", listener.getsockname())
    thread.join(5)
    listener.close()


async def test_texts_come_whole_and_nothing_is_no_error(port: int) -> None:
    records = SystemTxtRecords(["127.0.0.1"], port=port)
    # A record set has no order.
    assert sorted(await records.find("proof.example.com")) == ["other", "verify_123"]
    assert await records.find("none.example.com") == []


async def test_a_server_that_fails_is_told_apart(port: int) -> None:
    with pytest.raises(UpstreamFailed) as caught:
        await SystemTxtRecords(["127.0.0.1"], port=port).find("broken.example.com")
    assert caught.value.code == "dns_failed"
