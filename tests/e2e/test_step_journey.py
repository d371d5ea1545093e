"""Journeys over the page Step through time in a real browser."""

import json
import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from explorer.figures.palette import EMPTY, HUES
from explorer.i18n import LANGUAGES, t
from tests.e2e.stage import READY, chips, choose, draws, fill_field, open_page, ready_id, redrawn, step


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def test_the_whole_journey(page: Page, server: str, faults: list[str]):
    open_page(page, server)
    assert chips(page) == ["time", "flies", "like", "an", "arrow"]
    expect(page).to_have_url(re.compile("weights=english"))

    before = ready_id(page)
    fill_field(page, "Sentence", "My dog runs faster than your cat")
    redrawn(page, before)
    assert chips(page) == ["My", "dog", "runs", "faster", "than", "your", "cat"]
    expect(page.get_by_text("Learned just now, beside")).to_contain_text("19 of 19")
    expect(page.locator(".rx-true .rx-bar-label")).to_have_text("dog")

    open_page(page, server, weights="lecture")
    assert chips(page) == ["경마장에", "있는", "말이", "뛰고", "있다"]
    glosses = page.locator(".rx-chip-gloss").all_inner_texts()
    assert glosses == ["racetrack-at", "there-is", "horse / word", "running", "is"]
    assert page.locator(".rx-chip.rx-cue .rx-chip-text").all_inner_texts() == ["경마장에"]
    page.locator(".rx-valve").scroll_into_view_if_needed()
    expect(page.locator(".rx-shaded")).to_contain_text("경마장에 54 %")
    expect(page.locator(".rx-valve .shapelayer path")).to_have_count(4)  # f, i, o and c

    before = ready_id(page)
    choose(page, "Cell", "GRU (reset after product)")
    redrawn(page, before)
    expect(page.locator(".rx-heat")).to_have_count(4)

    before = ready_id(page)
    fill_field(page, "Sentence", "가는 말이 고와야 오는 말이 곱다")
    redrawn(page, before)
    assert len(chips(page)) == 6

    page.locator(READY).click(position={"x": 3, "y": 300})
    for key, at in (("Home", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", 6)):
        page.keyboard.press(key)
        assert step(page) == at

    heatmap = page.locator(".rx-heat .rx-plot .nsewdrag").first
    box = heatmap.bounding_box()
    assert box
    heatmap.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.53})
    expect(page.locator(READY)).to_have_attribute("data-step", "2")
    unit = int(page.locator(READY).get_attribute("data-unit") or 0)
    assert unit == 9
    assert page.locator(".rx-lines .main-svg").count() == 0  # below what is in sight
    page.locator(".rx-details").scroll_into_view_if_needed()
    expect(page.locator(".rx-details-title")).to_contain_text("Unit 9 at step 2")
    page.locator(".rx-fold summary").click()  # they wait until they are asked for
    expect(page.locator(".rx-lines .js-line")).to_have_count(5)  # ||h||; z and r, over .9 and under .1
    page.locator(".rx-valve").scroll_into_view_if_needed()
    expect(page.locator(".rx-valve .rx-title")).to_contain_text("Unit 9")
    expect(page.locator(".rx-valve .js-line")).to_have_count(3)
    now = page.locator(".rx-valve-now b").all_inner_texts()
    exact = page.locator(".rx-result").all_text_contents()  # of z, r, n and h
    assert [round(float(text.replace("−", "-")), 2) for text in (exact[1], exact[0], exact[3])] == [
        float(text.replace("−", "-")) for text in now
    ]

    before = ready_id(page)
    page.get_by_text("What if?", exact=True).click()
    choose(page, "Hold a gate", "z · update gate")
    redrawn(page, before)
    expect(page.get_by_role("button", name="difference")).to_be_visible()
    expect(page.locator(".rx-held:visible").first).to_be_visible()

    before = ready_id(page)
    page.get_by_text("한국어", exact=True).click()
    redrawn(page, before)
    expect(page.get_by_text("해 보기", exact=False)).to_be_visible()

    expect(page).to_have_url(re.compile("clamp=z"))
    expect(page).to_have_url(re.compile("unit=9"))
    shown = ready_id(page)
    page.goto(page.url)
    expect(page.locator(READY)).to_be_visible()
    assert ready_id(page) == shown
    assert step(page) == 2


def test_stepping_moves_both_cells_and_costs_no_message_and_space_plays(
    page: Page, server: str, faults: list[str]
):
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    open_page(page, server, text="a b c d e f g h i j k l", weights="untrained", second="rnn")
    expect(page.locator(".rx-panel")).to_have_count(2)
    page.wait_for_timeout(1500)
    before = len(sent)
    for _ in range(11):
        page.keyboard.press("ArrowRight")
    assert step(page) == 12
    assert len(sent) == before
    for k in (0, 1):
        cursor = page.locator(".rx-panel").nth(k).locator(".rx-heat .rx-cursor").first
        assert "translateX" in (cursor.get_attribute("style") or "")
    page.get_by_label("Sentence", exact=True).click()
    page.keyboard.press("ArrowLeft")
    assert step(page) == 12  # keys are left to the sentence while typing
    page.locator(".rx-speed").select_option("8")
    page.locator(".rx-strip").click(position={"x": 1, "y": 1})
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(page.locator(READY)).to_have_attribute("data-step", "12")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_arithmetic_is_the_traces_to_the_last_digit(page: Page, server: str, faults: list[str]):
    import numpy as np

    from explorer import Experiment
    from explorer.lab.learned import learn
    from explorer.lab.walk import walk

    experiment = Experiment(cell="lstm", hidden=8, seed=3, weights="untrained")
    open_page(page, server, hidden="8", seed="3", weights="untrained", step="4", unit="5")
    layer = walk(experiment, learn(experiment.model_part())).runs[0].trace.layers[0]
    expected = [layer.signal(s)[3, 4] for s in ("f", "i", "g", "c", "o", "h")]
    shown = page.locator(".rx-result").all_text_contents()
    assert [text.strip() for text in shown] == [f"{v:.4f}".replace("-", "−") for v in expected]
    sums = page.locator(".rx-numeric").first.text_content() or ""
    parts = np.array([layer.pre["f"][3, 4]])
    assert f"{parts[0]:.4f}".replace("-", "−") in sums

    def shown_as(value: float) -> str:
        return f"{value:.4f}".replace("-", "−")

    # A weight stands in its matrix, the state that it multiplies leads a step back, a crumb leads home.
    weight, state = layer.weights.w_hh[layer.weights.rows("f")][4, 1], layer.h[3, 1]
    page.get_by_role("button", name=re.compile("^h2: ")).focus()
    page.keyboard.press("Enter")
    said = page.locator(".rx-origin-said")
    expect(said).to_have_text(
        f"Uf[5, 2] = {shown_as(weight)} × h2 = {shown_as(state)} → {shown_as(weight * state)}"
    )
    assert page.locator(".rx-origins sub").all_inner_texts() == ["f", "f"]  # of the crumb and of the sentence
    expect(page.locator(".rx-origin-plot .heatmaplayer image")).to_have_count(5)  # x, h, W, U, b
    said.get_by_role("button", name="h2 = ").press("Enter")
    expect(page.locator(READY)).to_have_attribute("data-step", "3")
    expect(page.locator(READY)).to_have_attribute("data-unit", "2")
    expect(page.locator(".rx-focus .rx-result")).to_have_text(shown_as(state))
    page.locator(".rx-crumb").first.press("Enter")
    expect(page.locator(READY)).to_have_attribute("data-step", "4")
    expect(page.locator(READY)).to_have_attribute("data-unit", "5")
    expect(page.locator(".rx-crumb")).to_have_count(0)
    page.locator(".rx-equation .rx-numeric .rx-from").first.press("Enter")  # W x of f
    expect(said).to_contain_text(f"add up to {shown_as(layer.pre['f'][3, 4])}")
    page.locator(".rx-opens", has_text=re.compile("^xt$")).press("Enter")
    expect(said).to_contain_text(re.compile(r"row \d+ of the embedding"))


def test_back_returns_to_the_choice_before(page: Page, server: str, faults: list[str]):
    open_page(page, server)
    before = ready_id(page)
    choose(page, "Cell", "RNN (tanh)")
    redrawn(page, before)
    expect(page).to_have_url(re.compile("cell=rnn"))

    # Whoever presses a link to another page is not held on this one by what the stage has yet to say.
    link = page.get_by_test_id("stPageLink").first
    link.evaluate("""link => link.addEventListener("click", (event) => {
        event.stopPropagation()
        event.preventDefault()
    }, true)""")
    page.locator(".rx-chip").nth(1).click()
    expect(page.locator(READY)).to_have_attribute("data-step", "2")
    link.click()
    page.wait_for_timeout(1200)  # sooner, a run with the older address is taken for a late one
    assert "step=" not in page.url
    page.go_back()
    expect(page.locator(f'.rx-stage[data-ready="{before}"]')).to_be_visible()


HOSTILE = (
    '<img src=x onerror="window.hit=1"> <b>b</b>',
    "![x](http://198.51.100.1/x.png) [a](http://198.51.100.1/)",
    '<a href="http://198.51.100.1/">a</a> <span style=font-size:200px>big</span>',
    "$\\frac{1}{2}$ :red[x] :smile: `1e5` 2024-01-01 the cat the",
    "\u202eevil\u202c مرحبا بالعالم 👩\u200d👩\u200d👧 한국어",
)


def test_text_of_users_stays_text(page: Page, server: str, faults: list[str]):
    text = " ".join(HOSTILE)
    open_page(page, server, text=text, weights="untrained", swap="1", swap_with=text, nonsense=text)
    assert page.evaluate("window.hit") is None
    assert (
        page.locator(f'{READY} a, {READY} img, [data-testid="stText"] a, [data-testid="stText"] img').count()
        == 0
    )


@pytest.mark.parametrize(("lang", "size"), [("ko", (1280, 800)), ("en", (1920, 1080))])
def test_first_screen_shows_strip_drawing_and_heatmaps(
    page: Page, server: str, faults: list[str], lang: str, size: tuple[int, int]
):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    theme = {"ko": "light", "en": "dark"}[lang]
    page.emulate_media(color_scheme=theme)
    open_page(page, server, lang=lang)
    for part in (".rx-strip", ".rx-drawing", ".rx-readout"):
        box = page.locator(part).first.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= size[1]
    for box in (heat.bounding_box() for heat in page.locator(".rx-heat").all()):
        assert box and box["y"] + box["height"] <= size[1]
    wide = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert wide
    scale = page.locator(".rx-heat .rx-plot").first.evaluate("plot => plot._fullData[0].colorscale")
    assert scale == [[0, EMPTY[theme]], [1, HUES[theme]["keep"]]]  # from the ground's side to the gate's hue
    assert draws(page, "heatmap") and not draws(page, "cone")  # not before something needs it
    lines = page.locator(".rx-fold .js-plotly-plot")
    expect(lines).to_have_count(0)
    valve = page.locator(".rx-valve")
    height = valve.evaluate("node => node.offsetHeight")  # in the smaller window it is not yet drawn
    page.locator(".rx-fold summary").click()
    expect(valve.locator(".rx-thread line").or_(valve.locator(".main-svg")).first).to_be_visible()
    assert (
        valve.evaluate("node => node.offsetHeight") == height
    )  # or a click meant for what stands below it is lost
    page.locator(".rx-fold .rx-plot").last.scroll_into_view_if_needed()  # they wait until they are in sight
    expect(lines).to_have_count(2)
    open_page(page, server, lang=lang, cell="lstm", weights="marked", hidden="32", step="6", unit="3")
    box = page.locator(".rx-valve").bounding_box()
    assert box and box["y"] + box["height"] <= size[1]  # where steps are marked, the valve comes first
    expect(page.locator(".rx-valve-now b").nth(1)).to_have_text("0.75")
    page.keyboard.press("End")
    expect(page.locator(".rx-thread line")).to_have_count(6)  # from the second mark, step 14, to step 20
    expect(page.locator(".rx-thread-said")).to_contain_text(re.compile(r"t = 14.*−0.20 × .*0.9\d"))


def test_gates_drawn_by_hand_hold_the_sum_and_keys_draw_too(page: Page, server: str, faults: list[str]):
    open_page(page, server, by_hand="on")
    plot, scores = page.locator(".rx-hand-plot"), page.locator(".rx-hand-scores tbody tr")
    expect(plot.locator(".main-svg").first).to_be_visible()
    plot.scroll_into_view_if_needed()
    marks = [at for at, text in enumerate(plot.locator(".x4tick text").all_text_contents(), 1) if "▲" in text]
    assert len(marks) == 2
    for row, points in ((1, [(1, 1.0), (20, 1.0)]), (2, [(1, 0.0), (20, 0.0)]), (3, [(20, 1.0)])):
        _drawn(page, row, points)
    for mark in marks:
        _drawn(page, 2, [(mark, 1.0)])
    target = re.search(r"[0-9.]+(?=\.)", page.locator(".rx-hand-scores p").inner_text())
    expect(scores.first.locator("td").nth(2)).to_have_text("0.00")
    assert target and target[0] == scores.first.locator("td").nth(1).inner_text()
    page.get_by_role("button", name="Show the learned gates").click()
    expect(scores).to_have_count(4)
    assert all(float(off) > 0.0 for off in scores.locator("td:last-child").all_inner_texts()[1:])
    page.locator(".rx-hand-canvas").focus()
    before = page.locator(READY).get_attribute("data-step")
    for key in ("o", *["ArrowRight"] * (20 - marks[1]), "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(page.locator(".rx-hand-said")).to_contain_text("o at step 20")
    expect(page.locator(".rx-hand-said")).to_contain_text("0.80")
    expect(scores.first.locator("td").nth(2)).not_to_have_text("0.00")
    assert page.locator(READY).get_attribute("data-step") == before


def _drawn(page: Page, row: int, points: list[tuple[int, float]]) -> None:
    """Draws a row of bars with the pointer, through (step from 1, value)."""
    x, y, width, height = page.evaluate(
        """(row) => {
          const plot = document.querySelector(".rx-hand-plot")
          const box = plot.getBoundingClientRect()
          const { xaxis, [row === 1 ? "yaxis" : `yaxis${row}`]: yaxis } = plot._fullLayout
          return [box.left + xaxis._offset, box.top + yaxis._offset, xaxis._length, yaxis._length]
        }""",
        row,
    )
    for k, (at, value) in enumerate(points):
        page.mouse.move(x + width * (at - 0.5) / 20, y + height * (1 - value))
        if k == 0:
            page.mouse.down()
    page.mouse.up()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_server_that_is_gone_is_said_in_the_language(page: Page, server: str, faults: list[str], lang: str):
    lost: list[WebSocketRoute] = []

    def meet(route: WebSocketRoute) -> None:
        if lost:
            return route.close()
        lost.append(route)
        route.connect_to_server()

    page.route_web_socket(re.compile("_stcore/stream"), meet)
    open_page(page, server, lang=lang)
    page.route("**/_stcore/health", lambda route: route.abort())
    lost[0].close()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible(timeout=30_000)
    title = dialog.locator("[slot=title]")
    for part, key in ((title, "no_server"), (title.locator("+ *"), "no_server_more")):
        said = part.evaluate("node => getComputedStyle(node, '::before').content")
        assert json.loads(said) == t(f"ui.{key}", lang)
    expect(dialog.locator("code")).to_be_hidden()
    faults.clear()  # the browser tells of what was not there
