"""A real worker process whose executor only does the steps that its recipe lists.

A recipe may hold ``steps`` (how many), ``seconds`` (per step), ``say`` (written to the output), ``log``,
``gate`` (a file to wait for) and ``error`` (raised at the end, by name).
"""

import errno
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xraylab.errors import RecipeError
from xraylab.runs import folder
from xraylab.runs.run import RunCancelled
from xraylab.runs.worker import main
from xraylab.settings import Settings

ERRORS = {
    "recipe": RecipeError("One class only: there is nothing to learn."),
    "memory": MemoryError(),
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "torch memory": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    "cuda memory": type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
    "bug": ZeroDivisionError("division by zero"),
}


def execute(
    settings: Settings,
    run_id: str,
    *,
    progress: Callable[[dict[str, Any]], None],
    cancelled: Callable[[], bool],
) -> None:
    recipe = folder.read_recipe(settings, run_id)["training"]
    sys.stdout.write(recipe.get("say", "nothing to say") + "\n")
    logging.getLogger("fake").info(recipe.get("log", "nothing to log"))
    for step in range(recipe.get("steps", 1)):
        if cancelled():
            raise RunCancelled
        progress({"step": step, "steps": recipe.get("steps", 1)})
        folder.append_history(settings, run_id, {"epoch": step, "auc": float("nan")})
        time.sleep(recipe.get("seconds", 0.0))
    while "gate" in recipe and not Path(recipe["gate"]).exists():
        if cancelled():
            raise RunCancelled
        time.sleep(0.02)
    if "error" in recipe:
        raise ERRORS[recipe["error"]]


if __name__ == "__main__":
    sys.exit(main(execute=execute))
