"""
Every command in the README, in CONTRIBUTING and under ``docs/`` is checked, and run if it takes seconds.

- a command counts wherever it stands: in a block marked ``sh`` or between backticks in the text
- the project's own commands are parsed by the parser that runs them
- ``NOT_RUN`` names those that no test runs, with the reason
- the commands of a page run in the page's order, in a home of their own, with teaching phantoms as films
"""

import argparse
import importlib
import importlib.util
import json
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
import typer

from tests.support.brief import BRIEF
from tests.support.chores import recipes
from tests.support.own_films import write_sources
from xraylab import actions
from xraylab.__main__ import main
from xraylab.cli import app
from xraylab.settings import load_settings

pytest_plugins = ["tests.support.averaged"]

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
XRAYLAB = "python -m xraylab "
PROGRAMS = (
    *("accelerate", "apt", "bash", "git", "just", "lint-imports", "mypy", "pip", "pre-commit", "pytest"),
    *("python", "python3", "ruff", "source", "streamlit", "xraylab"),
)
PLACEHOLDER = re.compile(r"[A-Z]{3,}|…")  # NAME, FOLDER, MODEL: the reader's own word stands here

# Commands that no test runs, each by how it begins, with the reason.
NOT_RUN = {
    "accelerate launch": "needs several GPUs",
    "apt install": "changes the machine",
    "bash .ci/run": "runs all tests, this one among them",
    "git tag": "marks a release of the reader's own clone",
    "pip ": "installs packages; .ci/run does so in a fresh environment",
    "pre-commit ": "changes the clone's hooks",
    "pytest": "is a step of .ci/run, this test among it",
    "python .ci/stress/": "takes minutes; tests try about a twentieth",
    "python -m benchmarks": "takes minutes, and tests/benchmarks tries its parts",
    "python -m scripts.evidence": "writes into docs/; tests/scripts/test_evidence.py keeps results elsewhere",
    "python -m scripts.journeys": "takes minutes in a browser, and writes into docs/",
    "python -m scripts.paces": "takes a minute; tests/scripts/test_paces.py measures one network",
    "python -m scripts.kept_home": "trains; tests/test_homes.py opens what it wrote",
    "python -m scripts.lock": "asks the package index, and writes the locks",
    "python -m scripts.release": "builds from a clone; a step of .ci/run",
    "python -m scripts.slopes": "takes minutes; tests/evaluation draws the same films",
    "python -m xraylab audit films --naive": "trains for minutes; tests/training/test_naive.py tries it",
    "python -m xraylab audit films --against": "needs other films; tests/actions/test_audit.py tries it",
    "python -m xraylab fetch": "asks another machine; tests/data/test_public.py asks a server of its own",
    "python -m xraylab lock --model first --rule floor": "needs 59 patients with pneumonia in validation",
    "python -m xraylab subgroups first --by": "needs ten patients of a kind; tests/actions/test_subgroups.py",
    "python -m scripts.coverage": "takes minutes, and writes into docs/",
    "python -m scripts.experiments": "takes hours on the films, which are not part of the project",
    "python -m scripts.gate": "needs the films, which are not part of the project",
    "python -m scripts.heatmaps": "takes minutes, and writes into docs/",
    "python -m scripts.house": "measures the clone; tests/test_house.py holds the limits",
    "python -m scripts.naive": "takes minutes on the films, and writes into docs/",
    "python -m scripts.presets": "takes hours on the films, which are not part of the project",
    "python -m scripts.results": "needs the models of scripts.presets",
    "python -m scripts.screenshots": "takes minutes in a browser, and writes into docs/",
    "python -m scripts.starter": "takes hours on the films, and writes the models that ship",
    "python3 -m venv": "makes an environment; .ci/run does so",
    "source ": "changes the reader's shell",
    "streamlit run": "serves until it is stopped; the browser tests look at it",
    "xraylab app": "serves until it is stopped; .ci/try_wheel.py looks at it",
}
# Stand-ins that make a command short: what is replaced in its arguments, and by what.
SHORTER = {
    "--n 600": "--n 40",
    "train --dataset films --run": "train --dataset films --arch small_cnn --recipe brief.json --run",
    "--arch mobilenet_v2": "--arch small_cnn",
    "--recipe quick": "--recipe brief.json",
    "--recipe scratch": "--recipe brief.json",
    "--weights mobilenet_v2.safetensors": "--weights none",
}
ARCHIVES = {"chest_xray.zip": "all", "films.zip": "all", "hospital-b.zip": "all", "more.zip": "few"}
PICTURES = ("film.png", "one.png")


def commands_of(text):
    """Return the commands of a page in its order, one by one even if a line chains them."""
    for language, block, span in re.findall(r"```(\w*)\n(.*?)```|`([^`]+)`", text, re.DOTALL):
        if block and language != "sh":
            continue
        lines = block.splitlines() if block else [" ".join(span.split())]
        for line in lines:
            for command in re.split(r"\s*&&\s*", line.partition(" #")[0].strip()):
                if command.split(" ")[0] in PROGRAMS and (block or " " in command):
                    yield command


COMMANDS = {page: list(commands_of(page.read_text("utf-8"))) for page in PAGES}
EVERY = sorted({command for commands in COMMANDS.values() for command in commands})


def why_not(command):
    """Return why no test runs a command; None if one does."""
    if PLACEHOLDER.search(command):
        return "the reader's own word stands in it"
    if command.split()[0] == "just":
        return "tests/test_chores.py tries each recipe without doing it"
    return next((reason for start, reason in NOT_RUN.items() if command.startswith(start)), None)


RUN = {page: [one for one in commands if why_not(one) is None] for page, commands in COMMANDS.items()}


class Parsed(BaseException):
    """The parser of a script took its arguments; the script itself isn't run."""


def parse(command, monkeypatch):
    """Have the program's own parser take a command; a wrong option or a wrong name raises."""
    program, *arguments = shlex.split(command)
    if program == "python" and arguments[:2] == ["-m", "xraylab"]:
        parse_xraylab(arguments[2:])
    elif program == "xraylab":
        parse_xraylab(arguments)
    elif program == "accelerate" and arguments[:3] == ["launch", "-m", "xraylab"]:
        parse_xraylab([one for one in arguments[3:] if one != "…"], whole="…" not in arguments)
    elif program == "python" and arguments[0] == "-m":
        parse_script(arguments[1], arguments[2:], monkeypatch)
    elif program == "just":
        assert set(arguments[:1]) <= recipes(), f"the justfile has no {arguments[0]}"
    else:
        files = [word.partition("::")[0] for word in arguments if is_path(word)]
        missing = [file for file in files if not (ROOT / file).exists()]
        assert missing == [], f"{command} names a file that doesn't exist"


def parse_xraylab(arguments, *, whole=True):
    group = typer.main.get_command(app)
    command = group.get_command(None, arguments[0])
    assert command is not None, f"there is no command {arguments[0]}"
    if whole:
        command.make_context(arguments[0], list(arguments[1:]))  # parses, runs nothing


def parse_script(module, arguments, monkeypatch):
    name = f"{module}.__main__" if (ROOT / module.replace(".", "/")).is_dir() else module
    assert importlib.util.find_spec(name), f"there is no module {name}"
    parse_args = argparse.ArgumentParser.parse_args

    def parse_only(parser, args=None, namespace=None):
        parse_args(parser, args, namespace)
        raise Parsed

    script = importlib.import_module(name)
    if "ArgumentParser" not in Path(script.__file__).read_text("utf-8"):
        assert arguments == [], f"{module} takes no arguments"
        return
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    with pytest.raises(Parsed):
        script.main()


def is_path(word):
    return ("/" in word and not word.startswith(".venv/")) or word.endswith((".txt", ".py", ".toml", ".yml"))


def test_commands_are_found_in_blocks_and_in_text_and_chains_are_split():
    page = (
        "Run `python -m xraylab\nmodels` or\n```sh\npip install x && just test  # all\n```\n"
        "```python\njust no\n```\nand `mypy`, then `just lint`."
    )
    assert list(commands_of(page)) == ["python -m xraylab models", "pip install x", "just test", "just lint"]


@pytest.mark.parametrize(
    "command",
    [
        "python -m xraylab nothing",
        "python -m xraylab train --dataset x --arch small_cnn --recipe scratch --epochs 3",
        "python -m xraylab lock --model first",
        "python -m scripts.nothing",
        "python -m scripts.results --dataset x --films y",
        "python -m benchmarks.report --out x",
        "just nothing",
        "pip install -r requirements-nothing.txt",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command, monkeypatch, capsys):
    with pytest.raises((Exception, SystemExit)) as error:
        parse(command, monkeypatch)
    assert not isinstance(error.value, Parsed)


@pytest.mark.parametrize("command", EVERY)
def test_every_command_in_the_guides_is_one_that_its_program_takes(command, monkeypatch):
    if command.startswith("python -m scripts.") and "--dataset" not in command:
        command = with_required(command)
    if not command.endswith("xraylab COMMAND"):
        parse(command, monkeypatch)


def with_required(command):
    """Name a script in the text, as `python -m scripts.gate`, and its required options are left out."""
    needs = ("experiments train", "gate", "presets", "results", "starter train", "starter pack")
    short = command.removeprefix("python -m scripts.")
    return (
        f"{command} --dataset NAME" if short.startswith(needs) and "--only phantom" not in short else command
    )


@pytest.mark.parametrize("command", EVERY)
def test_every_command_in_the_guides_is_run_or_says_why_it_is_not(command):
    assert why_not(command) or command.startswith(XRAYLAB), f"add {command} to NOT_RUN, with the reason"


def test_no_reason_is_left_over():
    assert [start for start in NOT_RUN if not any(one.startswith(start) for one in EVERY)] == []


def test_the_guides_show_every_step_of_the_main_job():
    shown = {command.removeprefix(XRAYLAB).split()[0] for command in EVERY if command.startswith(XRAYLAB)}
    assert {"import", "train", "lock", "evaluate", "predict"} <= shown


@pytest.fixture(scope="session")
def reader_home(tmp_path_factory, phantom_folder):
    """A home with the films and the two models that the guides speak of."""
    from tests.support.averaged import make_model  # a plugin may not be imported before pytest does

    home = tmp_path_factory.mktemp("reader") / "home"
    settings = load_settings(home=home)
    actions.import_dataset(settings, phantom_folder, "kermany")
    for seed, name in enumerate(("first", "second")):
        make_model(settings, name, "small_cnn", seed, dataset="kermany")
    return home


@pytest.fixture
def reader(tmp_path, monkeypatch, copied, reader_home, package_models, phantom_folder):
    """A folder with the films that the guides name; the shipped models are there, as for a reader."""
    settings = copied(reader_home)
    monkeypatch.setattr("xraylab.settings.STARTER", package_models)
    folder = tmp_path / "reader"
    folder.mkdir()
    monkeypatch.chdir(folder)
    films = sorted(phantom_folder.glob("chest_xray/train/*/*.png"))
    few = films[:2] + films[-2:]  # of either class
    for film in few:
        target = folder / "films" / film.relative_to(phantom_folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(film, target)
    for name, chosen in ARCHIVES.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for film in few if chosen == "few" else films:
                archive.write(film, film.relative_to(phantom_folder))
    for name, film in zip(PICTURES, few, strict=False):
        shutil.copyfile(film, folder / name)
    (folder / "brief.json").write_text(BRIEF.model_dump_json())
    (folder / "wrong.csv").write_text(f"image_id,reason\n{few[0].relative_to(phantom_folder)},wrong label\n")
    write_sources(folder)
    return settings


def made_by(commands):
    """Return the names of the models and of the datasets that the commands of a page make themselves."""
    words = [shlex.split(command.removeprefix(XRAYLAB)) for command in commands]
    models = {line[line.index("--run") + 1] for line in words if "--run" in line}
    models |= {line[1] for line in words if line[0] == "ensemble"}
    return models, {line[line.index("--name") + 1] for line in words if "--name" in line}


def prepare(settings, commands):
    """Remove what the page makes itself, and open the test split if the page needs it open."""
    models, datasets = made_by(commands)
    if models & {"first", "second"}:
        shutil.rmtree(settings.models)
    for name in datasets:
        shutil.rmtree(settings.datasets / name, ignore_errors=True)
    if any(" shift first" in command for command in commands):
        actions.evaluate(settings, "first", "kermany", actor="test")
    for command in commands:
        if command.startswith(XRAYLAB + "phantoms"):
            words = shlex.split(command)
            shutil.rmtree(words[words.index("--out") + 1], ignore_errors=True)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if RUN[page]], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_its_order(page, reader, capsys):
    commands = RUN[page]
    prepare(reader, commands)
    for command in commands:
        short = command
        for long, stand_in in SHORTER.items():
            short = short.replace(long, stand_in)
        code = main(shlex.split(short.removeprefix(XRAYLAB)))
        out, err = capsys.readouterr()
        assert code == 0, f"{short}: {err}"
        if "--json" in command:
            assert json.loads(out) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_guide_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    here = [link for link in links if not link.startswith("https://")]
    assert [link for link in here if not (page.parent / link).exists()] == []
