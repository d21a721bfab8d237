import re
import shlex
from pathlib import Path

import pytest
import typer

from xraylab.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_TEXTS = [page.read_text("utf-8") for page in PAGES]
COMMANDS = {command for text in _TEXTS for command in re.findall(r"python -m xraylab ([a-z][^`\n]*)", text)}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_in_the_guides_is_one_that_the_command_line_takes(command):
    group = typer.main.get_command(app)
    name, *arguments = shlex.split(command)
    found = group.get_command(None, name)
    assert found is not None, f"there is no command {name}"
    found.make_context(name, arguments)  # parses, runs nothing; a wrong option raises


def test_the_guides_show_every_step_of_the_main_job():
    assert {"import", "train", "lock", "evaluate", "predict"} <= {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_guide_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    here = [link for link in links if not link.startswith("https://")]
    assert [link for link in here if not (page.parent / link).exists()] == []
