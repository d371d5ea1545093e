"""Questions that learners ask again and again, each with the view that answers it (assets/course.toml)."""

import tomllib
from functools import cache

from explorer.course.places import Place, place_of
from explorer.i18n import ASSETS


@cache
def questions() -> dict[str, Place]:
    """Returns the view of each question by its key in the locale, in order."""
    with (ASSETS / "course.toml").open("rb") as file:
        return {key: place_of(see) for key, see in tomllib.load(file)["questions"].items()}
