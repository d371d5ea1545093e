"""The app under Streamlit's test runner: open it with an address, find its widgets and words."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from explorer.architectures import cost, deep, feedforward, forecast
from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.training import trainer

manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
"""Every app that is opened looks through all installed packages; none comes or goes while tests run."""

TIMEOUT = 600
"""Seconds, for a machine that does much else."""

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


@contextmanager
def short_training() -> Iterator[None]:
    """What takes seconds to learn or to time is learned for a few steps: it is the page that is looked at.

    Nobody else gets these networks; what is learned in full is tested where it is learned.
    """
    with pytest.MonkeyPatch.context() as patch:
        for mapping in TRAINING_STEPS:
            patch.setitem(TRAINING_STEPS, mapping, 30)
        patch.setattr(feedforward, "STEPS", 20)
        patch.setattr(feedforward, "TIMES", 1)
        patch.setattr(forecast, "UPDATES", 20)
        patch.setattr(deep, "MOST_STEPS", 10)
        patch.setattr(deep, "TIMED_SECONDS", 0.0)
        patch.setattr(cost, "ROUNDS", 2)
        patch.setattr(trainer, "ADDING_STEPS", 50)
        st.cache_resource.clear()
        yield
    st.cache_resource.clear()


def unfolded(app: AppTest, key: str) -> AppTest:
    """Opens what lies behind a button."""
    app.session_state[f"fold_{key}"] = True
    return app.run()


def texts(app: AppTest) -> str:
    return "\n".join([*(m.value for m in (*app.markdown, *app.caption, *app.text))])


def field(app: AppTest, kind: str, name: str):
    return next(w for w in getattr(app, kind) if w.key == f"field_{name}")
