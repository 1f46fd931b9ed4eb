"""Every address inside is known as such, however it is wrapped."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.outbound import is_inside, parse_allowed
from trivium.core.errors import InvalidRequest

PRIVATE = ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]


@st.composite
def inside_v4(draw: st.DrawFn) -> IPv4Address:
    network = IPv4Network(draw(st.sampled_from([*PRIVATE, "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"])))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@given(inside_v4())
def test_an_ipv4_address_inside_is_inside_in_every_wrapping(address: IPv4Address) -> None:
    number = int(address)
    assert is_inside(address)
    assert is_inside(IPv6Address(0xFFFF_0000_0000 | number))  # mapped
    assert is_inside(IPv6Address(number))  # compatible
    assert is_inside(IPv6Address((0x0064_FF9B << 96) | number))  # NAT64
    assert is_inside(IPv6Address((0x2002 << 112) | (number << 80)))  # 6to4
    assert is_inside(IPv6Address((0x2001_0000 << 96) | (number ^ 0xFFFF_FFFF)))  # Teredo


@pytest.mark.parametrize(
    "address",
    [
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "64:ff9b:1::1",
        "::ffff:127.0.0.1", "fec0::1", "100::1", "5f00::1", "3fff::1", "169.254.169.254", "100.100.100.200",
        "168.63.129.16", "192.0.0.192", "255.255.255.255", "0.0.0.0", "localhost", "", "127.1", "0x7f000001",
    ],
)  # fmt: skip
def test_what_is_inside_or_no_address_is_refused(address: str) -> None:
    assert is_inside(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1"]
)
def test_public_addresses_are_outside(address: str) -> None:
    assert not is_inside(address)


def test_the_list_of_allowed_places_is_read_in_any_spelling() -> None:
    places = parse_allowed(" Mail.LAN.:8025, 10.0.0.5:80,[::1]:9000 ,[::ffff:10.0.0.6]:81,,bücher.example:1")
    expected = {("mail.lan", 8025), ("10.0.0.5", 80), ("::1", 9000), ("10.0.0.6", 81), ("xn--bcher-kva.example", 1)}
    assert places == expected


@pytest.mark.parametrize("entry", ["10.0.0.5", "host:", ":80", "host:0", "host:99999", "::1:80", "host:*", "h:²"])
def test_an_entry_without_host_and_port_is_refused(entry: str) -> None:
    with pytest.raises(InvalidRequest, match="host and a port"):
        parse_allowed(entry)
