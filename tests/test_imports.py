"""The light rooms open without torch, and none of them knows Streamlit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

LIGHT = [
    "xraylab.settings",
    "xraylab.database",
    "xraylab.models",
    "xraylab.predictions",
    "xraylab.audit.alignment",
    "xraylab.audit.alike",
    "xraylab.audit.checks",
    "xraylab.audit.counts",
    "xraylab.audit.descriptors",
    "xraylab.audit.duplicates",
    "xraylab.audit.features",
    "xraylab.audit.found",
    "xraylab.audit.kept",
    "xraylab.audit.label_errors",
    "xraylab.audit.leakage",
    "xraylab.audit.looks",
    "xraylab.audit.naive",
    "xraylab.audit.near",
    "xraylab.audit.neighbours",
    "xraylab.audit.outside_lungs",
    "xraylab.audit.scoring",
    "xraylab.audit.shift",
    "xraylab.evaluation",
    "xraylab.evaluation.averaging",
    "xraylab.evaluation.balanced",
    "xraylab.evaluation.band",
    "xraylab.evaluation.calibration",
    "xraylab.evaluation.cells",
    "xraylab.evaluation.classes",
    "xraylab.evaluation.clustering",
    "xraylab.evaluation.comparison",
    "xraylab.evaluation.estimates",
    "xraylab.evaluation.few",
    "xraylab.evaluation.figures",
    "xraylab.evaluation.firth",
    "xraylab.evaluation.floor",
    "xraylab.evaluation.measures",
    "xraylab.evaluation.intervals",
    "xraylab.evaluation.jackknife",
    "xraylab.evaluation.labelled",
    "xraylab.evaluation.mcnemar",
    "xraylab.evaluation.novelty",
    "xraylab.evaluation.one_decision",
    "xraylab.evaluation.operating_point",
    "xraylab.evaluation.paired",
    "xraylab.evaluation.parts",
    "xraylab.evaluation.patients",
    "xraylab.evaluation.sample_size",
    "xraylab.evaluation.prevalence",
    "xraylab.evaluation.ratios",
    "xraylab.evaluation.reliability",
    "xraylab.evaluation.repeated",
    "xraylab.evaluation.report",
    "xraylab.evaluation.rules",
    "xraylab.evaluation.shift",
    "xraylab.evaluation.student",
    "xraylab.evaluation.subgroup_columns",
    "xraylab.evaluation.subgroup_tests",
    "xraylab.evaluation.subgroups",
    "xraylab.evaluation.summary",
    "xraylab.evaluation.thresholds",
    "xraylab.evaluation.utility",
    "xraylab.audit.acquisition",
    "xraylab.audit.file_properties",
    "xraylab.imaging",
    "xraylab.data.archives",
    "xraylab.data.arrays",
    "xraylab.data.averages",
    "xraylab.data.browsing",
    "xraylab.data.catalog",
    "xraylab.data.class_folders",
    "xraylab.data.datasets",
    "xraylab.data.derived",
    "xraylab.data.described",
    "xraylab.data.entries",
    "xraylab.data.finder",
    "xraylab.data.importing",
    "xraylab.data.intake",
    "xraylab.data.labels",
    "xraylab.data.listing",
    "xraylab.data.manifests",
    "xraylab.data.mapping",
    "xraylab.data.mends",
    "xraylab.data.openings",
    "xraylab.data.patients",
    "xraylab.data.phantoms",
    "xraylab.data.public",
    "xraylab.data.reasons",
    "xraylab.data.resuming",
    "xraylab.data.rows",
    "xraylab.data.selection",
    "xraylab.data.sources",
    "xraylab.data.spellings",
    "xraylab.data.split",
    "xraylab.data.tables",
    "xraylab.data.tags",
    "xraylab.data.tars",
    "xraylab.networks.registry",
    "xraylab.records",
    "xraylab.runs.auditing",
    "xraylab.runs.rebuild",
    "xraylab.runs.resume",
    "xraylab.runs.table",
    "xraylab.training.duration",
    "xraylab.training.plateau",
    "xraylab.training.recipe",
    "xraylab.formats",
    "xraylab.reports.card",
    "xraylab.reports.evaluation",
    "xraylab.reports.film",
    "xraylab.reports.film_picture",
    "xraylab.reports.film_words",
    "xraylab.reports.secondary_capture",
    "xraylab.actions",
    "xraylab.cli",
]
LOADED = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
heavy = ("torch", "torchvision", "streamlit", "reportlab", "highdicom", "pydicom")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def loaded_by(*names: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *names],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return list(json.loads(done.stdout))


def test_the_light_rooms_load_neither_torch_nor_streamlit_nor_reportlab():
    assert loaded_by(*LIGHT) == []


def test_every_audit_evaluation_and_data_module_is_looked_at():
    package = Path(__file__).parents[1] / "xraylab"
    for room in ("audit", "evaluation", "data"):
        modules = {f"xraylab.{room}.{file.stem}" for file in (package / room).glob("[!_]*.py")}
        assert modules <= set(LIGHT)


@pytest.mark.parametrize("name", ["torch", "streamlit", "reportlab"])
def test_a_heavy_import_would_be_noticed(name):
    pytest.importorskip(name)
    assert name in loaded_by(name)
