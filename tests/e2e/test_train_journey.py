"""Journeys over the page Train live in a real browser, with a real race in a worker process."""

import re
import time

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stage import READY, choose, ready_id, redrawn

RACE = ".rx-race[data-ready]"
CARD = ".rx-card"
LONG = "length=200&budget=20000&racers=gru"
EXPLODING = "length=60&budget=50&racers=rnn_relu+init%3Didentity+gain%3D3+max_norm%3D0+optimiser%3Dsgd"


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
    deadline = time.monotonic() + 60
    while any(made < n for made, n in zip(steps(page), least, strict=True)):
        assert time.monotonic() < deadline, "the race does not go on"
        page.wait_for_timeout(100)


def computing(seconds: float = 1.0) -> float:
    """CPU seconds that the server's worker processes use in a while."""

    def used() -> float:
        total = 0.0
        for process in psutil.Process().children(recursive=True):
            try:
                if "loky" in " ".join(process.cmdline()):
                    times = process.cpu_times()
                    total += times.user + times.system
            except psutil.Error:
                continue
        return total

    before = used()
    time.sleep(seconds)
    return used() - before


def test_the_race_from_its_start_to_another_page(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train")
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "running", timeout=60_000)
    reach(page, [50, 50, 50])
    press(page, "Pause")
    expect(page.locator(RACE)).to_have_attribute("data-state", "paused")
    page.wait_for_timeout(700)
    held = steps(page)
    press(page, "One training step")
    reach(page, [n + 1 for n in held])
    page.wait_for_timeout(500)
    assert steps(page) == [n + 1 for n in held]
    press(page, "Go on")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=240_000)
    verdict = page.get_by_text("What this race showed")
    expect(verdict).to_be_visible(timeout=30_000)
    expect(page.locator("li", has_text=re.compile("GRU.*passed after"))).to_be_visible()
    expect(page.locator("li", has_text=re.compile("RNN.*still at the baseline"))).to_be_visible()

    expect(page.locator(READY)).to_be_visible()
    before = ready_id(page)
    page.get_by_role("slider", name="After training step").focus()
    page.keyboard.press("Home")
    redrawn(page, before)
    page.get_by_role("button", name="Open in Gradients through time").click()
    expect(page.locator(".rx-triangle")).to_be_visible()
    expect(page).to_have_url(re.compile("/gradients.*weights=model"))
    assert "moment=0" in page.url


def test_a_race_goes_on_while_another_page_is_open_and_is_found_by_a_tab_that_comes_back(
    page: Page, server: str
):
    open_race(page, f"{server}/train?{LONG}")
    press(page, "Start")
    reach(page, [25])
    page.get_by_role("link", name="Step through time").click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    assert computing() > 0.2
    page.get_by_role("link", name="Train live").click()
    expect(page.locator(RACE)).to_have_attribute("data-state", "running")
    before = steps(page)[0]
    another = page.context.new_page()
    page.close()
    assert computing(2.0) > 0.2
    open_race(another, f"{server}/train?{LONG}")
    expect(another.locator(RACE)).to_have_attribute("data-state", "running")
    reach(another, [before])
    press(another, "Pause")
    expect(another.locator(RACE)).to_have_attribute("data-state", "paused")
    another.wait_for_timeout(700)
    assert computing() < 0.1
    press(another, "Stop")
    expect(another.locator(RACE)).to_have_attribute("data-state", "over")


def test_a_race_is_ended_and_taken_up_again_in_korean(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train?lang=ko&{LONG}")
    press(page, "시작" if page.get_by_role("button", name="시작", exact=True).count() else "이어서 학습")
    reach(page, [25])
    press(page, "끝내기")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over")
    reached = steps(page)[0]
    expect(page.get_by_role("button", name="이어서 학습", exact=True)).to_be_enabled()
    press(page, "이어서 학습")
    reach(page, [reached + 1])
    press(page, "끝내기")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over")


def test_an_explosion_is_a_mark_and_a_sentence(page: Page, server: str, faults: list[str]):
    open_race(page, f"{server}/train?{EXPLODING}")
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=60_000)
    expect(page.locator(CARD)).to_contain_text("diverged")
    expect(page.locator("li", has_text=re.compile("diverged at training step"))).to_be_visible()


def test_a_bad_racer_in_a_link_is_said(page: Page, server: str):
    page.goto(f"{server}/train?racers=transformer")
    expect(page.get_by_text("This is no racer")).to_be_visible()
    choose(page, "Data", "copy three symbols")


def test_a_network_is_kept_loaded_again_and_opened(page: Page, server: str, faults: list[str], tmp_path):
    open_race(page, f"{server}/train?length=10&size=8&budget=50&racers=gru&race_seed=3")
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=60_000)
    with page.expect_download() as waiting:
        press(page, "This network (safetensors)")
    kept = tmp_path / "kept.safetensors"
    waiting.value.save_as(kept)
    with page.expect_download() as waiting:
        press(page, "Training curves as CSV")
    course = waiting.value.path().read_text().splitlines()
    assert course[0] == "racer,step,loss,gradient_norm,metric" and len(course) == 51

    page.get_by_test_id("stFileUploader").last.locator("input").set_input_files(kept)
    opens = page.get_by_role("button", name="Open in Step through time").last
    expect(page).to_have_url(re.compile("weights=model"))
    opens.click()
    expect(page.locator(".rx-drawing")).to_be_visible()
    expect(page.get_by_text(re.compile("Loaded from a file: training step 50"))).to_be_visible()
    expect(page.locator(".rx-chip.rx-marked")).to_have_count(2)


def test_a_file_that_is_no_network_is_one_sentence(page: Page, server: str, faults: list[str], tmp_path):
    wrong = tmp_path / "model.pt"
    wrong.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    open_race(page, f"{server}/train?lang=ko")
    page.get_by_test_id("stFileUploader").last.locator("input").set_input_files(wrong)
    expect(page.get_by_text(re.compile("프로그램을 실행할 수 있어"))).to_be_visible()


def test_a_text_of_ones_own_is_learned_from_a_file(page: Page, server: str, faults: list[str], tmp_path):
    text = tmp_path / "mine.txt"
    text.write_bytes("가는 말이 고와야 오는 말이 곱다. 발 없는 말이 천 리 간다.".encode("cp949"))
    open_race(page, f"{server}/train?budget=50&size=8&racers=gru")
    page.get_by_test_id("stFileUploader").first.locator("input").set_input_files(text)
    expect(page).to_have_url(re.compile("data=yours"))
    press(page, "Start")
    expect(page.locator(RACE)).to_have_attribute("data-state", "over", timeout=60_000)
