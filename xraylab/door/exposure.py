"""
Exposure: whether other machines can reach the app.

- the app is for this machine only, because nobody signs in
- a person can allow others with ``xraylab app --expose HOST`` or the setting ``allow_hosts``
"""

from collections.abc import Sequence

from xraylab.door.addresses import is_loopback
from xraylab.errors import SettingsError


def check_exposure(address: str | None, hosts: Sequence[str]) -> None:
    """Reject an address that other machines reach, unless a person allowed hosts.

    Parameters
    ----------
    address : str or None
        The address that the server binds to; None means every address of this machine.
    hosts : sequence of str
        The setting ``allow_hosts``.

    Raises
    ------
    SettingsError
        If the address reaches beyond this machine and no host is allowed.
    """
    if not is_loopback(address) and not hosts:
        raise SettingsError(
            f"XRayLab would be open to other machines at {address or 'every address'}, and nobody signs in. "
            "Set server.address to 127.0.0.1. To let others in on purpose, start it with "
            "“xraylab app --expose HOST” or set XRAYLAB_ALLOW_HOSTS to the addresses that they will open."
        )


def audience(hosts: Sequence[str]) -> str | None:
    """Return the sentences about who can open the app; None if only this machine can."""
    if not hosts:
        return None
    return (
        f"Other machines can open this app at {', '.join(hosts)}, and nobody signs in. Anyone who reaches it "
        "can see the case log and every kept film, and can change or delete them."
    )
