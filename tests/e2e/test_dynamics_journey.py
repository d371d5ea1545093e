"""Journeys over the page of dynamics in a real browser."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import Experiment
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import falls
from explorer.i18n import t
from tests.e2e.stage import READY, choose, open_page, ready_id, redrawn, step

FIRST_LOAD = 60_000


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def open_cube(page: Page, server: str, **query: str) -> None:
    page.set_default_timeout(FIRST_LOAD)
    open_page(page, f"{server}/dynamics", cell="lstm", **query)


def fell(page: Page) -> str:
    return page.locator(".rx-space-panel").get_attribute("data-fell") or ""


def test_a_saddle_is_chosen_pushed_and_falls_to_both_sides(page: Page, server: str, faults: list[str]):
    open_cube(page, server)
    scene = page.locator(".rx-space-scene .rx-plot").first
    assert set(scene.evaluate("plot => plot._fullData.map(({ type }) => type)")) == {"scatter3d", "cone"}
    assert page.locator(".rx-space-dot").count() == 27
    page.locator(".rx-kind-1 .rx-space-dot").first.click()
    expect(page.locator(READY)).to_have_attribute("data-point", "9")
    expect(page).to_have_url(re.compile("point=9"))
    expect(page.locator(".rx-space-said")).to_contain_text("Saddle")
    parts = page.locator(".rx-space-said p").last.inner_text()
    ends = set()
    for amount in ("-6", "6"):
        page.locator(".rx-space-push .rx-slider").fill(amount)
        expect(page.locator(".rx-space-ended")).to_contain_text("falls into")
        ends.add(fell(page))
    assert len(ends) == 2 and all(end in parts for end in ends)


def test_a_push_in_the_browser_is_the_networks_own_step(page: Page, server: str, faults: list[str]):
    open_cube(page, server, point="27")
    found = cube(learn_cube(Experiment(cell="lstm")).model)
    page.locator(".rx-space-push .rx-slider").fill("10")
    path = page.evaluate(
        "() => document.querySelector('.rx-root').rxStage.panels[0].path.map((state) => Array.from(state))"
    )
    after = found.recurrence.step(np.array(path[:-1]))
    assert abs(after - path[1:]).max() < 1e-12
    (end,) = falls(found.points, after[-1:])
    assert page.evaluate(
        "(row) => document.querySelector('.rx-root').rxStage.panels[0].run.points[row].name", int(end)
    ) == fell(page)


def test_stepping_moves_the_state_and_training_moves_the_points(page: Page, server: str, faults: list[str]):
    open_cube(page, server)
    page.keyboard.press("ArrowRight")
    assert step(page) == 2
    before = ready_id(page)
    page.get_by_role("slider", name="Moment of training").press("Home")
    redrawn(page, before)
    expect(page.locator(".rx-space-dot")).to_have_count(1)
    assert step(page) == 2


def test_two_cells_stand_side_by_side(page: Page, server: str, faults: list[str]):
    page.set_default_timeout(FIRST_LOAD)
    open_page(page, f"{server}/dynamics", scene="network", cell="rnn")
    before = ready_id(page)
    choose(page, t("field.second", "en"), t("cell.gru", "en"))
    redrawn(page, before)
    expect(page.locator(".rx-space-panel")).to_have_count(2)


def test_the_knob_of_one_unit_gives_birth_to_a_memory(page: Page, server: str, faults: list[str]):
    page.goto(f"{server}/dynamics?scene=portrait&cell=rnn&pull=0.95")
    expect(page.get_by_text("Stable fixed points: 1. Unstable: 0.")).to_be_visible()
    slider = page.get_by_role("slider", name="Recurrent weight")
    for pull in (r"1(\.0)?", r"1\.05", r"1\.1"):
        slider.press("ArrowRight")
        expect(page).to_have_url(re.compile(rf"pull={pull}(&|$)"))
    expect(page.get_by_text("Stable fixed points: 2. Unstable: 1.")).to_be_visible()
