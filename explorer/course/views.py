"""Views in a row: the lecture of fifty minutes, and lists of one's own, each a short text in a link.

A list's own text is `1.` and, in base64 for addresses, the deflated lines of its views: minutes, title and
address, parted by tabs. Whatever comes in a link is checked like any other address.
"""

import base64
import binascii
import tomllib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from explorer.course.places import Place, place_of
from explorer.experiment import Experiment
from explorer.i18n import ASSETS
from explorer.limits import MAX_LIST, MAX_MINUTES, MAX_TITLE, MAX_VIEWS
from explorer.text import clean

BUILT_IN = "fifty"
"""Names the lecture of assets/course.toml in a link."""

PAGES = (
    "course",
    "step",
    "gradients",
    "train",
    "language",
    "architectures",
    "dynamics",
    "glossary",
    "clinic",
    "worksheet",
)
"""The pages that a view may be of, in the order of the navigation."""

_VERSION = "1."


@dataclass(frozen=True)
class View:
    """A view of a lecture: where it is, the minutes it takes, its title.

    key: of a view of the built-in list, whose title is in the locale. Without either, its card names it.
    """

    see: Place
    minutes: int
    title: str = ""
    key: str = ""


@cache
def lecture() -> tuple[View, ...]:
    """Returns the views of the lecture, in order; their minutes add up to fifty."""
    with (ASSETS / "course.toml").open("rb") as file:
        table = tomllib.load(file)["lecture"]
    return tuple(View(place_of(entry["see"]), entry["minutes"], key=key) for key, entry in table.items())


@cache
def listed(text: str) -> tuple[View, ...]:
    """Returns the views of a list as a link names it: the lecture's, or its own; none for what is no list."""
    if text == BUILT_IN:
        return lecture()
    if not text.startswith(_VERSION) or len(text) > MAX_LIST:
        return ()
    found = [_view(line) for line in _inflated(text.removeprefix(_VERSION)).splitlines()[:MAX_VIEWS]]
    return tuple(view for view in found if view is not None)


def text_of(views: Sequence[View]) -> str:
    """Returns a list as a link carries it; of more than MAX_VIEWS views the first."""
    lines = [f"{view.minutes}\t{view.title}\t{view.see.address}" for view in views[:MAX_VIEWS]]
    deflate = zlib.compressobj(9, wbits=-15)
    packed = deflate.compress("\n".join(lines).encode()) + deflate.flush()
    return _VERSION + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _inflated(text: str) -> str:
    """The lines of a list's own text; empty where it is broken, or unpacks to more than a list needs."""
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        inflate = zlib.decompressobj(wbits=-15)
        raw = inflate.decompress(packed, MAX_LIST * 8)
        return "" if inflate.unconsumed_tail else raw.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError, ValueError):
        return ""


def _view(line: str) -> View | None:
    """A line of a list. What its address sets and cannot be set is left out; None where it leads nowhere."""
    minutes, _, rest = line.partition("\t")
    title, _, address = rest.partition("\t")
    place = _checked(address)
    if place is None or not (minutes.isascii() and minutes.isdecimal() and len(minutes) < 4):
        return None
    return View(place, min(int(minutes), MAX_MINUTES), clean(title[:MAX_TITLE])[:MAX_TITLE])


def _checked(address: str) -> Place | None:
    try:
        parts = urlsplit(address)
        place = place_of(address)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or not address.startswith("/") or place.page not in PAGES:
        return None
    experiment, _ = Experiment().with_changes(dict(place.changes))
    return Place(place.page, tuple(experiment.to_query().items()))
