"""The numbers on the page, for every cell, to the last digit those of the API."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import CELLS, Experiment, trace
from explorer.experiment import Display
from explorer.lab.flow import flow
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.nn.softmax import softmax
from explorer.stage import payload
from explorer.stage.export import html
from tests.e2e.stage import READY

WORDS, H, STEP, UNIT = ("a", "b", "c", "d", "b"), 4, 3, 2
"""The steps of the text, and where the page is read, both counted from 1."""

NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?(?:e[−-]?\d+)?")


@pytest.fixture(scope="module")
def page(context) -> Iterator[Page]:
    """One page for all cells, in which nothing may go wrong."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 2400})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert not errors


def asked(cell: str, **choices) -> Experiment:
    return Experiment(cell=cell, text=" ".join(WORDS), weights="untrained", hidden=H, seed=3, **choices)


def opened(page: Page, built: bytes, folder: Path) -> None:
    out = folder / "numbers.html"
    out.write_text(html(built, "numbers"), encoding="utf-8")
    page.goto(out.as_uri())
    expect(page.locator(READY)).to_be_visible()


def plain(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def off(shown: str, value: float) -> float:
    """Returns how far a number as written is from a value, in halves of its last digit's place."""
    mantissa, _, power = plain(shown).partition("e")
    places = len(mantissa.partition(".")[2])
    return abs(float(plain(shown)) - value) / (0.5 * 10.0 ** (int(power or 0) - places))


def is_one_of(shown: str, values: list[float]) -> bool:
    return any(off(shown, value) <= 1.0 + 1e-6 for value in values)


def of_api(cell: str) -> tuple[dict[str, float], list[float], np.ndarray]:
    """Returns the unit's values by symbol, all numbers that its equations may show, and the probabilities."""
    model = learn(asked(cell)).model
    layer = trace(model, list(WORDS)).layers[0]
    spec, w, t, j = CELLS[cell], layer.weights, STEP - 1, UNIT - 1
    signals = {s: float(layer.signal(s)[t, j]) for s in layer.signals}
    before = {s: a[t] for s, a in layer.states.items()}
    values = [*signals.values(), *(float(a[j]) for a in before.values())]
    for block in spec.blocks:
        row = w.rows(block).start + j
        values += [float(w.w_ih[row] @ layer.x[t]), float(w.b_ih[row]), *w.w_ih[row], *layer.x[t]]
        values.append(float(layer.pre[block][t, j]) if block in layer.pre else signals[block])
    for block in spec.recurrent_blocks:
        row = w.state_rows(block).start + j
        applied = (
            before["h"] * layer.gate["r"][t] if cell == "gru_reset_before" and block == "n" else before["h"]
        )
        values += [float(w.w_hh[row] @ applied), float(w.b_hh[row]), *w.w_hh[row], *applied]
    for block in spec.peephole_blocks:
        own = float(w.peephole(block)[j])
        seen = [float(layer.c[k][j]) for k in (t, t + 1)] if layer.c is not None else [1.0]
        values += [own, *(own * value for value in seen)]
    values += [1.0 / (1.0 + np.exp(-float(a[t, j]))) for a in layer.pre.values()]
    logits = trace(model, list(WORDS)).logits
    assert logits is not None
    return signals, [float(v) for v in values], softmax(logits[t])


@pytest.mark.parametrize("cell", CELLS)
def test_a_cells_numbers_are_the_apis(cell: str, page: Page, tmp_path: Path):
    walked = walk(asked(cell), learn(asked(cell)))
    opened(page, payload.build(walked, Display("en")), tmp_path)
    for _ in range(STEP - 1):
        page.keyboard.press("ArrowRight")
    page.locator(".rx-unit").fill(str(UNIT))
    page.locator(".rx-unit").press("Enter")
    expect(page.locator(READY)).to_have_attribute("data-unit", str(UNIT))
    signals, values, p = of_api(cell)
    _arithmetic(page, signals, values)
    _pushes(page, walked.runs[0].trace.layers[0])
    _bars(page, p)
    _hover(page, walked.runs[0].trace.layers[0])


def _arithmetic(page: Page, signals: dict[str, float], values: list[float]) -> None:
    results = [text.strip() for text in page.locator(".rx-result").all_text_contents()]
    assert len(results) >= len(signals)
    for symbol, value in signals.items():
        assert any(off(text, value) <= 1.0 + 1e-6 for text in results), (symbol, value, results)
    shown = [text for text in page.locator(".rx-numeric mn").all_text_contents() if text]
    strange = [text for text in shown if "." in text and not is_one_of(text, values)]
    assert len(shown) > len(results) and not strange, strange


def _pushes(page: Page, layer) -> None:
    """Who pushed the first pre-activation: each product of a weight and what it meets, and their sum."""
    first = next(name for name, _ in layer.spec.equations if name.startswith("pre_"))
    block, t, j = first.removeprefix("pre_"), STEP - 1, UNIT - 1
    titles = page.locator(".rx-push-column").evaluate_all("all => all.map((node) => node.title)")
    w, row = layer.weights, layer.weights.rows(block).start + j
    own = {f"x{k + 1}": float(w.w_ih[row, k] * layer.x[t, k]) for k in range(layer.x.shape[1])}
    if block in w.seeing:
        across = w.w_hh[w.state_rows(block).start + j] * layer.h[t]
        own |= {f"h{k + 1}": float(value) for k, value in enumerate(across)}
    told = dict(title.split(": ") for title in titles)
    assert own.keys() <= told.keys() and len(told) > len(own)
    assert all(off(told[name], value) <= 1.0 + 1e-6 for name, value in own.items())


def _bars(page: Page, p: np.ndarray) -> None:
    """The most probable next tokens, as shares in percent."""
    shares = page.locator(".rx-bar-value").all_text_contents()[: len(p)]
    assert len(shares) >= 3
    for text, value in zip(shares, np.sort(p)[::-1], strict=False):
        assert off(text.removesuffix("\u00a0%"), 100.0 * float(value)) <= 1.0 + 1e-6, (text, value)


def _hover(page: Page, layer) -> None:
    """What the first heatmap says under the pointer, to the last digit."""
    symbol = layer.signals[0]
    plot = page.locator(".rx-heat .rx-plot .nsewdrag").first
    box = plot.bounding_box()
    assert box
    x, y = box["x"] + box["width"] * (STEP - 0.5) / len(WORDS), box["y"] + box["height"] * (UNIT - 0.5) / H
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)
    said = page.locator(".rx-tip:visible div").all_text_contents()
    number = float(plain(NUMBER.findall(said[-1].split("=")[-1])[-1]))
    assert number == float(layer.signal(symbol)[STEP - 1, UNIT - 1]), said


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm", "linear"])
def test_the_triangles_cells_are_the_apis(cell: str, page: Page, tmp_path: Path):
    choices = asked(cell, loss="each_step")
    learned = {name: learn(replace(choices, cell=name)) for name in dict.fromkeys((cell, "rnn"))}
    found = flow(choices, learned)
    opened(page, payload.build_flow(found, Display("en")), tmp_path)
    norm, T = found.chosen.each.norm, len(WORDS)
    plot = page.locator(".rx-triangle .nsewdrag").first
    box = plot.bounding_box()
    assert box
    for t, k in ((1, 1), (4, 1), (4, 3), (3, 2)):
        x, y = box["x"] + box["width"] * (k + 0.5) / (T + 1), box["y"] + box["height"] * (t - 0.5) / T
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        said = page.locator(".rx-tip:visible div").all_text_contents()[-1]
        assert float(plain(NUMBER.findall(said)[-1])) == norm[t - 1, k], (said, norm[t - 1, k])
    page.mouse.click(x, y)
    expect(page.locator(".rx-said").first).to_contain_text("t = 3, k = 2")
    text = page.locator(".rx-said").first.inner_text()
    shown = NUMBER.findall(text.split(":", 1)[1].split("·")[0])[-1]
    assert off(shown, float(norm[2, 2])) <= 1.0 + 1e-6, text
