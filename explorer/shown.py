"""Who draws a record in a notebook and as a page: told from above, so that no record knows its renderer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Renderer = Callable[[Any], tuple[dict[str, Any], dict[str, Any]] | None]

_renderers: dict[str, Callable[..., Any]] = {}


def register(bundle: Renderer, page: Callable[..., str], frame: Callable[[Any], str | None]) -> None:
    """Names what makes a record's MIME bundle, its page, and a page in a frame.

    Bundle and frame are None where there is nothing to show; the frame too where the bundle has a widget.
    """
    _renderers.update(bundle=bundle, page=page, frame=frame)


class Shown:
    """A record that a notebook shows on the stage where the package that draws is installed."""

    __slots__ = ()

    def _repr_mimebundle_(self, **_: Any) -> Any:
        found = _renderers["bundle"](self) if _renderers else None
        return found or {"text/plain": repr(self)}

    def _repr_html_(self) -> str | None:
        found: str | None = _renderers["frame"](self) if _renderers else None
        return found

    def to_html(self, path: Path | str | None = None, lang: str = "en") -> str:
        """Returns the stage as one HTML file that needs no network, and writes it where a path is given."""
        if not _renderers:
            raise RuntimeError("nothing that draws is registered: import explorer")
        page: str = _renderers["page"](self, lang)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page
