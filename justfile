# Chores of a developer: `just` lists them, `just NAME` does one.
# Every recipe runs in the virtual environment of `just setup`, or in the one that is active.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

[private]
default:
    @just --list

# make .venv with everything that development needs
setup:
    python3 -m venv .venv
    .venv/bin/pip install -r requirements-dev.txt

# open the app in the browser
app:
    streamlit run streamlit_app.py

# run the tests, all or those that the arguments name
test *arguments:
    pytest {{ arguments }}

# run the tests that need neither a browser nor much time
fast *arguments:
    pytest -m "not slow and not browser" {{ arguments }}

# check style, types and layers
lint:
    ruff check
    ruff format --check
    mypy
    lint-imports
    bandit -q -c pyproject.toml -r xraylab

# build the documentation and serve it on this machine, again after each change
docs:
    zensical serve --dev-addr 127.0.0.1:8000

# compare the usual ways with ours, then write docs/benchmarks.md
benchmarks *arguments:
    python -m benchmarks {{ arguments }}
    python -m benchmarks.report

# measure how long a user waits, in a browser, and write docs/ux.md
journeys *arguments:
    python -m scripts.journeys {{ arguments }}

# take a picture of every screen
screenshots *arguments:
    python -m scripts.screenshots {{ arguments }}

# measure how the code reads, room by room
house *rooms:
    python -m scripts.house {{ rooms }}

# write the locks again after a change of a requirement
lock:
    python -m scripts.lock

# build the wheel twice, and its bill of materials
release *arguments:
    python -m scripts.release {{ arguments }}
