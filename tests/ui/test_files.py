"""A file that is brought to a page: taken up once, and what is refused is said."""

from streamlit.testing.v1 import AppTest

from tests.pages.app import texts


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
    assert "UTF-8" in texts(app.run())
    app.session_state["brought"] = ("three", b"a b")
    assert "UTF-8" not in texts(app.run().run())
    assert app.session_state["calls"] == ["one", "two", "three"]
    assert app.session_state["later"]["text"] == "a b"
