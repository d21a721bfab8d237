"""
Addresses under which the app is served.

- each Host that is answered belongs to exactly one origin, and a page of any other origin is rejected
- a Host is compared as a whole with a short list and never parsed, so a trick in its spelling can't pass
- 127.0.0.1, localhost and [::1] are always served, with the port that the server listens at
- other addresses are those of the setting ``allow_hosts``: "name", "name:port" or "https://name"
"""

import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from xraylab.errors import SettingsError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ALLOWED = re.compile(
    r"((?P<scheme>https?)://)?(?P<name>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?"
)
_LARGEST_PORT = 65_535


def is_loopback(address: str | None) -> bool:
    """Return whether only this machine reaches an address that a server binds to.

    Parameters
    ----------
    address : str or None
        An IP address or "localhost"; None and an empty text mean every address of the machine.
    """
    if address == "localhost":
        return True
    try:
        number = ipaddress.ip_address((address or "").strip("[]"))
    except ValueError:
        return False
    # A socket for both versions of IP reports an IPv4 peer as ::ffff:127.0.0.1.
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return (mapped or number).is_loopback


def check_hosts(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return the hosts of the setting ``allow_hosts`` in lower case.

    Raises
    ------
    SettingsError
        If one of them isn't a host, or allows every host.
    """
    lower = tuple(host.strip().lower() for host in hosts if host.strip())
    for host in lower:
        match = _ALLOWED.fullmatch(host)
        if match is None or int(match["port"] or 0) > _LARGEST_PORT:
            raise SettingsError(
                f"The host {host!r} can't be allowed. Write the address as people open it, such as 10.0.0.7, "
                "films.example.org:8080 or https://films.example.org. There is no word for every host."
            )
    return lower


@functools.lru_cache(maxsize=32)
def origins(hosts: tuple[str, ...], scheme: str, port: int) -> Mapping[str, str]:
    """Map each Host that is answered to the one origin of its pages.

    Parameters
    ----------
    hosts : tuple of str
        Checked hosts of the setting ``allow_hosts``.
    scheme : str
        "http" or "https", as the request arrived.
    port : int
        The port that the request arrived at.

    Returns
    -------
    Mapping[str, str]
        Such as ``{"localhost:8501": "http://localhost:8501"}``.
    """
    served: dict[str, str] = {}
    for name in LOOPBACK:
        served |= _spellings(scheme, name, port)
    for host in hosts:
        match = _ALLOWED.fullmatch(host)
        if match is not None:
            # Behind a proxy that ends TLS the request arrives by http, but the browser's origin is https.
            shown = match["scheme"] or scheme
            usual = _DEFAULT_PORTS[shown] if match["scheme"] else port
            served |= _spellings(shown, match["name"], int(match["port"] or usual))
    return MappingProxyType(served)


def _spellings(scheme: str, name: str, port: int) -> dict[str, str]:
    """Return the Host headers that browsers send for an address; they leave out the scheme's own port."""
    whole = f"{name}:{port}"
    if port != _DEFAULT_PORTS[scheme]:
        return {whole: f"{scheme}://{whole}"}
    return dict.fromkeys((whole, name), f"{scheme}://{name}")
