"""Journeys over the page Gradients through time in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stage import READY, choose, fill_field, open_page, ready_id, redrawn, step


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def test_the_choice_travels_from_page_to_page(page: Page, server: str, faults: list[str]):
    open_page(page, server, cell="gru", text="가는 말이 고와야 오는 말이 곱다", step="3")
    page.get_by_role("link", name="Gradients through time").click()
    expect(page.locator(".rx-triangle")).to_be_visible()
    expect(page.locator(".rx-stage[data-ready]")).to_be_visible()
    assert page.locator(".rx-chip").count() == 6
    assert step(page) == 3
    expect(page).to_have_url(re.compile("/gradients.*cell=gru"))

    before = ready_id(page)
    fill_field(page, "Repeat to length (0: as it is)", "30")
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
    triangle = page.locator(".rx-triangle .nsewdrag")
    box = triangle.bounding_box()
    assert box
    triangle.click(position={"x": box["width"] * 5.5 / 21, "y": box["height"] * 9.5 / 20})
    expect(page.locator(READY)).to_have_attribute("data-loss", "10")
    expect(page.locator(READY)).to_have_attribute("data-step", "5")
    expect(page.locator(".rx-said").first).to_contain_text("t = 10, k = 5")
    assert page.locator(".rx-hop").nth(10).inner_text() == ""  # past the loss there is no chain
    assert page.locator(".rx-hop").nth(4).inner_text() != ""


def test_the_shown_norm_is_autograds(page: Page, server: str, faults: list[str]):
    import torch

    from explorer import Experiment
    from explorer.learned import inputs, learn

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
    shown = f"{value:.4f}" if value >= 5e-5 else f"{mantissa}e{int(power)}".replace("-", "−")
    expect(page.locator(".rx-said").first).to_contain_text(shown)


def test_an_explosion_is_drawn_and_named(page: Page, server: str, faults: list[str]):
    open_page(
        page,
        f"{server}/gradients",
        cell="rnn_relu",
        init="identity",
        gain="6",
        weights="untrained",
        stretch="81",
    )
    expect(page.locator(".rx-notice")).to_contain_text("float32")


def test_loss_at_every_step_sums_them_all(page: Page, server: str, faults: list[str]):
    open_page(page, f"{server}/gradients", stretch="12")
    before = ready_id(page)
    choose(page, "Loss", "at every step")
    redrawn(page, before)
    expect(page).to_have_url(re.compile("loss=each_step"))
