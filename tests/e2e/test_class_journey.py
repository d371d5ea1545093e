"""A class: a lecturer and three students, one of them on a phone, follow, guess, race, and part.

Each has a browser profile of their own.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer.cells import CELLS
from explorer.course.lessons import Card, cards
from explorer.i18n import t
from tests.e2e.conftest import watch
from tests.e2e.stage import READY, step
from tests.e2e.test_everybody import findings, settled

PHONE = {"viewport": {"width": 390, "height": 844}, "locale": "ko-KR"}
QUESTION = "Which <b>columns</b> change?"


INSIDE = "(node) => node.getBoundingClientRect().right <= innerWidth"
FITS = f"[...document.querySelectorAll('.rx-sheet *')].every({INSIDE})"


def said(key: str, lang: str = "en", **values: object) -> str:
    return t(f"room.{key}", lang, **values)


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def visit(browser: Browser, server: str, faults: list[str]) -> Iterator:
    """Opens a page in a new profile; its errors and requests to elsewhere are faults."""
    contexts = []

    def visited(path: str, **kind: object) -> Page:
        contexts.append(browser.new_context(**({"locale": "en-US"} | kind)))
        page = contexts[-1].new_page()
        watch(page, server, faults)
        page.goto(server + path)
        return page

    yield visited
    for context in contexts:
        context.close()


def stands(page: Page, at: int) -> None:
    expect(page.locator(f"{READY}[data-step='{at}']")).to_be_visible()


def relevant(cell: str, lang: str) -> list[Card]:
    return [card for card in cards("step", lang) if card.concerns(CELLS[cell])]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_class_follows_guesses_races_and_parts(visit, server, faults):
    teacher = visit("/room")
    press(teacher, said("open"))
    code = teacher.locator(".rx-room-large-code").inner_text()
    expect(teacher.get_by_text(said("unreachable"))).to_be_visible()  # the tests' server is bound to loopback
    teacher.emulate_media(color_scheme="dark")
    settled(teacher)
    assert not findings(teacher)
    typing = visit("/room")
    typing.get_by_label(said("code")).last.fill(code.lower())
    typing.keyboard.press("Enter")
    linked, phone = visit(f"/r/{code}"), visit(f"/r/{code.lower()}", **PHONE)
    expect(teacher.locator(".rx-room-here")).to_have_text(said("here", n=3))

    # Follow: another page with its experiment, then a step, which costs no run.
    teacher.goto(f"{server}/?room={code}&cell=gru")
    students = (typing, linked, phone)
    for page in (teacher, *students):
        expect(page.locator(READY)).to_be_visible()
        assert "cell=gru" in page.url and f"room={code}" in page.url
    teacher.keyboard.press("ArrowRight")
    for page in students:
        stands(page, 2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390

    # The lecturer's card, of those that the page holds ready.
    press(teacher, t("ui.next_card", "en"))
    at = relevant("gru", "en")[1]
    for page, title in ((linked, at.title), (phone, relevant("gru", "ko")[1].title)):
        expect(page.locator(".st-key-lesson h4:visible")).to_have_text([title])

    # Explore alone, and back with one press.
    press(linked, said("leave"))
    teacher.keyboard.press("End")
    stands(typing, 5)
    assert step(linked) == 2
    press(linked, said("follow"))
    stands(linked, 5)

    # Guess, then see: what was typed is text, the truth comes after the guesses.
    teacher.goto(f"{server}/room?room={code}")
    teacher.get_by_text(said("ask_own")).click()
    teacher.get_by_label(said("question")).fill(QUESTION)
    for n, answer in enumerate(("all", "the later ones", "w" * 80), 1):
        teacher.get_by_label(said("answer", n=n), exact=True).fill(answer)
    teacher.get_by_label(said("right")).select_option("1")
    press(teacher, said("put"))
    expect(phone.get_by_role("heading", name=QUESTION)).to_be_visible()
    phone.locator(".rx-sheet-answer").nth(1).click()
    typing.keyboard.press("1")
    linked.keyboard.press("2")
    expect(teacher.get_by_text(said("answered", n=3, here=3))).to_be_visible()
    press(teacher, said("show"))
    expect(teacher.locator(".rx-wall[data-ready] .ytick").nth(1)).to_contain_text("the later ones")
    expect(phone.get_by_text(said("of_all", "ko", n=2, all=3))).to_be_visible()
    assert phone.evaluate(FITS)
    assert teacher.locator(".rx-sheet b").count() == 0
    press(teacher, said("away"))
    expect(phone.locator(".rx-sheet")).to_be_hidden()

    # The class is the experiment: three seeds, their curves on the wall, the result as a file.
    teacher.get_by_label(said("offer")).select_option("first_30:lstm bias=fixed keep_bias=3")
    press(teacher, said("start", n=3))
    expect(teacher.get_by_text(said("passed", k=3, n=3))).to_be_visible()
    expect(teacher.get_by_text("95 %")).to_be_visible()
    expect(phone.get_by_text(said("your_seed", "ko", seed=2))).to_be_visible()
    expect(phone.locator(".rx-seed[data-points]:not([data-points='0']) .js-line")).to_have_count(1)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    points = teacher.locator(".rx-room-card .js-plotly-plot .scatterlayer .points path")
    expect(points).to_have_count(3)
    with teacher.expect_download() as kept:
        teacher.get_by_role("link", name=said("result")).click()
    assert kept.value.suggested_filename == "class.json"

    # The lecturer's link opens the room elsewhere, its key leaves the address; the end is everybody's.
    teacher.get_by_text(said("own_link"), exact=True).click()
    link = teacher.get_by_label(said("own_link")).input_value()
    other = visit(link.removeprefix(server))
    expect(other.get_by_text(said("own_link"), exact=True)).to_be_visible()
    assert "key" not in other.url
    expect(other.locator(".rx-wall[data-ready]")).to_be_visible()  # and asks no more
    assert not faults
    press(teacher, said("end"))
    press(teacher, said("end_sure"))
    expect(phone.get_by_text(said("over", "ko")).first).to_be_visible()
    press(phone, said("close", "ko"))
    expect(phone.locator(".rx-room-bar")).to_have_count(0)
    expect(phone).not_to_have_url(re.compile("room="))
    press(teacher, said("open"))
    expect(teacher.locator(".rx-room-large-code")).not_to_have_text(code)
    assert not [fault for fault in faults if "404" not in fault]  # asked as the room ended
