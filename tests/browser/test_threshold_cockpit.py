import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from sklearn import metrics
from sklearn.metrics import class_likelihood_ratios, cohen_kappa_score, matthews_corrcoef

from xraylab import formats
from xraylab.evaluation.band import band_of_a_thousand, review_band, workload
from xraylab.evaluation.clustering import PROPORTIONS
from xraylab.evaluation.prevalence import moved, of_a_thousand, predictive_values
from xraylab.evaluation.ratios import likelihood_ratios
from xraylab.evaluation.rules import choose, parse_rule
from xraylab.evaluation.thresholds import threshold_table
from xraylab.evaluation.utility import decision_curve, expected_cost, net_benefit

DASH = "\u2013"
APP = """
    import time
    import numpy as np
    import streamlit as st
    from xraylab.app.components.threshold_cockpit import Beside, Chosen, Preset, move_to, threshold_cockpit
    from xraylab.evaluation.rules import choose, parse_rule
    from xraylab.evaluation.thresholds import threshold_table

    films = np.load(st.query_params["films"])
    labels, groups = films["labels"], films["groups"]
    table = threshold_table(labels, films["scores"], groups)
    presets = []
    if table.positives and table.negatives:
        youden, cost, floor = map(parse_rule, ("youden", "cost:5", "floor:0.95"))
        presets = [
            Preset(youden, choose(table, youden), "Balanced"),
            Preset(cost, choose(table, cost)),
            Preset(floor, None),
            Preset(parse_rule("f1"), None, why="These films can't have it."),
        ]
    other = threshold_table(labels, films["scores"] ** 2, groups)
    beside = Beside("squared", other) if st.toggle("beside") else None
    if st.button("other model") or st.session_state.get("other"):
        st.session_state["other"], table = True, other
    if st.toggle("shown", True):
        threshold_cockpit(
            table,
            key=f"cockpit {st.session_state.get('other')}",
            store=f"chosen{'2' if st.session_state.get('other') else ''}",
            title="some model, validation films",
            initial=Chosen(0.5),
            locked=Chosen(0.3),
            presets=presets,
            review_start=Preset(parse_rule("sensitivity:0.99"), 0.1),
            beside=beside,
            cell="clicked",
            ask=lambda rule: move_to(Chosen(0.125, rule=rule), "chosen"),
        )
    st.text(f"cell {st.session_state.get('clicked')!r}")
    st.button("push", on_click=move_to, args=(Chosen(0.9), "chosen"))
    value = st.session_state.get("chosen")
    if value.threshold == 0.25:
        time.sleep(1.5)  # a slow page
    st.text(f"python {value.threshold!r}")
    st.text(f"band from {value.review_from!r}")
    st.text(f"rules {value.rule}, {value.review_rule}")
    if "chosen2" in st.session_state:
        st.text(f"second {st.session_state['chosen2'].threshold!r}")
"""


def _films(n=600, digits=2, seed=2):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, n // 2, n)
    labels = rng.integers(0, 2, n // 2)[groups]
    scores = 1 / (1 + np.exp(-rng.normal(4 * labels - 2, 2.5)))
    return {"labels": labels, "scores": scores.round(digits), "groups": groups}


@pytest.fixture(scope="module")
def app(serve):
    return serve(APP)


@pytest.fixture
def cockpit(app, page, tmp_path):
    """Open a page with the cockpit on some films; gives it and the Python table of the same films."""

    def start(**films):
        page.goto(_address(app, tmp_path, films))
        page.locator(".cockpit .value").wait_for()
        _python_says(page, 0.5)
        return Cockpit(page), threshold_table(films["labels"], films["scores"], films["groups"])

    return start


def _address(app, folder, films):
    np.savez(folder / "films.npz", **films)
    return f"{app}/?films={folder / 'films.npz'}"


class Cockpit:
    """What a person does to the cockpit, and reads from it."""

    def __init__(self, page):
        self.page = page
        self.range = page.locator(".cockpit .range.main")
        self.number = page.locator(".cockpit .number.main")

    def texts(self):
        return self.page.locator(".cockpit").evaluate(
            "el => Object.fromEntries([...el.querySelectorAll('[data-text]')]"
            ".map(part => [part.dataset.text, part.textContent]))"
        )

    @property
    def threshold(self):
        return float(self.texts()["value"])

    def counts(self):
        texts = self.texts()
        return tuple(int(texts[name].replace("\u2009", "")) for name in ("tp", "fp", "tn", "fn"))

    def x(self, share):
        box = self.page.locator(".cockpit .plot").bounding_box()
        return box["x"] + share * box["width"], box["y"] + box["height"] / 2

    def press_at(self, share):
        self.page.mouse.move(*self.x(share))
        self.page.mouse.down()

    def drag_to(self, share):
        self.page.mouse.move(*self.x(share))

    def weigh(self, percent):
        """Move the prevalence, as a person who lets go of it does."""
        self.page.locator(".cockpit .prevalence").fill(str(percent))

    def rule(self, name):
        """Press one of the further rules."""
        self.page.locator(".cockpit .rules summary").click()
        self.page.get_by_role("button", name=name).click()

    def order(self, name):
        """Put the films by score or by rank."""
        self.page.get_by_role("button", name=f"By {name}").click()

    def place(self, name="cut"):
        """Return where a cut stands, as a share of the plot."""
        return float(
            self.page.locator(".cockpit .plot").evaluate(f"plot => plot.style.getPropertyValue('--{name}')")
        )

    def type(self, text):
        self.number.fill(text)
        self.number.press("Enter")


def _python_says(page, value):
    page.get_by_text(f"python {value!r}", exact=True).wait_for()


def _rules_are(page, words):
    page.get_by_text(f"rules {words}", exact=True).wait_for()


def _counts(point):
    return point.tp, point.fp, point.tn, point.fn


def test_the_numbers_change_while_the_mouse_is_still_down(cockpit, page):
    view, table = cockpit(**_films())
    view.press_at(0.2)
    seen = []
    for share in np.linspace(0.2, 0.9, 8):
        view.drag_to(share)
        seen.append(view.counts())
        assert seen[-1] == _counts(table.at(view.threshold))

    assert len(set(seen)) == 8
    _python_says(page, 0.5)  # nothing was sent yet
    page.mouse.up()
    _python_says(page, view.threshold)


def test_browser_and_python_count_alike_at_any_typed_threshold_ties_included(cockpit):
    view, table = cockpit(**_films())
    rng = np.random.default_rng(0)
    on_scores = rng.choice(table.threshold[1:], 15)
    around = [np.nextafter(t, side) for t in on_scores[:8] for side in (0, 1)]

    for threshold in [0.0, 1.0, 1e-12, *on_scores, *around, *rng.random(15)]:
        view.number.fill(repr(float(threshold)))
        assert view.counts() == _counts(table.at(threshold))


def test_every_rate_and_interval_is_pythons(cockpit):
    view, table = cockpit(**_films())

    for threshold in (0.0, 0.02, 0.31, 0.5, 0.77, 0.99, 1.0):
        view.number.fill(str(threshold))
        texts, point = view.texts(), table.at(threshold)
        for metric in PROPORTIONS:
            low, high = table.interval(metric, threshold)
            assert texts[metric] == formats.percent(getattr(point, metric))
            assert texts[f"{metric}-interval"] == _range(low, high)


def test_every_count_rate_and_area_is_scikit_learns(cockpit):
    films = _films()
    view, _ = cockpit(**films)
    labels, scores = films["labels"], films["scores"]
    for threshold in (0.02, 0.31, 0.5, 0.77):
        view.number.fill(str(threshold))
        texts, called = view.texts(), scores >= threshold
        (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, called)
        assert view.counts() == (tp, fp, tn, fn)
        assert texts["sensitivity"] == formats.percent(metrics.recall_score(labels, called))
        assert texts["specificity"] == formats.percent(metrics.recall_score(labels, called, pos_label=0))
        assert texts["ppv"] == formats.percent(metrics.precision_score(labels, called))
        assert texts["npv"] == formats.percent(metrics.precision_score(labels, called, pos_label=0))
        assert texts["f1"] == formats.percent(metrics.f1_score(labels, called))
        assert texts["accuracy"] == formats.percent(metrics.accuracy_score(labels, called))
        assert texts["balanced"] == formats.percent(metrics.balanced_accuracy_score(labels, called))
    assert texts["auc"] == f"AUC {metrics.roc_auc_score(labels, scores):.3f}"
    assert texts["ap"] == f"AP {metrics.average_precision_score(labels, scores):.3f}"


@pytest.mark.parametrize("percent", [1, 10, 37, 90])
def test_what_would_follow_at_another_prevalence_is_pythons(cockpit, percent):
    view, table = cockpit(**_films())
    view.weigh(percent)

    for threshold in (0.0, 0.02, 0.5, 0.77, 0.99, 1.0):
        view.number.fill(str(threshold))
        texts, point = view.texts(), table.at(threshold)
        found = predictive_values(table, threshold, percent / 100)
        for name in ("ppv", "npv"):
            assert texts[f"{name}-there"] == formats.percent(getattr(found, name))
            assert texts[f"{name}-there-interval"] == _range(*getattr(found, f"{name}_interval"))
        expected = of_a_thousand(point, percent / 100)
        for cell in ("tp", "fn", "fp", "tn"):
            assert texts[f"thousand-{cell}"] == str(getattr(expected, cell)).replace("1000", "1\u2009000")
        assert texts["thousand-prevalence"] == texts["prevalence"] == f"{percent}\u202f%"


def test_a_thousand_films_are_drawn_in_the_areas_that_they_are_counted(cockpit, page):
    view, table = cockpit(**_films())
    view.weigh(30)
    expected = of_a_thousand(table.at(0.5), 0.3)
    areas = page.locator(".cockpit").evaluate(
        """el => Object.fromEntries([...el.querySelectorAll('[data-icons]')].map(path => {
            const points = [];
            let x = 0, y = 0;
            for (const [, command, values] of path.getAttribute('d').matchAll(/([MHV])([^MHVZ]*)/g)) {
                if (command === 'H') x = Number(values);
                else if (command === 'V') y = Number(values);
                else [x, y] = values.split(' ').map(Number);
                points.push([x, y]);
            }
            const turned = points.map(([a, b], i) => {
                const [c, d] = points[(i + 1) % points.length];
                return a * d - c * b;
            });
            return [path.dataset.icons, Math.abs(turned.reduce((sum, one) => sum + one, 0)) / 2];
        }))"""
    )
    counted = {cell: getattr(expected, cell) for cell in ("tp", "fn", "fp", "tn")}
    assert areas == counted | {"rp": 0, "rn": 0}


def test_the_prevalence_outlives_the_cockpit(cockpit, page):
    view, _ = cockpit(**_films())
    view.weigh(25)
    page.get_by_text("shown").click()
    page.locator(".cockpit").wait_for(state="detached")
    page.get_by_text("shown").click()
    page.locator(".cockpit .value").wait_for()
    assert view.texts()["prevalence"] == "25\u202f%"


def test_more_figures_are_scikit_learns(cockpit):
    films = _films()
    view, table = cockpit(**films)
    for threshold in (0.02, 0.31, 0.77):
        view.number.fill(str(threshold))
        texts, called = view.texts(), films["scores"] >= threshold
        positive, negative = class_likelihood_ratios(films["labels"], called)
        assert texts["kappa"] == f"{cohen_kappa_score(films['labels'], called):.3f}"
        assert texts["mcc"] == f"{matthews_corrcoef(films['labels'], called):.3f}"
        assert (texts["lr-positive"], texts["lr-negative"]) == (
            formats.ratio(positive),
            formats.ratio(negative),
        )
        ratios = likelihood_ratios(table, threshold)
        for name in ("positive", "negative"):
            bounds = getattr(ratios, f"{name}_interval")
            assert texts[f"lr-{name}-interval"] == formats.ratio_interval(*bounds)
        assert texts["balanced"] == formats.percent(table.at(threshold).balanced_accuracy)


@pytest.mark.parametrize("cell", ["tp", "fn", "fp", "tn"])
def test_a_click_into_a_cell_tells_python_which(cockpit, page, cell):
    cockpit(**_films())
    page.locator(f".cockpit [data-cell={cell}]").click()
    page.get_by_text(f"cell '{cell}'", exact=True).wait_for()


def _switch_band_on(view, page):
    page.get_by_role("button", name="Review band").click()
    page.locator(".cockpit[data-band]").wait_for()


def _band_counts(table, threshold, review):
    band = review_band(table, review, threshold)
    zones = (band.above, band.review, band.below)
    return [[zone.diseased for zone in zones], [zone.healthy for zone in zones]]


def test_a_review_band_counts_as_python_does_and_python_hears_of_it(cockpit, page):
    view, table = cockpit(**_films())
    _switch_band_on(view, page)
    page.get_by_text("band from 0.1", exact=True).wait_for()
    lower = page.locator(".cockpit .number.from")
    for threshold, review in ((0.5, 0.1), (0.77, 0.31), (1.0, 0.0), (0.4, 0.4)):
        view.number.fill(str(threshold))
        lower.fill(str(review))
        texts, band = view.texts(), review_band(table, review, threshold)
        shown = [[int(texts[cell]) for cell in row] for row in (("tp", "rp", "fn"), ("fp", "rn", "tn"))]
        assert shown == _band_counts(table, threshold, review)
        assert texts["missed-below"] == formats.percent(band.missed_rate)
        assert texts["missed-below-interval"] == _range(*band.missed_interval)
        assert texts["review-here"] == formats.percent(band.review.films / table.n)
        found = predictive_values(table, threshold, 0.1), predictive_values(table, review, 0.1)
        assert texts["ppv-there"] == formats.percent(found[0].ppv)
        assert texts["npv-there-interval"] == _range(*found[0].npv_interval)
        assert texts["npv-below"] == formats.percent(found[1].npv)
        assert texts["npv-below-interval"] == _range(*found[1].npv_interval)
        zones = band_of_a_thousand(band, 0.1)
        assert [int(texts[f"thousand-{name}"]) for name in ("tp", "rp", "fn", "fp", "tn")] == [
            zones.found,
            zones.reader_diseased,
            zones.missed,
            zones.false_alarms,
            zones.correctly_negative,
        ]
        assert int(texts["thousand-reader"]) == zones.between
        thousand = [texts[f"thousand-{name}"] for name in ("tp", "reader", "fn", "fp", "tn")]
        assert sum(int(n.replace("\u2009", "")) for n in thousand) == 1000
    lower.press("Enter")
    page.get_by_text("band from 0.4", exact=True).wait_for()
    page.get_by_role("button", name="Review band").click()
    page.get_by_text("band from None", exact=True).wait_for()


def test_the_lower_handle_is_dragged_by_itself_and_pushed_down_by_the_upper_one(cockpit, page):
    view, table = cockpit(**_films())
    _switch_band_on(view, page)
    box = page.locator(".cockpit .cut.from").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    view.drag_to(0.3)
    review = float(page.locator(".cockpit .number.from").input_value())
    assert view.threshold == 0.5
    assert 0 < review < 0.5
    texts = view.texts()
    assert [int(texts[cell]) for cell in ("tp", "rp", "fn")] == _band_counts(table, 0.5, review)[0]
    page.get_by_text("band from 0.1", exact=True).wait_for()  # nothing was sent yet
    page.mouse.up()
    page.get_by_text(f"band from {review!r}", exact=True).wait_for()

    view.type("0.02")
    page.get_by_text("band from 0.02", exact=True).wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text(f"band from {review!r}", exact=True).wait_for()
    assert view.threshold == 0.5


@pytest.mark.parametrize("cell", ["rp", "rn"])
def test_a_click_into_the_band_s_cells_tells_python_which(cockpit, page, cell):
    view, _ = cockpit(**_films())
    _switch_band_on(view, page)
    page.locator(f".cockpit [data-cell={cell}]").click()
    page.get_by_text(f"cell '{cell}'", exact=True).wait_for()


def test_the_workload_curve_is_pythons(cockpit, page):
    view, table = cockpit(**_films())
    _switch_band_on(view, page)
    curve = page.locator(".cockpit [data-curve=workload]")
    shown = _points(curve.locator(".line"))
    width, height = (int(curve.locator(f".{end}").text_content()) / 100 for end in ("all", "most"))
    expected = workload(table, 0.5)
    for x, y in shown:
        reader, missed = x / 200 * width, (200 - y) / 200 * height
        gaps = np.abs(expected.share - reader) + np.abs(expected.missed_rate - missed)
        assert gaps.min() < 1e-3
    assert shown[0][1] == pytest.approx(200, abs=0.01)  # the lowest cut misses nobody


def _points(line):
    return [tuple(map(float, pair.split(","))) for pair in line.get_attribute("points").split()]


def test_what_stands_beside_is_counted_at_the_same_threshold(cockpit, page):
    films = _films()
    view, _ = cockpit(**films)
    page.get_by_text("beside", exact=True).click()
    page.locator(".cockpit[data-beside]").wait_for()
    other = threshold_table(films["labels"], films["scores"] ** 2, films["groups"])
    for threshold in (0.02, 0.31, 0.77, 1.0):
        view.number.fill(str(threshold))
        texts, point = view.texts(), other.at(threshold)
        assert [int(texts[f"beside-{cell}"]) for cell in ("tp", "fp", "tn", "fn")] == list(_counts(point))
        found = predictive_values(other, threshold, 0.1)
        for name, value, bounds in (
            ("sensitivity", point.sensitivity, other.interval("sensitivity", threshold)),
            ("specificity", point.specificity, other.interval("specificity", threshold)),
            ("ppv", found.ppv, found.ppv_interval),
            ("npv", found.npv, found.npv_interval),
        ):
            assert texts[f"beside-{name}"] == formats.percent(value)
            assert texts[f"beside-{name}-interval"] == _range(*bounds)
    assert texts["beside"] == "squared"
    assert len(_points(page.locator(".cockpit [data-curve=roc] .other"))) > 10


def test_with_a_band_on_every_film_of_what_stands_beside_is_counted(cockpit, page):
    films = _films()
    view, table = cockpit(**films)
    page.get_by_text("beside", exact=True).click()
    page.locator(".cockpit[data-beside]").wait_for()
    _switch_band_on(view, page)
    other = threshold_table(films["labels"], films["scores"] ** 2, films["groups"])
    lower = page.locator(".cockpit .number.from")
    for threshold, review in ((0.5, 0.1), (0.77, 0.31)):
        view.number.fill(str(threshold))
        lower.fill(str(review))
        texts = view.texts()
        for prefix, of in (("", table), ("beside-", other)):
            (tp, rp, fn), (fp, _, tn) = _band_counts(of, threshold, review)
            counts = [int(texts[f"{prefix}{cell}"]) for cell in ("tp", "fn", "fp", "tn")]
            assert counts == [tp, fn, fp, tn]
            reader = [int(texts[cell]) for cell in (("rp", "rn") if not prefix else ("beside-reader",))]
            assert sum(counts) + sum(reader) == of.n == len(films["labels"])
        assert int(texts["beside-rp"]) == rp
        assert texts["beside-npv-below"] == formats.percent(predictive_values(other, review, 0.1).npv)
    assert page.locator(".cockpit [data-text=beside-reader]").is_visible()


@pytest.mark.parametrize("percent", [10, 50])
def test_net_benefit_and_cost_are_pythons_at_the_prevalence(cockpit, page, percent):
    films = _films()
    view, table = cockpit(**films)
    page.locator(".cockpit .more summary").click()
    view.weigh(percent)
    page.locator(".cockpit .cost").fill("4")
    share = percent / 100
    costs = [expected_cost(table.at(t), 4, prevalence=share) for t in table.threshold[table.highest_row :]]
    for threshold in (0.02, 0.31, 0.77):
        view.number.fill(str(threshold))
        texts, point = view.texts(), table.at(threshold)
        assert texts["net-benefit"] == f"{100 * net_benefit(point, 0.2, prevalence=share):.1f}"
        assert texts["odds"] == formats.percent(0.2)
        assert texts["cost-here"] == str(round(1000 * expected_cost(point, 4, prevalence=share)))
        assert texts["cost-least"] == str(round(1000 * min(costs)))
        there = moved(threshold, measured_at=table.positives / table.n, to=share)
        assert texts["score-there"] == formats.score(float(there))
    page.get_by_role("button", name="Move there").click()
    assert expected_cost(table.at(view.threshold), 4, prevalence=share) == pytest.approx(min(costs))


def test_the_decision_curve_is_pythons_of_scores_moved_to_the_prevalence(cockpit, page):
    films = _films()
    view, table = cockpit(**films)
    page.locator(".cockpit .more summary").click()
    view.weigh(30)
    scores = moved(films["scores"], measured_at=table.positives / table.n, to=0.3)
    chances = np.arange(1, 100) / 100
    expected = decision_curve(threshold_table(films["labels"], scores), chances, prevalence=0.3)
    for line, values in ((".line", expected.model), (".other", expected.treat_all)):
        shown = _points(page.locator(f".cockpit [data-curve=decision] {line}"))
        heights = 200 - 200 * (values + 0.25 * 0.3) / (1.25 * 0.3)
        inside = zip(200 * chances[heights <= 200], heights[heights <= 200], strict=True)
        assert shown == [pytest.approx(point, abs=0.011) for point in inside]
    assert len(shown) > 20


@pytest.mark.parametrize("typed", ["0", "-1", "many", ""])
def test_what_is_no_cost_is_marked_and_put_back(cockpit, page, typed):
    cockpit(**_films())
    page.locator(".cockpit .more summary").click()
    field = page.locator(".cockpit .cost")
    field.fill(typed)
    assert field.get_attribute("aria-invalid") == "true"
    field.press("Tab")
    assert field.input_value() == "10"


@pytest.mark.parametrize("name", ["scores", "roc", "pr", "decision", "workload"])
def test_every_figure_can_be_saved_as_svg_and_as_png(cockpit, page, name):
    view, _ = cockpit(**_films())
    page.locator(".cockpit .more summary").click()
    _switch_band_on(view, page)
    with page.expect_download() as saving:
        page.locator(f".cockpit [data-save='{name} svg']").click()
    drawing = ElementTree.parse(saving.value.path()).getroot()  # noqa: S314 - our own figure
    words = "".join(drawing.itertext())
    assert saving.value.suggested_filename.endswith("some-model-validation-films-threshold-0.500.svg")
    assert "some model, validation films" in words
    assert "Not a medical device." in words
    lines = [
        part
        for kind in ("path", "polyline")
        for part in drawing.iter(f"{{http://www.w3.org/2000/svg}}{kind}")
    ]
    assert len(lines) > 1

    with page.expect_download() as saving:
        page.locator(f".cockpit [data-save='{name} png']").click()
    with Image.open(saving.value.path()) as picture:
        assert picture.format == "PNG"
        assert picture.width > 600
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 20


def test_another_model_in_the_middle_of_a_drag_gets_its_own_handle(cockpit, page):
    films = _films()
    view, _ = cockpit(**films)
    other = threshold_table(films["labels"], films["scores"] ** 2, films["groups"])
    view.press_at(0.5)
    view.drag_to(0.7)
    page.get_by_role("button", name="other model").evaluate("button => button.click()")
    page.get_by_text("second 0.5", exact=True).wait_for()
    page.locator(".cockpit .value", has_text="0.500").wait_for()
    assert view.counts() == _counts(other.at(0.5))
    view.drag_to(0.8)
    page.mouse.up()
    _python_says(page, 0.5)  # what was dragged and not let go is lost, and moves no other model
    assert view.counts() == _counts(other.at(view.threshold))
    view.type("0.33")
    page.get_by_text("second 0.33", exact=True).wait_for()
    assert view.counts() == _counts(other.at(0.33))
    _python_says(page, 0.5)


def test_halves_are_rounded_as_python_rounds_them(cockpit):
    scores = np.array([0.9] + [0.1] * 15 + [0.8] * 3 + [0.2] * 13)
    view, table = cockpit(labels=np.repeat([1, 0], 16), scores=scores, groups=np.arange(32))

    assert table.at(0.5).sensitivity == 0.0625
    assert view.texts()["sensitivity"] == formats.percent(0.0625) == "6.2\u202f%"


def _range(low, high):
    return DASH if math.isnan(low) else f"{100 * low:.1f}{DASH}{100 * high:.1f}"


def test_each_arrow_key_moves_by_one_score_and_states_pythons_cut(cockpit, page):
    view, table = cockpit(**_films(digits=9))
    view.range.focus()
    row = table.row(0.5)

    for key, step in [("ArrowRight", -1)] * 25 + [("ArrowDown", 1)] * 50:
        view.range.press(key)
        row += step
        assert view.threshold == table.cut(row)
        assert view.counts() == _counts(table.at(table.cut(row)))
    _python_says(page, table.cut(row))


@pytest.mark.parametrize(("key", "threshold"), [("Home", 0.0), ("End", 1.0)])
def test_the_ends_of_the_scale_call_everybody_and_nobody(cockpit, page, key, threshold):
    view, table = cockpit(**_films(digits=9))
    view.range.press(key)

    _python_says(page, threshold)
    assert view.counts() == _counts(table.at(threshold))


def test_page_keys_move_further_than_arrows(cockpit):
    view, table = cockpit(**_films(digits=9))
    view.range.press("PageUp")

    assert table.row(0.5) - table.row(view.threshold) > 10


def test_a_score_of_one_stays_reachable_and_is_the_last_step(cockpit, page):
    films = _films(digits=9)
    films["scores"][:5] = 1.0
    view, table = cockpit(**films)
    view.range.press("End")

    _python_says(page, table.cut(1))
    assert view.counts() == _counts(table.at(1.0))
    assert sum(view.counts()[:2]) == 5


@pytest.mark.parametrize("typed", ["0.123456789", "0,123456789"])
def test_a_typed_value_reaches_python_exactly(cockpit, page, typed):
    view, table = cockpit(**_films())
    view.type(typed)

    _python_says(page, 0.123456789)
    assert view.number.input_value() == "0.123456789"
    assert view.counts() == _counts(table.at(0.123456789))


@pytest.mark.parametrize("typed", ["1.2", "-0.1", "half", "", "NaN"])
def test_what_is_no_threshold_is_marked_and_put_back(cockpit, page, typed):
    view, _ = cockpit(**_films())
    view.number.fill(typed)
    assert view.number.get_attribute("aria-invalid") == "true"
    view.number.press("Enter")

    assert view.number.input_value() == "0.500"
    assert view.number.get_attribute("aria-invalid") == "false"
    _python_says(page, 0.5)


def test_a_late_rerun_does_not_pull_the_handle_back(cockpit, page):
    view, _ = cockpit(**_films())
    view.type("0.25")  # the page now takes its time
    view.press_at(0.5)
    view.drag_to(0.8)
    held = view.threshold
    _python_says(page, 0.25)

    assert view.threshold == held
    page.mouse.up()
    _python_says(page, held)
    assert view.threshold == held


MANY = 30_000


@pytest.mark.parametrize("typed", ["0.5001", "0.2", "0.77"])
def test_of_many_films_a_typed_value_moves_to_an_exact_one_and_the_screen_says_so(cockpit, page, typed):
    view, table = cockpit(**_films(n=MANY, digits=9))
    view.type(typed)
    shown, moved = view.threshold, view.texts()["moved"]

    assert shown != float(typed)
    assert shown == pytest.approx(float(typed), abs=1e-3)
    assert view.counts() == _counts(table.at(shown))
    assert moved.startswith(
        f"{float(typed):.{max(3, len(typed) - 2)}f} is shown at {view.texts()['value']}, "
    )
    assert moved.endswith(" steps")
    _python_says(page, shown)  # what is shown is what would be locked
    view.number.blur()
    assert view.texts()["moved"] == moved

    view.range.press("ArrowRight")
    assert view.texts()["moved"] == ""


def test_of_many_films_the_arrow_keys_stop_at_exact_counts_and_pythons_cuts(cockpit):
    view, table = cockpit(**_films(n=MANY, digits=9))
    view.range.focus()
    rows = []
    for key in ["ArrowRight"] * 10 + ["PageDown"] * 5 + ["ArrowLeft"] * 10 + ["PageUp"] * 12:
        view.range.press(key)
        rows.append(table.row(view.threshold))
        assert view.threshold == table.cut(rows[-1])
        assert view.counts() == _counts(table.at(view.threshold))

    assert len(set(rows)) > 30
    assert rows[0] - rows[1] > 1  # rows were left out between


def test_of_many_films_presets_and_areas_are_those_of_all(cockpit, page):
    view, table = cockpit(**_films(n=MANY, digits=9))
    youden = choose(table, parse_rule("youden"))
    page.get_by_role("button", name="Youden").click()
    _python_says(page, youden)
    texts = view.texts()

    assert view.counts() == _counts(table.at(youden))
    assert texts["moved"] == ""
    assert (texts["auc"], texts["ap"]) == (f"AUC {table.auc:.3f}", f"AP {table.average_precision:.3f}")
    view.order("rank")
    texts = view.texts()
    assert re.fullmatch(
        rf"Films are ranked by score\. The scale shows \d\u2009\d+ of {_spaced(len(table) - 1)} scores, "
        r"most of them near both ends\.",
        texts["steps"],
    )
    for metric in PROPORTIONS:
        assert texts[f"{metric}-interval"] == _range(*table.interval(metric, youden))


def test_the_bars_of_many_films_count_them_all(cockpit, page):
    view, table = cockpit(**_films(n=MANY, digits=9))
    view.order("rank")
    ill, well = (
        _area(page.locator(f".cockpit .bars [data-bars={name}]").first.get_attribute("d"))
        for name in ("present", "absent")
    )

    # A bar is as wide as its steps and as high as its films a step, so the areas are as the films are.
    assert view.texts()["heights"] == ""
    assert ill / well == pytest.approx(table.positives / table.negatives, rel=1e-3)


def _area(path):
    """Of bars that stand on y = 100, from the path's V (to a height) and H (to the right)."""
    corners = [(float(y), float(x)) for y, x in re.findall(r"V([\d.]+)H([\d.]+)", path)]
    rights = np.array([x for _, x in corners])
    return np.abs([y - 100 for y, _ in corners]) @ np.diff(rights, prepend=0)


def test_presets_and_undo_move_the_handle_and_tell_python(cockpit, page):
    view, table = cockpit(**_films())
    youden, cost = (choose(table, parse_rule(text)) for text in ("youden", "cost:5"))
    page.get_by_role("button", name="Youden").click()
    _python_says(page, youden)
    view.rule("cost 5 : 1")
    _python_says(page, cost)
    pressed = page.locator(".cockpit .choose [aria-pressed=true]")
    assert pressed.text_content() == "cost 5 : 1"
    assert not page.get_by_role("button", name="cost 5 : 1").is_visible(), "the rules are folded again"

    page.get_by_role("button", name="Undo").click()
    _python_says(page, youden)
    assert view.threshold == youden
    page.get_by_role("button", name="Undo").click()
    _python_says(page, 0.5)
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_a_cut_keeps_its_rule_until_it_is_moved_by_hand(cockpit, page):
    view, table = cockpit(**_films())
    _rules_are(page, "None, None")
    page.get_by_role("button", name="Youden").click()
    _rules_are(page, "youden, None")
    page.get_by_role("button", name="Review band").click()
    _rules_are(page, "youden, sensitivity:0.99")
    view.type("0.42")
    _rules_are(page, "None, sensitivity:0.99")
    page.get_by_role("button", name="Undo").click()
    _rules_are(page, "youden, sensitivity:0.99")

    youden = choose(table, parse_rule("youden"))
    view.type("0.42")
    _rules_are(page, "None, sensitivity:0.99")
    view.type(repr(youden))
    _rules_are(page, "None, sensitivity:0.99")
    page.get_by_role("button", name="Youden").click()  # the cut is there already; only its rule is new
    _rules_are(page, "youden, sensitivity:0.99")
    _python_says(page, youden)


def test_python_can_move_the_handle(cockpit, page):
    view, table = cockpit(**_films())
    page.get_by_role("button", name="push").click()
    _python_says(page, 0.9)

    page.locator(".cockpit .value", has_text="0.900").wait_for()
    assert view.counts() == _counts(table.at(0.9))


def test_undoing_what_python_did_reaches_python(cockpit, page):
    view, _ = cockpit(**_films())
    view.type("0.42")
    _python_says(page, 0.42)
    page.get_by_role("button", name="push").click()
    page.locator(".cockpit .value", has_text="0.900").wait_for()
    page.get_by_role("button", name="Undo").click()

    _python_says(page, 0.42)  # sent a second time
    assert view.threshold == 0.42


def test_the_threshold_outlives_the_cockpit(cockpit, page):
    view, _ = cockpit(**_films())
    view.type("0.42")
    _python_says(page, 0.42)
    page.get_by_text("shown").click()
    page.locator(".cockpit").wait_for(state="detached")
    page.get_by_text("shown").click()
    page.locator(".cockpit .value").wait_for()

    assert view.threshold == 0.42
    _python_says(page, 0.42)


def test_an_ordinary_rerun_does_not_send_the_table_again(cockpit, page):
    received = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    view, table = cockpit(**_films(n=4000, digits=9))
    assert max(received) > 40 * len(table)
    received.clear()
    view.type("0.42")
    _python_says(page, 0.42)

    assert 0 < sum(received) < 20 * len(table)


def test_a_screen_reader_hears_the_value_and_the_outcome(cockpit, page):
    view, table = cockpit(**_films())
    view.type("0.6")
    point = table.at(0.6)

    assert view.range.get_attribute("aria-valuetext") == f"0.600: {point.fn} missed, {point.fp} false alarms"
    spoken = page.locator(".cockpit [role=status]").text_content()
    assert spoken.startswith(f"Threshold 0.600: {point.tp} found, {point.fn} missed")


def test_copy_link_copies_the_address_and_says_so_until_the_handle_moves(cockpit, page, context):
    view, _ = cockpit(**_films())
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    page.locator(".cockpit [data-text=copied]", has_text="Copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert page.locator(".cockpit [role=status]").text_content() == "Copied"
    assert page.get_by_label("Link to this view").is_hidden()
    view.type("0.6")
    assert view.texts()["copied"] == ""


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('no')) }"])
def test_copy_link_without_a_clipboard_selects_the_address(cockpit, page, clipboard):
    view, _ = cockpit(**_films())
    page.evaluate(
        f"Object.defineProperty(navigator, 'clipboard', {{ configurable: true, value: {clipboard} }})"
    )
    page.get_by_role("button", name="Copy link").click()
    address = page.get_by_label("Link to this view")
    address.wait_for()

    assert address.input_value() == page.url
    assert address.evaluate("field => [field.selectionStart, field.selectionEnd]") == [0, len(page.url)]
    assert view.texts()["copied"] == "Press Ctrl + C to copy"
    view.type("0.6")
    assert address.is_hidden()


def test_a_preset_explains_its_rule_on_hover(cockpit, page):
    cockpit(**_films())

    assert "sum of sensitivity and specificity" in page.get_by_role("button", name="Youden").get_attribute(
        "title"
    )
    page.locator(".cockpit .rules summary").click()
    assert "false alarms" in page.get_by_role("button", name="cost 5 : 1").get_attribute("title")


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        (9, "Films are ranked by score: equal width, equal number of films."),
        (
            1,
            "Films are ranked by score: equal width, equal number of films, but films with the same score "
            "share a step.",
        ),
    ],
)
def test_the_scale_says_what_a_step_is(cockpit, digits, words):
    view, _ = cockpit(**_films(digits=digits))
    view.order("rank")

    assert view.texts()["steps"] == words


def test_figures_at_another_prevalence_name_it(cockpit, page):
    cockpit(**_films())
    rows = page.locator(".cockpit .rates th").all_inner_texts()

    assert "PPV at 10\u202f% prevalence" in rows
    assert "NPV at 10\u202f% prevalence" in rows


def test_keyboard_focus_is_visible(cockpit, page):
    cockpit(**_films())
    page.get_by_role("button", name="By rank").focus()
    page.keyboard.press("Tab")

    style = page.locator(".cockpit .main .knob").evaluate("knob => getComputedStyle(knob).outlineStyle")
    assert style == "solid"


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_shows_dashes_where_nothing_can_be_said(cockpit, label):
    films = _films()
    films["labels"][:] = label
    view, table = cockpit(**films)
    texts = view.texts()
    undefined = "sensitivity" if label == 0 else "specificity"

    assert texts[undefined] == texts[f"{undefined}-interval"] == DASH
    assert texts["auc"] == f"AUC {DASH}"
    assert view.counts() == _counts(table.at(0.5))
    assert "NaN" not in "".join(texts.values())


def test_no_films_show_zeros_and_dashes(cockpit):
    view, _ = cockpit(labels=np.zeros(0, int), scores=np.zeros(0), groups=np.zeros(0, int))

    assert view.counts() == (0, 0, 0, 0)
    assert view.texts()["accuracy"] == DASH


def test_films_and_patients_are_counted(cockpit):
    films = _films(n=2500)
    view, table = cockpit(**films)

    assert view.texts()["films"] == f"2\u2009500\u00a0films · {_spaced(table.n_groups)}\u00a0patients"


def _spaced(number):
    return f"{number:,}".replace(",", "\u2009")


@pytest.mark.parametrize("tone", ["light", "dark"])
def test_class_colours_follow_the_theme(serve, page, tmp_path, tone):
    page.goto(_address(serve(APP, options={"theme.base": tone}), tmp_path, _films()))
    page.locator(f".cockpit[data-tone={tone}]").wait_for()  # set by the component's code


def test_on_a_phone_everything_fits_the_width(cockpit, page):
    page.set_viewport_size({"width": 390, "height": 1200})
    view, _ = cockpit(**_films())

    overflow = page.locator(".cockpit").evaluate("el => el.scrollWidth - el.clientWidth")
    assert overflow <= 0
    matrix, rates = (
        page.locator(f".cockpit .results .{part}").bounding_box() for part in ("matrix", "aside")
    )
    assert rates["y"] >= matrix["y"] + matrix["height"]
    assert view.range.is_visible()
