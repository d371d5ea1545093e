"""A file that is brought to a page is taken up once, what is refused is said; one that is taken is saved."""

import tomllib
from pathlib import Path

from streamlit.testing.v1 import AppTest

from explorer.limits import MAX_SEQUENCE, MAX_UPLOAD_NETWORK, MAX_UPLOAD_TEXT, MAX_VOCABULARY_FILE
from tests.pages.app import texts

ROOT = Path(__file__).parents[2]
LIMITS = {
    "text_file": MAX_UPLOAD_TEXT,
    "numbers_file": MAX_UPLOAD_TEXT,
    "model_file": MAX_UPLOAD_NETWORK,
    "own_file": MAX_UPLOAD_NETWORK,
    "own_words": MAX_VOCABULARY_FILE,
    "own_numbers": MAX_SEQUENCE,
}


def _page() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer.ui.files import take_up
    from explorer.ui.train.uploads import _text

    taken = st.session_state.setdefault("calls", [])

    def take(raw: bytes, name: str) -> dict[str, str]:
        taken.append(name)
        return _text(raw, name)

    brought = st.session_state.get("brought")
    if brought:
        number, raw = brought
        take_up(SimpleNamespace(file_id=number, name=number, getvalue=lambda: raw), "text", take, "en")


def test_a_file_is_taken_up_once_and_what_is_refused_is_said():
    app = AppTest.from_function(_page).run()
    app.session_state["brought"] = ("one", b"the cat sat")
    app.run().run()
    assert app.session_state["later"] == {"data": "yours", "text": "the cat sat"}
    app.session_state["brought"] = ("two", b"\xff\xfe\xff")
    assert "UTF-8" in texts(app.run()) and "UTF-8" in texts(app.run())  # as long as it is there
    app.session_state["brought"] = ("three", b"a b")
    assert "UTF-8" not in texts(app.run().run())
    assert app.session_state["calls"] == ["one", "two", "three"]
    assert app.session_state["later"]["text"] == "a b"


def _uploaders() -> None:
    from types import SimpleNamespace

    import streamlit as st

    from explorer.experiment import Experiment
    from explorer.ui.own import panel
    from explorer.ui.train import choices, uploads

    numbers = {"vocabulary": 0, "inputs": 3}
    st.session_state["experiment"] = Experiment(data="series", series="yours")
    uploads.uploads(Experiment(), "ko")
    choices.series_choices(Experiment(data="series", series="yours"), "ko")
    panel._way_in("ko")
    for found in (numbers, numbers | {"vocabulary": 7}):
        panel._bring(SimpleNamespace(**found), "ko")


def test_a_way_in_says_the_limit_that_is_held():
    app = AppTest.from_function(_uploaders).run()
    ways = {one.proto.id.split("-", 2)[-1]: one.proto for one in app.get("file_uploader")}
    assert not app.exception and ways.keys() == LIMITS.keys()
    for key, way in ways.items():
        most = LIMITS[key]
        assert way.max_upload_size_mb * 2**20 == most and way.label.endswith(f", {most // 2**20}MB까지")
    with (ROOT / ".streamlit/config.toml").open("rb") as file:
        assert tomllib.load(file)["server"]["maxUploadSize"] * 2**20 > max(LIMITS.values())


def test_a_file_is_saved_without_a_run_of_the_page():
    """A run that a click started would drop, at its end, the file made for that click."""

    def page() -> None:
        from explorer.ui.files import download

        download("Save", lambda: b"what it holds", "some.bin", "application/octet-stream")

    app = AppTest.from_function(page).run()
    (button,) = app.get("download_button")
    assert button.proto.ignore_rerun
    sources = [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    others = [path for path in sources if "download_button(" in path.read_text("utf-8")]
    assert others == [ROOT / "explorer/ui/files.py"]
