"""Every row, in the order of the report."""

from benchmarks.apart import ImportApart, ReadApart
from benchmarks.augment import Augment
from benchmarks.decode import DecodeDraft, DecodeMemmap
from benchmarks.evaluation import Intervals, Thresholds
from benchmarks.frame import Row
from benchmarks.frozen import Frozen
from benchmarks.gpu import GpuEpoch
from benchmarks.infer import Infer
from benchmarks.libraries import Libraries
from benchmarks.near import NearDuplicates
from benchmarks.quick import Busy, QuickAgain, QuickWhole
from benchmarks.read import ReadBatch, ReadCam
from benchmarks.step import StepBf16
from benchmarks.tail import Tail

ROWS: tuple[Row, ...] = (
    DecodeDraft(),
    DecodeMemmap(),
    Augment(),
    Frozen("frozen_mobilenet", "mobilenet_v2", 12.0),
    Frozen("frozen_densenet", "densenet121", 20.0),
    QuickWhole(),
    QuickAgain(),
    Busy(),
    Tail(),
    StepBf16(),
    Infer(1),
    Infer(8),
    Libraries(),
    ReadCam(),
    ReadBatch(),
    ReadApart(),
    ImportApart(),
    Thresholds("thresholds_624", 624),
    Thresholds("thresholds_25k", 25_000),
    Thresholds("thresholds_1m", 1_000_000),
    Intervals(),
    NearDuplicates(),
    GpuEpoch(),
)
