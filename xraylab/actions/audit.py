"""Audit: look for what would make results on a dataset wrong."""

from xraylab import documents
from xraylab.audit.checks import OnStep, audit_dataset
from xraylab.audit.kept import keep
from xraylab.data.datasets import load_dataset
from xraylab.settings import Settings


def audit(
    settings: Settings, name: str, *, labels: bool = True, on_step: OnStep | None = None
) -> documents.Audited:
    """Audit a dataset; see ``audit.checks.audit_dataset``. The result is kept with the dataset.

    Raises
    ------
    NotFoundError, DatasetError
        If there is no such dataset, or it is damaged.
    """
    dataset = load_dataset(settings, name)
    found = audit_dataset(settings, dataset, labels=labels, on_step=on_step)
    keep(dataset, found)
    return documents.Audited(name=name, findings=found)
