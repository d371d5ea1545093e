"""A network of one's own, uploaded in the browser: its layer, vocabulary, hundreds of units, what it says."""

import json
import re

import torch
from playwright.sync_api import Page, expect
from torch import nn

from explorer.limits import DRAWN_UNITS
from tests.e2e.stage import READY, choose, open_page, ready_id, redrawn

WORDS = ["∅", *"abcdefgh", "\n"]
UNITS = 70


def test_a_file_is_opened_walked_by_layer_and_read_by_its_vocabulary(
    page: Page, server: str, faults: list[str], tmp_path
):
    torch.manual_seed(0)
    net = nn.ModuleDict(
        {"emb": nn.Embedding(len(WORDS), 6), "rnn": nn.LSTM(6, UNITS, 2), "out": nn.Linear(UNITS, len(WORDS))}
    )
    file, wrong, words = (tmp_path / name for name in ("mine.pt", "wrong.pt", "words.json"))
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, file)
    wrong.write_bytes(b"no network at all")
    words.write_text(json.dumps(WORDS))

    open_page(page, server, lang="en", weights="english")
    choose(page, "Weights", "Open a file of your own …")
    upload = page.get_by_test_id("stFileUploader").locator("input")
    upload.set_input_files(wrong)
    expect(page.get_by_text("The file is none of those that can be read")).to_be_visible()
    upload.set_input_files(file)
    expect(page.get_by_text("LSTM, 6 → 70, 70 units")).to_be_visible()
    expect(page).to_have_url(re.compile("model=own-"))
    expect(page.locator(READY)).to_be_visible()
    expect(page.locator(".rx-chip-text")).to_have_count(8)

    page.get_by_role("button", name="Its vocabulary").click()
    page.get_by_test_id("stFileUploader").locator("input").set_input_files(words)
    expect(page.locator(".rx-chip-text")).to_have_count(len(WORDS))
    page.get_by_label("Sentence", exact=True).fill("abba⏎")
    page.get_by_label("Sentence", exact=True).press("Enter")
    expect(page.locator(".rx-chip-text")).to_have_text(["a", "b", "b", "a", "⏎"])
    expect(page).to_have_url(re.compile("words="))

    before = ready_id(page)
    choose(page, "Layer", "2 of 2 · 70 units")
    redrawn(page, before)
    expect(page).to_have_url(re.compile("level=2"))
    heat = page.locator(".rx-heat").first
    expect(page.get_by_text(f"the {DRAWN_UNITS} of {UNITS} units whose h varies most")).to_be_visible()
    heat.scroll_into_view_if_needed()  # drawn where it is in sight
    expect(heat.locator(".js-plotly-plot")).to_be_visible()
    drawn = page.evaluate("[...document.querySelector('.rx-heat .js-plotly-plot').layout.yaxis.ticktext]")
    heat.locator(".rx-canvas").press("ArrowDown")
    expect(page.locator(READY)).to_have_attribute("data-unit", re.compile("^(" + "|".join(drawn) + ")$"))
    box = page.locator(".rx-unit").first  # a search for a unit
    box.fill(next(str(k + 1) for k in range(UNITS) if str(k + 1) not in drawn))
    box.press("Enter")
    expect(heat.locator(".rx-row-cursor")).to_be_hidden()

    page.goto(page.url.replace("/?", "/language?view=generate&temperature=0&"))
    expect(page.locator(READY)).to_be_visible()
    expect(page.get_by_text(re.compile("Checked now: largest difference from torch.nn.LSTM"))).to_be_visible()
