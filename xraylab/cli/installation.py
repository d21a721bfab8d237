"""Commands on the installation: check it, and start the app."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from xraylab import actions
from xraylab.cli.output import Json, tell
from xraylab.settings import load_settings


def doctor(json: Json = False) -> None:
    """Check this installation, and that films get the scores that they should."""
    document = actions.doctor(load_settings())
    if json:
        tell(document, json)
    else:
        for check in document.checks:
            typer.echo(f"{'ok' if check.ok else 'FAULT':>6}  {check.name}: {check.detail}")
    # A script that installs XRayLab can stop here.
    if not document.ok:
        raise typer.Exit(1)


def app_(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 8501,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
) -> None:
    """Start the app and open it in the browser."""
    command = _app_command(port, browser=browser)
    # Windows can't replace a process.
    if sys.platform == "win32":
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)  # noqa: S606 - this process becomes the server, so that ending it ends the server


def _app_command(port: int, *, browser: bool) -> list[str]:
    package = Path(__file__).parents[1]
    # An installed package contains the screens; in a clone they lie beside the package.
    site = package / "site"
    script = (site if site.is_dir() else package.parent) / "streamlit_app.py"
    options = [f"--server.port={port}", f"--server.headless={'false' if browser else 'true'}"]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options]
