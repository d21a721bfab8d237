"""Terms that a reader of films may not know are explained on hover."""

import re
from pathlib import Path

import pytest

from tests.support.words import first_words, in_html
from xraylab.app import glossary, widgets
from xraylab.app.components import threshold_cockpit

pytest_plugins = ["tests.support.trained", "tests.support.shipped"]
SCREENS = ["", "data", "train", "threshold", "compare", "read", "models"]
COCKPIT = Path(threshold_cockpit.__file__).parent / "view.html"
# What a radiologist stops at: each is explained where it stands, or another word is used.
STOPS = re.compile(
    r"(?<![\w-])(suite|lock(ed|s)?|openings?|splits?|Youden\S*|MOVER|Brier|recipes?|seeds?|heads?|logit|AUROC|AUC|"
    r"ROC|calibrat\w*|TTA|backbone|ensemble|epochs?|jackknife|DeLong|McNemar|Newcombe|kappa|F1|Matthews|PPV|NPV)"
    r"(?![\w-])",
    re.IGNORECASE,
)


def unexplained(words):
    return [text for text, sentence in words if STOPS.search(text) and not sentence]


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        ("locked 0.412 · Youden · 12 May, 14:05", [glossary.LOCK, glossary.YOUDEN]),
        ("Frozen backbone, head on cached features", [glossary.INSIDE["backbone"], glossary.HEAD]),
        (
            "quick, seed 0: the head for 15 epochs, then the head again",
            [glossary.SEED, glossary.HEAD, glossary.EPOCH],
        ),
        ("Locked first at 0.4", [glossary.LOCK]),
        ("mobilenet_v2-seed1", []),
        ("headline, splitting, unlocked", []),
    ],
)
def test_terms_inside_words_are_explained_once_each(words, sentences):
    assert glossary.explained(words) == " ".join(sentences)


def test_a_cell_with_a_term_is_explained_and_nothing_else_is():
    assert glossary.YOUDEN.split()[0] in widgets.hover("0.412 · Youden")
    assert widgets.hover("phantoms") == ""


def test_the_words_of_the_lock_in_the_sidebar_are_explained(show, trained):
    app = show("models")
    [sidebar] = [part.proto.body for part in app.get("html") if "Reads films" in part.proto.body]
    assert re.search(rf'title="[^"]*{glossary.LOCK[:20]}', sidebar)


def test_the_recipe_and_the_network_of_train_are_explained(show, trained):
    app = show("train")
    helps = [caption.proto.help for caption in app.caption]
    assert any(glossary.HEAD in text for text in helps)


@pytest.mark.parametrize("name", SCREENS)
def test_no_word_of_a_first_screen_is_left_unexplained(show, trained, name):
    app = show(name)
    if name == "train":  # what is behind "Advanced" is read before a training too
        app.toggle(key="train edit").set_value(True).run()
    words = first_words(app)
    assert len(words) > 10
    assert unexplained(words) == []


@pytest.mark.parametrize("name", SCREENS)
def test_no_word_about_the_shipped_models_is_left_unexplained(show, newcomer, name):
    assert unexplained(first_words(show(name))) == []


def test_no_word_of_the_cockpit_is_left_unexplained():
    # Its folds are opened by a reader who wants more; their terms are explained by EXPLAINED.
    in_sight = re.sub(r"<details.*?</details>", "", COCKPIT.read_text("utf-8"), flags=re.DOTALL)
    assert [text for text in unexplained(in_html(in_sight)) if text not in glossary.EXPLAINED] == []
