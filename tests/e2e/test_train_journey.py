"""Journeys over the page Train live in a real browser, with a real race in a worker process."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from explorer.i18n import t
from tests.e2e.stage import READY, choose, ready_id, redrawn

RACE = ".rx-race[data-ready]"
CARD = ".rx-card"
LONG = "length=200&budget=20000&racers=gru"
BITS = "data=flip_flop&length=32&size=24&budget=1500&racers=rnn;lstm"


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def open_race(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator(RACE)).to_be_visible()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def steps(page: Page) -> list[int]:
    """Steps made, by racer, as the cards show them."""
    return [int(step) for step in page.locator(CARD).evaluate_all("all => all.map((c) => c.dataset.step)")]


def reach(page: Page, least: list[int]) -> None:
    """Waits until every racer has made so many steps."""
    expect(page.locator(CARD)).to_have_count(len(least))
    deadline = time.monotonic() + 600
    while any(made < n for made, n in zip(steps(page), least, strict=True)):
        assert time.monotonic() < deadline, "the race does not go on"
        page.wait_for_timeout(100)


LOST = "() => rxRaces.forEach((race) => { race.retries = 4; race.close(); race.broke() })"
"""The last try to reach a race that cannot be found any more: the one before took eight seconds."""


def lose(page: Page, lang: str) -> None:
    """Loses a race that runs: what is left to do is said, and nothing is there that would do nothing."""
    page.evaluate(LOST)
    expect(page.locator(RACE)).to_have_attribute("data-state", "lost")
    expect(page.locator(".rx-race [role=status]").first).to_have_text(t("race.lost", lang))
    for name in ("pause", "step", "stop"):
        expect(page.get_by_role("button", name=t(f"race.{name}", lang), exact=True)).to_be_hidden()


def test_the_race_from_its_start_to_another_page(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train?{BITS}")
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "running", timeout=600_000)
    reach(page, [25, 25])
    expect(page.get_by_test_id("stMultiSelect")).to_have_count(0)  # the set-up is one line now, and opens
    page.get_by_role("button", name=re.compile("length 32: RNN")).click()
    expect(page.get_by_test_id("stMultiSelect")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stMultiSelect")).to_have_count(0)
    press(page, "Pause")
    expect(page.locator(RACE)).to_have_attribute("data-state", "paused")
    page.wait_for_timeout(700)
    held = steps(page)
    press(page, "One training step")
    reach(page, [n + 1 for n in held])
    page.wait_for_timeout(500)
    assert steps(page) == [n + 1 for n in held]
    press(page, "Go on")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=600_000)
    verdict = page.get_by_text("What this race showed")
    expect(verdict).to_be_visible(timeout=30_000)
    for name in ("RNN", "LSTM"):
        expect(page.locator("li", has_text=re.compile(name)).first).to_be_visible()

    expect(page.locator(READY)).to_be_visible()
    before = ready_id(page)
    page.get_by_role("slider", name="After training step").focus()
    page.keyboard.press("Home")
    redrawn(page, before)
    page.get_by_role("button", name="Open in Dynamics").click()
    expect(page.locator(".rx-space-dot")).to_have_count(1)  # before it has learned there is one point
    assert "moment=0" in page.url
    page.get_by_role("slider", name="Moment of training").press("End")
    expect(page.locator(".rx-kind-0 .rx-space-dot")).to_have_count(8)  # and then three bits
    before = ready_id(page)
    choose(page, "Second cell", "LSTM")
    redrawn(page, before)
    expect(page.locator(".rx-space-panel")).to_have_count(2)
    expect(page.locator(".rx-kind-0 .rx-space-dot")).to_have_count(16)
    page.get_by_role("link", name="Gradients through time").click()
    expect(page.locator(".rx-triangles")).to_be_visible()
    expect(page).to_have_url(re.compile("/gradients.*weights=model"))


def test_a_race_goes_on_while_another_page_is_open_and_after_its_tab_was_closed(
    page: Page, server: str, faults: list[str]
):
    open_race(page, f"{server}/train?{LONG}")
    press(page, "Start")
    reach(page, [25])
    page.get_by_role("link", name="Step through time").click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    page.get_by_role("link", name="Train live").click()
    expect(page.locator(RACE)).to_have_attribute("data-state", "running")
    seen = steps(page)[0]
    reach(page, [seen + 1])
    page.close()
    again = page.context.new_page()
    open_race(again, f"{server}/train?{LONG}")
    expect(again.locator(RACE)).to_have_attribute("data-state", "running")
    reach(again, [1])
    assert steps(again)[0] > seen  # what happened meanwhile comes at once: it is the same race
    lose(again, "en")
    again.reload()
    expect(again.locator(RACE)).to_have_attribute("data-state", "running")
    press(again, "Stop")
    expect(again.locator(RACE)).to_have_attribute("data-state", "over")
    again.close()


def test_a_race_is_ended_and_taken_up_again_in_korean(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train?lang=ko&race_seed=5&{LONG}")
    press(page, "시작")
    reach(page, [25])
    press(page, "끝내기")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over")
    reached = steps(page)[0]
    expect(page.get_by_role("button", name="이어서 학습", exact=True)).to_be_enabled()
    press(page, "이어서 학습")
    reach(page, [reached + 1])
    press(page, "끝내기")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over")


def test_a_network_is_kept_loaded_again_and_opened(page: Page, server: str, faults: list[str], tmp_path):
    wrong, text = tmp_path / "model.pt", tmp_path / "mine.txt"
    wrong.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    text.write_bytes("가는 말이 고와야 오는 말이 곱다. 발 없는 말이 천 리 간다.".encode("cp949"))
    open_race(page, f"{server}/train?lang=ko")
    page.get_by_test_id("stFileUploader").last.locator("input").set_input_files(wrong)
    expect(page.get_by_text("파일이 중간에 끊겼습니다")).to_be_visible()
    page.get_by_test_id("stFileUploader").first.locator("input").set_input_files(text)
    expect(page).to_have_url(re.compile("data=yours"))

    open_race(page, f"{server}/train?length=10&size=8&budget=50&racers=gru&race_seed=3")
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=600_000)
    with page.expect_download() as waiting:
        press(page, "This network (safetensors)")
    kept = tmp_path / "kept.safetensors"
    waiting.value.save_as(kept)
    with page.expect_download() as waiting:
        press(page, "Training curves as CSV")
    course = waiting.value.path().read_text().splitlines()
    assert course[0] == "racer,step,loss,gradient_norm,metric,metric_low,metric_high" and len(course) == 51

    page.get_by_test_id("stFileUploader").last.locator("input").set_input_files(kept)
    opens = page.get_by_role("button", name="Open in Step through time").last
    expect(page).to_have_url(re.compile("weights=model"))
    opens.click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    expect(page.get_by_text(re.compile("Loaded from a file: training step 50"))).to_be_visible()
    expect(page.locator(".rx-chip.rx-marked")).to_have_count(2)
