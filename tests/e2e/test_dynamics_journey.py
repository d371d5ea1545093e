"""Journeys over the page of dynamics in a real browser."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import Experiment
from explorer.dynamics.cube import cube, learn_cube
from explorer.dynamics.landscape import falls
from tests.e2e.stage import READY, chips, open_page, ready_id, redrawn, step

FIRST_LOAD = 60_000


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def open_cube(page: Page, server: str, **query: str) -> None:
    page.set_default_timeout(FIRST_LOAD)
    open_page(page, f"{server}/dynamics", cell="lstm", **query)


def fell(page: Page) -> str:
    return page.locator(".rx-space-panel").get_attribute("data-fell") or ""


def test_a_saddle_is_chosen_pushed_and_falls_and_training_moves_all(
    page: Page, server: str, faults: list[str]
):
    open_cube(page, server)
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

    page.locator(".rx-kind-3 .rx-space-dot").click()  # the centre
    expect(page.locator(READY)).to_have_attribute("data-point", "27")
    page.locator(".rx-space-push .rx-slider").fill("10")
    follow_by_hand(page)

    page.keyboard.press("Escape")
    page.locator(".rx-chip").first.click()
    page.keyboard.press("ArrowRight")
    assert step(page) == 2
    before = ready_id(page)
    page.get_by_role("slider", name="Moment of training").press("Home")
    redrawn(page, before)
    expect(page.locator(".rx-space-dot")).to_have_count(1)
    assert step(page) == 2


def follow_by_hand(page: Page) -> None:
    """Holds the path of the push in the browser against the network's own steps, and where it ends."""
    found = cube(learn_cube(Experiment(cell="lstm")).model)
    path = page.evaluate(
        "() => document.querySelector('.rx-root').rxStage.panels[0].path.map((state) => Array.from(state))"
    )
    after = found.recurrence.step(np.array(path[:-1]))
    assert abs(after - path[1:]).max() < 1e-12
    (end,) = falls(found.points, after[-1:])
    assert page.evaluate(
        "(row) => document.querySelector('.rx-root').rxStage.panels[0].run.points[row].name", int(end)
    ) == fell(page)


ABOVE = "nodes => nodes.every((node) => node.getBoundingClientRect().bottom <= innerHeight)"


def test_the_line_that_a_card_speaks_of_stands_above_the_fold(page: Page, server: str, faults: list[str]):
    network = {"scene": "network", "weights": "model", "model": "brackets", "units": "char"}
    open_page(page, f"{server}/dynamics", cell="lstm", step="32", card="bracket", **network)
    line = page.locator(".rx-space-panel > .rx-line")
    expect(line).to_have_count(1)
    assert line.evaluate_all(ABOVE)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.wait_for_timeout(600)
    assert line.evaluate_all(ABOVE)


def test_evidence_adds_up_along_a_line(page: Page, server: str, faults: list[str]):
    """In Korean: the sentence has this network's numbers, and words move the state along the first axis."""
    open_page(page, f"{server}/dynamics", scene="evidence", cell="gru", lang="ko", grammar="ko")
    expect(page.locator(".rx-kind-0 .rx-space-dot")).to_have_count(2)
    expect(page.locator(".rx-kind-1 .rx-space-dot")).to_have_count(1)
    said = page.get_by_text("로그 오즈와의 상관").inner_text()
    share, r = re.search(r"분산의 (\d+)\s%.* ([\d.]+)입니다", said).groups()
    assert 75 < int(share) < 90 and float(r) > 0.99
    before, read = ready_id(page), chips(page)
    page.get_by_role("button", name="보고서 확인 부탁드립니다").click()
    redrawn(page, before)
    assert chips(page) != read
    page.keyboard.press("End")
    assert step(page) == len(chips(page))
    along, odds = page.evaluate(
        """() => {
          const [panel] = document.querySelector('.rx-root').rxStage.panels
          const { states } = panel.run.arrays
          const rows = Array.from({ length: panel.run.steps }, (_, k) => states.row(k + 1))
          return [panel.scene.placed(rows)[0], Array.from(panel.line.figure.data[0].y)]
        }"""
    )
    assert abs(np.corrcoef(along, odds)[0, 1]) > 0.9


def test_the_knob_of_one_unit_gives_birth_to_a_memory(page: Page, server: str, faults: list[str]):
    page.goto(f"{server}/dynamics?scene=portrait&cell=rnn&pull=0.95")
    expect(page.get_by_text("Stable fixed points: 1. Unstable: 0.")).to_be_visible()
    slider = page.get_by_role("slider", name="Recurrent weight")
    for pull in (r"1(\.0)?", r"1\.05", r"1\.1"):
        slider.press("ArrowRight")
        expect(page).to_have_url(re.compile(rf"pull={pull}(&|$)"))
    expect(page.get_by_text("Stable fixed points: 2. Unstable: 1.")).to_be_visible()
