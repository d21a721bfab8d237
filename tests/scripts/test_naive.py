"""The section on a split by image: written from what is kept, in its own place, and by both scripts."""

from scripts import naive
from xraylab.audit.naive import Claim, Measured, Naive

MEASURED = Naive(
    recipe="quick",
    network="EfficientNet-Lite0",
    n=4434,
    patients=3105,
    draws=3,
    trainings=21,
    shared=0.41,
    by_image=Claim(
        auc=Measured(value=0.9981, low=0.9973, high=0.9987),
        accuracy=Measured(value=0.975, low=0.969, high=0.98),
    ),
    by_patient=Claim(
        auc=Measured(value=0.994, low=0.992, high=0.996),
        accuracy=Measured(value=0.965, low=0.958, high=0.971),
    ),
    auc=Measured(value=0.0041, low=0.003, high=0.0052),
    accuracy=Measured(value=0.01, low=-0.001, high=0.021),
    minutes=4.2,
    sentence="Split by image, the recipe “quick” would have claimed more.",
)
KEPT = naive.Kept(films="5216 films", patient_key="prefix-number", naive=MEASURED)


def test_the_section_says_what_was_measured_and_how():
    section = naive.section(KEPT)
    assert section.startswith(f"{naive.TITLE}\n\n")
    assert "\nSplit by image, the recipe “quick” would have claimed more.\n" in section
    assert "| by image | 0.998 (0.997–0.999) | 97.5\u202f% (96.9–98.0) |" in section
    assert "| difference | +0.0041 (+0.0030 to +0.0052) | +1.0 (−0.1 to +2.1) points |" in section
    assert max(map(len, section.splitlines())) <= 120


def test_a_section_takes_the_place_of_the_last_one_and_leaves_the_rest_alone():
    page = "# Results\n\nFirst.\n\n## Last\n\nWords.\n"
    once = naive.with_section(page, naive.section(KEPT))
    assert once == f"{page}\n{naive.section(KEPT)}"
    changed = KEPT.model_copy(update={"films": "6000 films"})
    twice = naive.with_section(f"{once}\n## After\n\nMore.\n", naive.section(changed))
    assert twice.count(naive.TITLE) == 1
    assert "6000 films" in twice
    assert "5216 films" not in twice
    assert twice.endswith("\n\n## After\n\nMore.\n")
    assert twice.startswith(page)


def test_the_command_writes_the_section_from_the_file(tmp_path):
    stored, page = tmp_path / "naive.json", tmp_path / "results.md"
    stored.write_text(KEPT.model_dump_json())
    page.write_text("# Results\n")
    naive.main(["--stored", str(stored), "--page", str(page)])
    assert page.read_text("utf-8") == f"# Results\n\n{naive.section(KEPT)}"


def test_the_page_of_results_holds_the_section_that_is_kept_with_the_documentation():
    assert naive.section(naive.read()) in naive.PAGE.read_text("utf-8")
