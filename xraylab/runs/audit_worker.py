"""
The worker of an audit: make the asked parts for one dataset at low priority, keep each result, and end.

::

    python -m xraylab.runs.audit_worker --dataset NAME --token TOKEN quick slow

- what it prints or crashes with goes to ``logs/audit.log``
- SIGTERM or a cancelled audit stop it between two batches of films; what was found until then stays
"""

import argparse
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from xraylab.audit.found import Found
from xraylab.audit.kept import keep
from xraylab.data.datasets import Dataset, load_dataset
from xraylab.runs import auditing
from xraylab.runs.auditing import AuditProgress, State, carry_out
from xraylab.runs.holder import this_process
from xraylab.runs.lease import hand_over, held
from xraylab.runs.run import RunCancelled
from xraylab.runs.worker import sentence_of, step_back
from xraylab.settings import Settings, load_settings

_EVERY = 0.5  # seconds between two looks whether to stop, and two reports
_log = logging.getLogger(__name__)


def work(
    settings: Settings,
    name: str,
    parts: list[auditing.Part],
    token: str,
    *,
    stopping: threading.Event | None = None,
) -> None:
    """Audit a dataset whose lease was taken for this process; return at once if the lease is lost."""
    lease, ending = auditing.adopted(name, token), stopping or threading.Event()
    if not hand_over(settings, lease, this_process()):
        return
    with held(settings, lease) as lost:
        _audit(settings, load_dataset(settings, name), parts, lambda: ending.is_set() or lost.is_set())


def _audit(
    settings: Settings, dataset: Dataset, parts: list[auditing.Part], stop: Callable[[], bool]
) -> None:
    reporter = _Reporter(settings, dataset, parts, stop)
    reporter.write("running")
    try:
        for result in carry_out(settings, dataset, parts, reporter.report):
            if isinstance(result, Found):
                keep(dataset, [result])
            else:
                keep(dataset, naive=result)
    except RunCancelled:
        asked = auditing.cancelled(settings, dataset.info.name)
        reporter.write("cancelled" if asked else "stopped")
    except Exception as error:
        reporter.write("failed", sentence_of(settings, error))
    else:
        reporter.write("done")


class _Reporter:
    """Writes how far the audit is, and stops it when somebody asked for that."""

    def __init__(
        self, settings: Settings, dataset: Dataset, parts: list[auditing.Part], stop: Callable[[], bool]
    ) -> None:
        self._settings, self._dataset, self._parts, self._stop = settings, dataset, tuple(parts), stop
        self._step = ("Starting", 0, 0)
        self._last = -_EVERY

    def report(self, doing: str, done: int, total: int) -> None:
        """Note a step; raise if the audit has to end."""
        due = time.monotonic() - self._last >= _EVERY
        if not due and doing == self._step[0]:
            return
        self._step, self._last = (doing, done, total), time.monotonic()
        asked = auditing.cancelled(self._settings, self._dataset.info.name)
        if asked or self._stop() or not self._dataset.still_there:
            raise RunCancelled
        self.write("running")

    def write(self, state: State, error: str | None = None) -> None:
        """Write the last step with a state, unless the films have a successor with an audit of its own."""
        if not self._dataset.still_there:
            return
        doing, done, total = self._step
        progress = AuditProgress(
            imported_at=self._dataset.info.created_at,
            parts=self._parts,
            state=state,
            doing=doing,
            done=done,
            total=total,
            error=error,
            at=datetime.now(UTC),
        )
        auditing.write(self._settings, self._dataset.info.name, progress)


def main(arguments: list[str] | None = None) -> int:
    """Run the worker of one audit."""
    parser = argparse.ArgumentParser(
        prog="python -m xraylab.runs.audit_worker", description="Audit one dataset in the background."
    )
    parser.add_argument("--dataset", required=True, help="name of the dataset")
    parser.add_argument("--token", required=True, help="token of the lease that was taken for this process")
    parser.add_argument("parts", nargs="+", choices=("quick", "slow", "naive"))
    options = parser.parse_args(arguments)

    # The handlers only set a flag: the audit must reach a point where it can stop.
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    step_back()
    work(load_settings(), options.dataset, options.parts, options.token, stopping=stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
