"""Which network addresses are inside: reachable from this machine but not meant for what a user may name.

Source: the IANA special-purpose registries (RFC 6890 and what updates it), and the clouds' metadata services.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_INSIDE_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # "this network"; 0.0.0.0 connects to this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata is at 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's metadata and platform service on a public address
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata is at 192.0.0.192
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_OUTSIDE_V6 = IPv6Network("2000::/3")
_INSIDE_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo carries an IPv4 address, ORCHID is no address at all
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address; nobody serves on it any more
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_inside(address: IPv4Address | IPv6Address | str) -> bool:
    """Return whether an address must not be reached unless allowed; true for what is no address at all."""
    if isinstance(address, str):
        try:
            address = ip_address(address.partition("%")[0])
        except ValueError:
            return True
    if isinstance(address, IPv4Address):
        return any(address in network for network in _INSIDE_V4)
    if address.ipv4_mapped is not None:
        return is_inside(address.ipv4_mapped)
    if address in _NAT64:
        # Networks without IPv4 reach public servers by these; what counts is the address inside.
        return is_inside(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address not in _OUTSIDE_V6 or any(address in network for network in _INSIDE_V6)
