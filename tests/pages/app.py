"""The app under Streamlit's test runner: open it with an address, find its widgets and words."""

from functools import cache
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
"""Every app that is opened looks through all installed packages; none comes or goes while tests run."""

TIMEOUT = 60
PAGES = Path(__file__).parents[2] / "pages"
MAIN = str(Path(__file__).parents[2] / "main.py")
SCRIPT = f"exec(compile(open({MAIN!r}).read(), {MAIN!r}, 'exec'), {{**globals(), '__file__': {MAIN!r}}})"
"""From a script elsewhere: beside a folder `pages/` the test runner would run the page without main.py."""


def opened(locale: str = "en-US", page: str = "step", **query: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=TIMEOUT)
    app.switch_page(str(PAGES / f"{page}.py"))
    app.context["locale"] = locale
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join([*(m.value for m in (*app.markdown, *app.caption, *app.text))])


def field(app: AppTest, kind: str, name: str):
    return next(w for w in getattr(app, kind) if w.key == f"field_{name}")
