"""Places in the app: a page, and the fields that a link to it sets."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from explorer.experiment import Experiment

HOME = "step"


@dataclass(frozen=True)
class Place:
    """A view of the app: the page's name and the fields that its link sets."""

    page: str
    changes: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """Where its page stands in an address."""
        return f"/{'' if self.page == HOME else self.page}"

    @property
    def address(self) -> str:
        """The place as `place_of` reads it."""
        query = urlencode(self.changes)
        return f"{self.path}{'?' if query else ''}{query}"

    @property
    def experiment(self) -> Experiment:
        """The defaults and what the place sets. Raises ValueError for a field or value that there is not."""
        shown, refused = Experiment().with_changes(dict(self.changes))
        if refused:
            raise ValueError(f"{self.page}: {refused}")
        return shown


def place_of(address: str) -> Place:
    """Returns the place of an address such as `/gradients?cell=rnn`; `/` is the first page."""
    parts = urlsplit(address)
    return Place(parts.path.strip("/") or HOME, tuple(parse_qsl(parts.query, keep_blank_values=True)))
