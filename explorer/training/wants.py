"""Who wants a race: it goes on while anybody does, and nobody else's race is paused or stopped."""

import itertools
from dataclasses import dataclass, field

_numbers = itertools.count()


def nobody() -> str:
    """Returns a name for somebody who has none: no other has the same."""
    return f"nobody {next(_numbers)}"


@dataclass
class Want:
    """What one visitor wants of a race. watching: open streams; left: since when there is none."""

    go: bool = True
    watching: int = 0
    left: float = 0.0


@dataclass
class Wants:
    """Who has asked for a race or watched it, by visitor. Times are the board's own seconds."""

    of: dict[str, Want] = field(default_factory=dict)

    def ask(self, visitor: str, now: float) -> None:
        """Somebody asks for the race, and wants it until they say otherwise, or stay away."""
        want = self.of.setdefault(visitor, Want())
        want.go, want.left = True, now

    def come(self, visitor: str) -> None:
        self.of.setdefault(visitor, Want()).watching += 1

    def leave(self, visitor: str, now: float, keep: bool) -> None:
        """One window closes. keep: whether what its visitor wants still counts for a while."""
        if want := self.of.get(visitor):
            want.watching, want.left = want.watching - 1, now
            if not keep and want.watching <= 0:
                del self.of[visitor]

    def watching(self) -> "Wants":
        """Returns the wants of those who watch."""
        return Wants({visitor: want for visitor, want in self.of.items() if want.watching > 0})

    @property
    def watchers(self) -> int:
        """How many people watch: one with two windows is one."""
        return sum(want.watching > 0 for want in self.of.values())

    def who(self, now: float, away: float) -> list[str]:
        """Returns those who want it to go on: they watch, or left less than `away` seconds ago."""
        return [
            visitor
            for visitor, want in self.of.items()
            if want.go and (want.watching > 0 or now - want.left <= away)
        ]
