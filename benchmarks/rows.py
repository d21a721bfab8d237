"""Every row, in the order of the report."""

from benchmarks.augment import Augment
from benchmarks.decode import DecodeDraft, DecodeMemmap
from benchmarks.frame import Row
from benchmarks.frozen import Frozen
from benchmarks.gpu import GpuEpoch
from benchmarks.infer import Infer
from benchmarks.step import StepBf16
from benchmarks.tail import Tail

ROWS: tuple[Row, ...] = (
    DecodeDraft(),
    DecodeMemmap(),
    Augment(),
    # bf16 would move the logits of MobileNetV2 by 0.1, and it has little to multiply
    Frozen("frozen_mobilenet", "mobilenet_v2", 12.0, bf16=False),
    Frozen("frozen_densenet", "densenet121", 20.0, bf16=True),
    Tail(),
    StepBf16(),
    Infer(1),
    Infer(8),
    GpuEpoch(),
)
