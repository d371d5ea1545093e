"""The exported file, opened from disk in a real browser that has no network."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from explorer import Experiment, trace
from explorer.__main__ import main
from explorer.i18n import t
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.labels import label
from explorer.stage.notebook import _packed_plotly, esm, widget
from tests.e2e.stage import READY, chips, step

TEXT = "나는 밥을 먹고 학교에 간다"
HOSTILE = '<img src=x onerror="window.hit=1"> </script><script>window.hit=1</script> <!--'


@pytest.fixture
def asked(page: Page) -> Iterator[list[str]]:
    """The addresses that the page asks for; page errors and errors in the console are not allowed."""
    page.context.set_offline(True)
    errors: list[str] = []
    addresses: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("request", lambda request: addresses.append(request.url))
    yield addresses
    page.context.set_offline(False)
    assert not errors


def opened(page: Page, folder: Path, *options: str) -> str:
    """Writes a file by the command line and opens it; returns its address."""
    out = folder / "stage of a run.html"
    assert main(["trace", "--weights", "untrained", "--hidden", "6", *options, "--out", str(out)]) == 0
    page.goto(out.as_uri())
    expect(page.locator(READY)).to_be_visible()
    return out.as_uri()


def test_the_file_is_the_stage(page: Page, asked: list[str], tmp_path: Path):
    page.set_viewport_size({"width": 1280, "height": 1500})  # the arithmetic is in sight from the start
    address = opened(page, tmp_path, "--cell", "lstm", "--text", TEXT)
    expect(page.get_by_role("heading", level=1)).to_contain_text(TEXT)
    assert chips(page) == TEXT.split()
    expect(page.locator(".rx-heat .main-svg").first).to_be_visible()
    expect(page.locator(".rx-heat image")).to_have_count(page.locator(".rx-heat").count())
    expect(page.locator(".rx-drawing")).to_be_visible()
    for key, at in (("End", 5), ("Home", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2)):
        page.keyboard.press(key)
        assert step(page) == at
    page.locator(".rx-unit").fill("4")
    page.locator(".rx-unit").press("Enter")
    expect(page.locator(READY)).to_have_attribute("data-unit", "4")
    experiment = Experiment(cell="lstm", text=TEXT, weights="untrained", hidden=6)
    layer = walk(experiment, learn(experiment)).runs[0].trace.layers[0]
    wanted = {f"{layer.signal(s)[1, 3]:.4f}".replace("-", "−") for s in layer.signals}
    assert {text.strip() for text in page.locator(".rx-result").all_text_contents()} == wanted
    page.wait_for_timeout(1200)  # resting tells nobody, and that is no error
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {address}


def test_a_changed_run_follows_light_and_dark_and_the_space_bar_plays_to_the_end(
    page: Page, asked: list[str], tmp_path: Path
):
    page.emulate_media(color_scheme="dark")
    changed = ("--cell", "gru", "--text", TEXT, "--lang", "ko", "--clamp", "z", "--clamp-value", "1")
    opened(page, tmp_path, *changed)
    expect(page.locator(".rx-stage.rx-dark")).to_be_visible()
    difference = page.get_by_role("button", name=t("stage.difference", "ko"), exact=True)
    difference.click()
    expect(difference).to_have_attribute("aria-pressed", "true")
    page.locator(".rx-speed").select_option("8")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.locator(READY)).to_have_attribute("data-step", "5")
    expect(page.get_by_role("button", name="재생")).to_be_visible()
    page.emulate_media(color_scheme="light")
    expect(page.locator(f"{READY}.rx-light")).to_be_visible()
    expect(page.locator(READY)).to_have_attribute("data-step", "5")


SHOWN = {
    "/gradients?cell=gru": ".rx-stage .main-svg",
    "/language?view=pairs": ".rx-pairs-table",
    "/language?view=units": ".rx-stage .js-plotly-plot",
    "/dynamics?scene=network": ".rx-stage .js-plotly-plot",
}
"""Views, and what is drawn of each."""

BAR = """document.fonts.ready.then(() => {
  const bar = document.querySelector(".rx-title").appendChild(document.createElement("span"))
  bar.textContent = "\u2016"
  return bar.getBoundingClientRect().width / parseFloat(getComputedStyle(bar).fontSize)
})"""
"""The width of the double bar of a norm, in parts of the size of its type."""


def test_every_kind_of_view_works_from_disk(page: Page, asked: list[str], tmp_path: Path):
    for n, (link, drawn) in enumerate(SHOWN.items()):
        out = tmp_path / f"{n}.html"
        said = ["view", f"{link}&text=a+b+c&weights=untrained&hidden=4", "--out", str(out), "--lang", "ko"]
        assert main(said) == 0
        page.goto(out.as_uri())
        expect(page.locator(READY)).to_be_visible()
        expect(page.locator(drawn).first).to_be_visible()
        before = step(page)
        page.keyboard.press("ArrowRight")
        assert step(page) == before + 1, link
        assert page.locator("link[rel=stylesheet]").count() == 0  # its style sheet is in the file
        if n == 0:
            assert page.evaluate(BAR) < 0.6, "as wide as a syllable of Korean"
    assert {url for url in asked if not url.startswith(("data:", "blob:", "file:"))} == set()


MODEL = """async ([esm, plotly, payloads, state]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
  const views = payloads.map((text) => new DataView(bytes(text).buffer))
  const heard = {}
  window.sent = []
  window.model = {
    get: (name) => state[name],
    set: (values) => Object.assign(state, values),
    save_changes: () => window.sent.push({ step: state.step, unit: state.unit }),
    on: (name, call) => (heard[name] ??= []).push(call),
    off: (name, call) => (heard[name] = heard[name].filter((other) => other !== call)),
    say: (name, value) => {
      state[name] = value
      for (const call of heard[`change:${name}`] ?? []) call()
    },
    show: (k) => window.model.say("payload", views[k]),
    send: (asked) => {
      if (asked !== "plotly") return window.sent.push(asked)
      window.model.say("note", "checked meanwhile")
      window.model.say("step", 5)
      state.payload = views[1]
      for (const call of heard["msg:custom"]) call("plotly", [bytes(plotly)])
    },
  }
  state.payload = views[0]
  const module = await import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })))
  const el = document.body.appendChild(document.createElement("div"))
  window.away = await module.default.render({ model: window.model, el })
}"""


def test_the_widget_of_a_notebook_leads_and_follows(page: Page, asked: list[str]):
    """The widget's module as a notebook loads it, beside a model that stands for the kernel's."""
    torch.manual_seed(0)
    shown = widget(trace(torch.nn.GRU(3, 4), torch.randn(6, 3)), step=3, unit=2, lang="ko")
    before = shown.payload
    shown.clamp = "z=1 from=2"
    packed = [b64encode(payload).decode("ascii") for payload in (before, shown.payload)]
    names = ("names", "step", "unit", "layer", "clamp", "note", "hold", "example")
    state = {name: getattr(shown, name) for name in names}
    page.goto("about:blank")
    page.evaluate(MODEL, [esm(), b64encode(_packed_plotly()).decode("ascii"), packed, state])
    expect(page.locator(READY)).to_have_attribute("data-unit", "2")
    assert step(page) == 5  # what Python set while the stage was on its way
    expect(page.get_by_text("checked meanwhile")).to_be_visible()
    expect(page.locator(".rx-arithmetic")).to_contain_text("1.0000")
    page.locator(READY).focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("window.sent.some((said) => said.step === 4 && said.unit === 2)")
    page.evaluate("window.model.say('unit', 3)")
    expect(page.locator(READY)).to_have_attribute("data-unit", "3")
    held = page.get_by_label(t("field.clamp", "ko"))
    expect(held).to_have_value("z=1 from=2")
    held.fill("n=0")
    held.press("Enter")
    assert page.evaluate("window.sent.at(-1)") == {"clamp": "n=0"} and step(page) == 4
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    expect(page.locator(".rx-stage.rx-dark")).to_have_attribute("data-unit", "3")
    assert step(page) == 4 and page.locator(".rx-stage").count() == 1
    page.evaluate("window.away()")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    assert page.locator(".rx-stage.rx-dark").count() == 1  # it listens no more


def test_what_was_typed_stays_text(page: Page, asked: list[str], tmp_path: Path):
    address = opened(page, tmp_path, "--text", HOSTILE)
    assert chips(page) == [label(token) for token in HOSTILE.split()]
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hit") is None
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} == {address}
