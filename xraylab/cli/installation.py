"""Commands on the installation: check it, and start the app."""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import ACTOR, Json, tell
from xraylab.door.addresses import check_hosts
from xraylab.door.exposure import check_exposure
from xraylab.errors import SettingsError
from xraylab.files import write_text
from xraylab.settings import load_settings

_EVERYWHERE = "0.0.0.0"  # noqa: S104 - used only if a person exposes the app
_TRAILS = ("jsonl", "csv")


def trail(
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to export the trail to: .jsonl or .csv.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the trail of what was done here, or export it; doctor --deep checks its chain."""
    settings = load_settings()
    if out is not None:
        kind = out.suffix[1:].lower()
        if kind not in _TRAILS:
            raise SettingsError(f"“{out}” ends in neither .jsonl nor .csv, so its format isn't known.")
        write_text(out, actions.export_trail(settings, kind, actor=ACTOR))
    if json or out is None:
        tell(actions.trail_entries(settings), json)


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, such as backup.zip.")],
    pixels: Annotated[bool, typer.Option(help="Keep the films of datasets too.")] = True,
    json: Json = False,
) -> None:
    """Write everything in the home into one archive; the app and trainings may go on meanwhile."""
    tell(actions.backup(load_settings(), file, pixels=pixels, actor=ACTOR), json)


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Check hashes, the database, orphans and the trail too.")
    ] = False,
    mend: Annotated[bool, typer.Option("--mend", help="Mend what can be mended, then check deeply.")] = False,
    json: Json = False,
) -> None:
    """Check this installation, and that films get the scores that they should."""
    document = actions.doctor(load_settings(), deep=deep, mend=mend, actor=ACTOR)
    if json:
        tell(document, json)
    else:
        for sentence in document.mended:
            typer.echo(f"mended  {sentence}")
        for check in document.checks:
            typer.echo(f"{'ok' if check.ok else 'FAULT':>6}  {check.name}: {check.detail}")
    # A script that installs XRayLab can stop here.
    if not document.ok:
        raise typer.Exit(1)


def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    expose: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            help="Let other machines open the app under this name or address; nobody signs in.",
        ),
    ] = None,
) -> None:
    """Start the app and open it in the browser."""
    hosts = check_hosts([*(expose or ()), *load_settings().allow_hosts])
    address = _address_for(check_hosts(expose or ()))
    # Checked here too, so that the server doesn't bind to the address even for a moment.
    check_exposure(address or os.environ.get("STREAMLIT_SERVER_ADDRESS") or "127.0.0.1", hosts)
    command = _app_command(port, browser=browser, address=address)
    environment = os.environ | {"XRAYLAB_ALLOW_HOSTS": ",".join(hosts)}
    # Windows can't replace a process.
    if sys.platform == "win32":
        raise typer.Exit(subprocess.call(command, env=environment))
    # This process becomes the server, so that ending it ends the server.
    os.execve(command[0], command, environment)  # noqa: S606


def _address_for(hosts: Sequence[str]) -> str | None:
    """Return the address to bind to for the hosts that others open; None keeps the configured one."""
    if not hosts:
        return None
    try:
        return str(ipaddress.ip_address(hosts[0].strip("[]"))) if len(hosts) == 1 else _EVERYWHERE
    except ValueError:
        return _EVERYWHERE  # a name may belong to any address of this machine


def _app_command(port: int, *, browser: bool, address: str | None = None) -> list[str]:
    package = Path(__file__).parents[1]
    # An installed package contains the screens; in a clone they lie beside the package.
    site = package / "site"
    script = (site if site.is_dir() else package.parent) / "streamlit_app.py"
    options = [f"--server.port={port}", f"--server.headless={'false' if browser else 'true'}"]
    options += [] if address is None else [f"--server.address={address}"]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options]
