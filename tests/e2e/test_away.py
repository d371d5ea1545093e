"""What a reader takes away of a page in a real browser."""

import io
import struct
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from explorer import Experiment, view
from tests.e2e.stage import READY, draws, open_page


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return {**browser_context_args, "viewport": {"width": 1280, "height": 800}, "locale": "en-US"}


def kept(page: Page, name: str) -> bytes:
    with page.expect_download() as found:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(found.value.path()).read_bytes()


def test_a_view_goes_with_its_reader(page: Page, server: str, faults: list[str], tmp_path: Path):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, server, cell="gru", text="a b c", weights="untrained", hidden="4")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Take away").click()
    seen = view("step", Experiment(cell="gru", text="a b c", weights="untrained", hidden=4))

    png = kept(page, "As a picture: PNG")
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG") and width > 1500 and height > 800
    svg = ElementTree.fromstring(kept(page, "As a picture: SVG"))
    texts = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"update gate", "a", "b", "c"} <= texts
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}image"))) >= 4  # z, r, n, h

    with np.load(io.BytesIO(kept(page, "The numbers: npz"))) as found:
        np.testing.assert_array_equal(found["gate_z"], seen.arrays["gate_z"])
    assert kept(page, "The numbers: CSV").decode().splitlines()[0].startswith("step,token,h[1]")
    given: dict = {}
    exec(compile(kept(page, "As a script: Python"), "script", "exec"), given)
    np.testing.assert_array_equal(given["seen"].arrays["h"], seen.arrays["h"])
    page.get_by_role("button", name="A link: Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")

    out = tmp_path / "view.html"
    out.write_bytes(kept(page, "This view as a page: HTML"))
    disk = page.context.new_page()
    disk.goto(out.as_uri())
    expect(disk.locator(READY)).to_have_attribute("data-step", "2")
    page.goto(link)
    expect(page.locator(".rx-heat")).to_have_count(4)

    page.goto(f"{server}/architectures?arch=shapes")  # charts without a stage
    expect(page.locator(".stPlotlyChart .main-svg").first).to_be_visible()
    page.get_by_role("button", name="Take away").click()
    with np.load(io.BytesIO(kept(page, "The numbers: npz"))) as found:
        assert found["shape_h_n"].tolist() == [4, 32, 8]  # two layers, both ways
    assert kept(page, "The numbers: CSV").startswith(b"1 x,1 y")
    assert kept(page, "As a picture: PNG").startswith(b"\x89PNG") and draws(page, "cone")
    out.write_bytes(kept(page, "This view as a page: HTML"))
    disk.goto(out.as_uri())
    expect(disk.locator(".rx-charts .js-plotly-plot .main-svg").first).to_be_visible()
    assert draws(disk, "cone")
    disk.goto(f"{server}/architectures?arch=shapes&embed=1")
    expect(disk.locator(".rx-charts .js-plotly-plot .main-svg").first).to_be_visible()
    expect(disk.locator(".stApp")).to_have_count(0)
    disk.goto(f"{server}/train?embed=1")  # in large type
    expect(disk.locator(".rx-race-power .ytick text").filter(has_text="k = 100").first).to_be_visible()
    view("/train?length=10&size=4&budget=60&racers=rnn%3Bgru").to_html(out)
    disk.goto(out.as_uri())
    expect(disk.get_by_text("The race is over.")).to_be_visible()
    expect(disk.get_by_text("still at the baseline")).to_have_count(2)
    expect(disk.get_by_role("button", name="Pause")).to_have_count(0)
    disk.close()
    page.goto(f"{server}/glossary")  # its link alone
    page.get_by_role("button", name="Take away").click()
    expect(page.get_by_text("This page has no figure of its own.")).to_be_visible()
    expect(page.locator(".rx-away button")).to_have_count(1)
