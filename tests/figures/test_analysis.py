"""Figures behind the gradient: both languages, no gap in a line, every explosion marked, safe tokens."""

import re
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer import LayerTrace, bptt
from explorer.cells import LayerWeights
from explorer.figures.analysis import (
    clipping_figure,
    eigenvalue_figure,
    mask_figure,
    nudge_figure,
    saturation_figure,
    spectra_figure,
    truncation_figure,
    weights_figure,
)
from explorer.figures.decades import Decades, powers, ten_to
from explorer.figures.palette import THEMES
from explorer.gradients.jacobian import spectra
from explorer.gradients.pushing import nudge
from explorer.gradients.sizes import clipping, saturation
from explorer.gradients.windows import truncation
from explorer.i18n import LANGUAGES, section, t
from explorer.nn.tracing import run_layer
from tests.helpers import normal, random_weights

T, H = 8, 4
TOKENS = ("the", "<b>fox</b>", "the", "a&b", "x" * 40, "the", "<a href='x'>y</a>", ".")


def run_of(case: str) -> LayerTrace:
    rng = np.random.default_rng(4)
    if case == "explosion":  # h leaves float64 at step 4
        weights = LayerWeights(("h",), np.ones((H, 2)), 1e100 * np.eye(H))
        return run_layer("rnn_relu", weights, np.ones((T, 2)), (np.ones(H),))
    if case == "dead":
        weights = LayerWeights(("h",), -np.ones((H, 2)), np.eye(H))
        return run_layer("rnn_relu", weights, np.ones((T, 2)), (np.zeros(H),))
    weights = random_weights(case, 2, H, rng).map(lambda a: 0.5 * a)
    states = (np.zeros(H), np.zeros(H)) if case == "lstm" else (np.zeros(H),)
    return run_layer(case, weights, normal(rng, T, 2), states)


@cache
def records(case: str) -> dict:
    layer = run_of(case)
    dL_dh = np.zeros((T, H))
    dL_dh[-1] = 1.0
    flow = bptt(layer, dL_dh)
    return {
        "spectra": spectra(layer),
        "nudge": nudge(layer, lambda h: h.sum(-1), flow, 2),
        "truncation": truncation(layer, np.ones((T, H)), shown=3),
        "clipping": clipping(flow, 0.1),
        "flow": flow.layers[0],
        "saturation": saturation(layer),
    }


BUILDERS = {
    "spectra": (spectra_figure, "spectra"),
    "eigenvalues": (eigenvalue_figure, "spectra"),
    "nudge": (nudge_figure, "nudge"),
    "truncation": (truncation_figure, "truncation"),
    "mask": (mask_figure, "truncation"),
    "clipping": (clipping_figure, "clipping"),
    "weights": (weights_figure, "flow"),
    "saturation": (saturation_figure, "saturation"),
}
BY_STEP = ("spectra", "mask", "clipping", "weights", "saturation")
CASES = ("rnn", "lstm", "gru", "rnn_relu", "explosion", "dead")


def figure_of(name: str, case: str, lang: str = "en", theme: str = "light", **options) -> go.Figure:
    builder, record = BUILDERS[name]
    return builder(records(case)[record], lang, theme, **options)


def axes_of(figure: go.Figure, letter: str) -> list:
    return list(figure.select_xaxes() if letter == "x" else figure.select_yaxes())


def named(figure: go.Figure, key: str, lang: str = "en") -> list:
    return [trace for trace in figure.data if trace.name == t(f"analysis.{key}", lang)]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", BUILDERS)
def test_every_figure_has_a_title_axes_and_strings_of_its_language(name, theme, lang):
    table = set(section("analysis", lang).values())
    for case in ("gru", "explosion"):
        figure = figure_of(name, case, lang, theme)
        assert figure.layout.title.text and "{" not in figure.layout.title.text
        assert all(axis.title.text in table for axis in axes_of(figure, "x"))
        assert axes_of(figure, "y")[0].title.text in table or name in ("truncation", "clipping")
        assert figure.layout.font.size >= 15 and "CJK" in figure.layout.font.family
        shown = [trace.name for trace in figure.data if trace.showlegend is not False and trace.name]
        assert len(set(shown) - {t("analysis.reached_disjoint", lang)}) >= len(shown) - 2  # nothing twice


@pytest.mark.parametrize("name", [name for name in BUILDERS if name not in ("mask", "nudge")])
@pytest.mark.parametrize("case", CASES)
def test_no_number_that_plotly_would_drop_is_handed_to_it(name, case):
    for trace in figure_of(name, case).data:
        assert np.isfinite(np.array(trace.x, float)).all() and np.isfinite(np.array(trace.y, float)).all()


@pytest.mark.parametrize("name", BY_STEP)
def test_tokens_are_escaped_tick_text_at_whole_steps(name):
    figure = figure_of(name, "rnn", tokens=TOKENS, first_step=5)
    for axis in axes_of(figure, "x"):
        assert list(axis.tickvals) == list(range(5, 13))  # three times "the": three columns
        assert list(axis.ticktext[:4]) == ["the", "&lt;b&gt;fox&lt;/b&gt;", "the", "a&amp;b"]
        assert len(axis.ticktext[4]) == 24 and "<" not in "".join(axis.ticktext)
    assert not any(isinstance(x, str) for trace in figure.data for x in trace.x or ())


def test_an_explosion_is_marked_where_it_is_and_the_line_goes_on():
    figure = figure_of("spectra", "explosion")
    bad = (np.flatnonzero(np.isnan(records("explosion")["spectra"].singular[:, 0])) + 1).tolist()
    assert bad and all(sorted(set(trace.x)) == bad for trace in named(figure, "infinite"))
    assert all(len(trace.y) == T for trace in named(figure, "largest"))
    axes = axes_of(figure, "y")
    assert all(axes[0].range[0] < y < axes[0].range[1] for y in named(figure, "infinite")[0].y)
    assert "not finite" in figure_of("eigenvalues", "explosion").layout.annotations[-1].text
    assert len(named(figure_of("nudge", "explosion"), "infinite")[0].x) == 65
    assert len(named(figure_of("clipping", "explosion"), "infinite")[0].x) > 0
    assert named(figure_of("truncation", "explosion"), "undefined")
    assert named(figure_of("weights", "explosion"), "infinite")


def test_what_leaves_float32_is_drawn_past_a_line():
    weights = LayerWeights(("h",), np.ones((H, 2)), 1e10 * np.eye(H))
    layer = run_layer("rnn_relu", weights, np.ones((T, 2)), (np.zeros(H),))
    figure = weights_figure(bptt(layer, np.ones((T, H))).layers[0], "en")
    assert max(named(figure, "weight_hh")[0].y) > named(figure, "float32")[0].y[0] > 38.5
    assert not named(figure_of("weights", "rnn"), "float32")


def test_a_zero_is_marked_at_the_foot():
    figure = figure_of("spectra", "dead")
    for trace in named(figure, "zero"):
        assert trace.marker.symbol == "triangle-down" and min(trace.y) == max(trace.y)
    assert named(figure_of("weights", "rnn"), "zero")[0].x == (1,)  # h_0 is 0: it adds nothing
    assert sum(trace.showlegend is not False for trace in named(figure, "zero")) == 1


def test_spectra_are_drawn_with_the_law_of_the_cell():
    for case, law in (("rnn", "bound"), ("lstm", "keep"), ("gru", "keep")):
        figure, of = figure_of("spectra", case), records(case)["spectra"]
        one, whole = named(figure, law)
        factor = of.law.factor
        assert np.allclose(one.y, np.log10(factor))
        assert np.allclose(whole.y, np.log10(factor) * np.arange(1, T + 1))
        top, product = named(figure, "largest")
        assert np.allclose(top.y, np.log10(of.singular[:, 0])) and np.allclose(product.y, of.product[:, 0])


def test_eigenvalues_stand_in_a_plane_of_equal_scales_beside_the_unit_circle():
    of = records("rnn")["spectra"]
    figure = figure_of("eigenvalues", "rnn", step=3, first_step=10)
    assert figure.layout.yaxis.scaleanchor == "x"
    circle, every, recurrent, chosen = figure.data
    assert np.allclose(np.hypot(circle.x, circle.y), 1.0)
    assert len(every.x) == T * H and np.allclose(recurrent.x, of.recurrent.real)
    assert np.allclose(chosen.y, of.eigenvalues[2].imag) and "12" in chosen.name
    assert len(figure_of("eigenvalues", "gru").data) == 3


def test_a_push_shows_the_true_change_the_line_and_where_it_holds():
    of = records("rnn")["nudge"]
    figure = figure_of("nudge", "rnn", first_step=20)
    assert np.allclose(named(figure, "true")[0].y, of.true) and np.allclose(
        named(figure, "line")[0].y, of.line
    )
    assert figure.layout.shapes[0].x1 == of.agrees and "21" in figure.layout.title.text
    layer = run_of("lstm")
    unit = nudge(layer, lambda h: h.sum(-1), bptt(layer, np.eye(T)[:, -1:] * np.ones(H)), 2, ("c", 3))
    assert "unit 4 of c" in nudge_figure(unit, "en").layout.title.text
    assert "rounding" in figure_of("nudge", "dead").layout.annotations[-1].text


def test_masks_show_the_past_only():
    for trace, cut in zip(figure_of("mask", "rnn").data[::2], ("disjoint", "sliding"), strict=False):
        z = np.array(trace.z)
        assert (np.isnan(z) == ~np.tri(T, dtype=bool)).all()
        assert (np.nan_to_num(z) == getattr(records("rnn")["truncation"], cut).mask).all()
    assert figure_of("mask", "rnn").layout.yaxis.range[0] > figure_of("mask", "rnn").layout.yaxis.range[1]


def test_truncation_has_both_ways_in_both_panels():
    figure, of = figure_of("truncation", "gru"), records("gru")["truncation"]
    for kind in ("disjoint", "sliding"):
        ratio, cosine = named(figure, kind)
        cut = getattr(of, kind)
        assert np.allclose(ratio.y, cut.ratio) and np.allclose(cosine.y, cut.cosine)
        assert (ratio.xaxis, cosine.xaxis) == ("x", "x2")


def test_clipped_bars_keep_the_share_of_the_far_half():
    figure, of = figure_of("clipping", "rnn"), records("rnn")["clipping"]
    before, after = named(figure, "before")[0], named(figure, "after")[0]
    assert np.allclose(np.array(after.y), np.array(before.y) * of.factor)
    sentence = figure.layout.annotations[-1].text
    share = ten_to(np.log10(100 * of.far_before))
    assert sentence.count(f"{share}\u00a0%") == 2
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, T // 2 + 0.5)


def test_bars_clipped_to_next_to_nothing_are_drawn_on_powers_of_ten():
    layer = run_of("rnn")
    of = clipping(bptt(layer, 1e6 * np.ones((T, H))), 1.0)
    figure = clipping_figure(of, "en")
    after = named(figure, "after")[0]
    there = of.after > 0
    assert np.allclose((np.array(after.y) + after.base)[there], np.log10(of.after[there]))
    assert named(figure, "zero")[0].x == (1,)


def test_saturation_shows_every_tanh_or_says_that_there_is_none():
    assert [trace.name for trace in figure_of("saturation", "lstm").data] == ["g · candidate"]
    assert figure_of("saturation", "rnn_relu").layout.annotations[-1].text == t("analysis.no_tanh", "en")
    layout = figure_of("saturation", "lstm").layout
    assert layout.xaxis.title.text == t("analysis.step", "en") == "step t"
    assert layout.yaxis.title.text == t("analysis.share", "en")


def test_powers_of_ten_as_people_write_them():
    assert [ten_to(p) for p in (-np.inf, np.inf, np.nan, 0.0, -2.0, 2.5)] == [
        "0",
        "∞",
        "NaN",
        "1",
        "0.01",
        "316",
    ]
    assert ten_to(-20.0) == "1.0 × 10⁻²⁰" and ten_to(400.5) == "3.2 × 10⁴⁰⁰"
    axis = Decades.over([powers(np.array([1e-40, 0.97]))]).axis()
    assert axis["ticktext"][-1] == "1" and len(axis["ticktext"]) <= 7
    assert Decades.over([np.array([np.nan, -np.inf])]).axis()["tickvals"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_of_a_record_can_be_said(lang):
    from explorer.gradients.sizes import decay

    for case in CASES:
        of = records(case)["spectra"]
        assert not re.search(
            r"(?<![_a-z])\{", t(f"analysis.{of.sentence}", lang, **of.values)
        )  # but of LaTeX
    for norms in ([4.0, 2.0, 1.0], [1.0, 2.0, 4.0], [1.0, 1.0], [0.0, 1.0, 1.0], [np.inf, 1.0], [1.0]):
        of = decay(np.array(norms))
        assert "{" not in t(f"analysis.{of.sentence}", lang, **of.values)
