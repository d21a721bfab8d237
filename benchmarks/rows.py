"""Every row, in the order of the report."""

from benchmarks.augment import Augment
from benchmarks.decode import DecodeDraft, DecodeMemmap
from benchmarks.frame import Row
from benchmarks.frozen import Frozen
from benchmarks.step import StepBf16

ROWS: tuple[Row, ...] = (
    DecodeDraft(),
    DecodeMemmap(),
    Augment(),
    Frozen("frozen_mobilenet", "mobilenet_v2", 12.0),
    Frozen("frozen_densenet", "densenet121", 20.0),
    StepBf16(),
)
