"""DNS over the resolvers of this machine."""

from collections.abc import Sequence

import anyio

from trivium.core.errors import UpstreamFailed

_TIMEOUT_S = 8.0
_RECORDS_MAX = 50


class SystemTxtRecords:
    """See `core.ports.dns.TxtRecords`. `nameservers` (addresses, and a port for all) replace the machine's own."""

    def __init__(self, nameservers: Sequence[str] = (), *, port: int = 53) -> None:
        self._nameservers = list(nameservers)
        self._port = port

    async def find(self, name: str) -> Sequence[str]:
        """Return the texts at a name; the library is loaded with the first question."""
        await anyio.to_thread.run_sync(_load)
        from dns.asyncresolver import Resolver
        from dns.exception import DNSException
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            resolver = Resolver(configure=not self._nameservers)
            if self._nameservers:
                resolver.nameservers = [*self._nameservers]
                resolver.port = self._port
            answer = await resolver.resolve(name, "TXT", lifetime=_TIMEOUT_S, search=False)
        except (NXDOMAIN, NoAnswer):
            return []
        except DNSException as error:
            raise UpstreamFailed("The name could not be looked up.", code="dns_failed", is_retryable=True) from error
        records = list(answer)[:_RECORDS_MAX]
        return [b"".join(record.strings).decode("utf-8", "replace") for record in records]


def _load() -> None:
    import dns.asyncresolver  # noqa: F401 - loaded here, in a thread, because it takes a while
