"""Journeys over the page Gradients through time in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from explorer.i18n import raised, t
from tests.e2e.stage import READY, choose, fill_field, last_number, open_page, ready_id, redrawn, step


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def test_the_choice_travels_from_page_to_page(page: Page, server: str, faults: list[str]):
    open_page(page, server, cell="gru", text="가는 말이 고와야 오는 말이 곱다", step="3")
    page.get_by_role("link", name="Gradients through time").click()
    expect(page.locator(".rx-triangles")).to_be_visible()
    expect(page.locator(".rx-stage[data-ready]")).to_be_visible()
    assert page.locator(".rx-chip").count() == 6
    assert step(page) == 3
    expect(page).to_have_url(re.compile("/gradients.*cell=gru"))

    before = ready_id(page)
    fill_field(page, "Repeat to length (0: no)", "30")
    redrawn(page, before)
    assert page.locator(".rx-chip").count() == 30

    page.get_by_role("link", name="Step through time").click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    assert page.locator(".rx-chip").count() == 6


def test_cursor_names_source_and_loss(page: Page, server: str, faults: list[str]):
    open_page(page, f"{server}/gradients", weights="untrained", stretch="20")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".rx-said").first).to_contain_text("t = 19, k = 2")
    triangle = page.locator(".rx-triangle .nsewdrag").first
    box = triangle.bounding_box()
    assert box
    triangle.click(position={"x": box["width"] * 5.5 / 21, "y": box["height"] * 9.5 / 20})
    expect(page.locator(READY)).to_have_attribute("data-loss", "10")
    expect(page.locator(READY)).to_have_attribute("data-step", "5")
    expect(page.locator(".rx-said").first).to_contain_text("t = 10, k = 5")
    second = page.locator(".rx-triangle .nsewdrag").nth(
        1
    )  # the plain RNN beside the LSTM: one cursor, one scale
    second.click(position={"x": box["width"] * 8.5 / 21, "y": box["height"] * 14.5 / 20})
    expect(page.locator(".rx-said").first).to_contain_text(re.compile(r"t = 15, k = 8: LSTM .* · RNN"))
    scales = page.locator(".rx-triangle .rx-plot").evaluate_all(
        "all => all.map((p) => [p.data[0].zmin, p.data[0].zmax])"
    )
    assert scales[0] == scales[1]
    triangle.click(position={"x": box["width"] * 5.5 / 21, "y": box["height"] * 9.5 / 20})
    assert page.locator(".rx-hop").nth(10).inner_text() == ""  # past the loss there is no chain
    assert page.locator(".rx-hop").nth(4).inner_text() != ""
    page.locator(".rx-triangle .rx-canvas").first.press("ArrowDown")  # to the loss after the chosen one
    expect(page.locator(READY)).to_have_attribute("data-loss", "11")


def test_the_shown_norm_is_autograds(page: Page, server: str, faults: list[str]):
    import torch

    from explorer import Experiment
    from explorer.lab.learned import inputs, learn

    experiment = Experiment(cell="lstm", weights="untrained", hidden=8, seed=5)
    open_page(page, f"{server}/gradients", weights="untrained", hidden="8", seed="5", step="1")
    model = learn(experiment.model_part()).model
    ids = torch.tensor(model.encode(inputs(experiment, model).x))
    assert model.embedding is not None
    h = c = torch.zeros(1, 8, dtype=torch.float64)
    cell = torch.nn.LSTMCell(16, 8, dtype=torch.float64)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in model.rnn.state_dict().items()})
    states = []
    for x in model.embedding(ids)[:-1]:
        h, c = cell(x[None], (h, c))
        h.retain_grad()
        states.append(h)
    torch.nn.functional.cross_entropy(model.readout(h), ids[-1:]).backward()
    expected = f"{states[0].grad.norm().item():.2e}"
    mantissa, power = expected.split("e")
    value = states[0].grad.norm().item()
    shown = f"{value:.4f}" if value >= 5e-5 else raised(f"{mantissa}e{int(power)}")
    expect(page.locator(".rx-said").first).to_contain_text(shown)


def test_one_key_stands_for_the_dotted_laws(page: Page, server: str, faults: list[str]):
    open_page(
        page,
        f"{server}/gradients",
        cell="rnn",
        weights="untrained",
        stretch="30",
        init="orthogonal",
        gain="2",
    )
    expect(page.locator(".rx-dot", has_text="law")).to_have_count(1)
    expect(page.locator(".rx-decay").first).to_contain_text("σmax(Whh) = 2")
    total = page.locator(".rx-flow-lines .rx-line").first
    colours = total.evaluate(
        "(node) => node.querySelector('.rx-plot').data.map((line) => [line.meta?.law, line.line.color])"
    )
    assert len({colour for law, colour in colours if law}) == 3
    total.locator(".rx-canvas").hover()
    expect(page.locator(".rx-tip")).to_contain_text(re.compile(r"RNN \(tanh\) ≤ σmax\(Whh\)ᵗ⁻ᵏ = \d"))


def test_the_whole_journey(page: Page, server: str, faults: list[str]):
    open_page(
        page,
        f"{server}/gradients",
        weights="untrained",
        hidden="32",
        stretch="30",
        init="orthogonal",
        cell="rnn",
    )
    before = ready_id(page)
    choose(page, "Cell", "LSTM")
    redrawn(page, before)
    assert page.locator(".rx-decay").count() == 3
    choose(page, "Loss", "at every step")
    expect(page).to_have_url(re.compile("loss=each_step"))
    expect(page.locator(".rx-dot", has_text="law")).to_have_count(0)

    def shown() -> float:
        chosen = page.locator(".rx-said").first.inner_text().split(": ")[-1].split(" · ")[0]
        return last_number(chosen)

    page.keyboard.press("Home")
    sizes = []
    for gain in ("0.5", "2"):
        open_page(
            page,
            f"{server}/gradients",
            weights="untrained",
            hidden="32",
            stretch="30",
            init="orthogonal",
            cell="rnn",
            gain=gain,
        )
        sizes.append(shown())
    assert sizes[0] < 1e-6 < sizes[1]

    choose(page, "More: which question?", "What is lost by truncated BPTT?")
    expect(page.locator(".js-plotly-plot:not(.rx-plot)").nth(1)).to_be_visible()
    fill_field(page, "Window w (steps)", "5")
    expect(page).to_have_url(re.compile("window=5"))
    expect(page.get_by_text("w = 5")).to_be_visible()

    before = ready_id(page)
    page.get_by_text("한국어", exact=True).click()
    redrawn(page, before)
    expect(page.get_by_text("해 보기", exact=False).first).to_be_visible()
    at = page.url
    page.goto(at)
    expect(page.locator(READY)).to_be_visible()
    expect(page.get_by_text("w = 5")).to_be_visible()


QUESTIONS = {
    "Why does it fade? Singular values of the Jacobians": "analysis.spectra_note",
    "What does the gradient promise, and is it kept? Nudge the state": "analysis.nudge_note",
    "Is clipping enough?": "analysis.clipping_note",
}
"""A question, and the sentence that stands under its figure; each is drawn in tests/figures."""


def test_a_further_question_has_its_figure(page: Page, server: str, faults: list[str]):
    open_page(page, f"{server}/gradients", stretch="20")
    for question, note in QUESTIONS.items():
        choose(page, "More: which question?", question)
        expect(page.get_by_text(t(note, "en"))).to_be_visible()
        expect(page.locator(".js-plotly-plot:not(.rx-plot)")).to_have_count(1)
