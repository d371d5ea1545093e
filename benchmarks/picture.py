"""The moving picture of the README: real screenshots of the running app, one for each step of a sentence.

    python -m benchmarks.picture

Starts the app and Chromium, walks through a sentence by the right arrow on the first page, back by the left
one on that of gradients, and writes `assets/readme.webp`.
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from tests.e2e.server import CHROMIUM, QUIET, running
from tests.e2e.stage import READY, open_page

OUT = Path(__file__).parents[1] / "assets" / "readme.webp"
SIZE: ViewportSize = {"width": 1280, "height": 800}
SCENES = (("", "Home", "ArrowRight"), ("/gradients", "End", "ArrowLeft"))
"""A page, the key to its first picture, and the key from each to the next."""

STEP_MS, END_MS = 900, 2500
"""How long a step is shown, and the last picture."""

SETTLE_MS = 500
"""Until a transition of the stage has ended."""

QUALITY = 55
"""Of WebP, 0 to 100: letters stay sharp, and the file under half a megabyte."""


def main() -> None:
    expect.set_options(timeout=60_000)
    with sync_playwright() as p, running() as url:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
        frames = [frame for scene in SCENES for frame in taken(page, url, *scene)]
        browser.close()
    times = [STEP_MS] * (len(frames) - 1) + [END_MS]
    frames[0].save(
        OUT, save_all=True, append_images=frames[1:], duration=times, loop=0, quality=QUALITY, method=6
    )
    print(f"Wrote {OUT}: {len(frames)} frames, {OUT.stat().st_size / 1024:.0f} kB")


def taken(page: Page, url: str, path: str, first: str, onward: str) -> list[Image.Image]:
    """Returns a picture of every step of a page."""
    open_page(page, f"{url}{path}", cell="lstm", lang="en", weights="english")
    stage = page.locator(READY)
    page.keyboard.press(first)
    frames, shown = [], []
    for _ in range(page.locator(".rx-chip").count()):
        page.wait_for_timeout(SETTLE_MS)
        shown.append(stage.get_attribute("data-step"))
        frames.append(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
        page.keyboard.press(onward)
    assert len(set(shown)) == len(shown), shown
    return frames


if __name__ == "__main__":
    main()
