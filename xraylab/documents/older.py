"""Keys of before any finding: a document about pneumonia still has them, and no other document does."""

from typing import Any

from pydantic import Field

from xraylab.findings import PNEUMONIA, Finding

OLDER: Any = Field(
    default=None,
    exclude_if=lambda value: value is None,
    description="An older name of positives or negatives; only if the finding is pneumonia.",
)


def older(finding: Finding, **values: Any) -> dict[str, Any]:
    """Return the values of older keys, which name pneumonia; none for any other finding."""
    return values if finding.name == PNEUMONIA.name else {}
