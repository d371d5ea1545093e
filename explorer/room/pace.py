"""How fast one visitor may post: some at once, then so many a second."""

import time
from collections import OrderedDict
from collections.abc import Callable

from explorer.limits import MAX_PACES


class Pace:
    """A bucket of permits that fills steadily. burst: permits at once; rate: permits a second."""

    def __init__(
        self, rate: float = 20.0, burst: float = 40.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.left, self.at = burst, clock()

    def some(self) -> bool:
        """Returns whether one more is allowed now."""
        now = self.clock()
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        return self.left >= 1

    def take(self) -> bool:
        """Returns the same, and counts it."""
        if not self.some():
            return False
        self.left -= 1
        return True


class Paces:
    """A pace for each of many visitors; of too many, those that came longest ago are forgotten."""

    def __init__(
        self, rate: float, burst: float, most: int = MAX_PACES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.most, self.clock = rate, burst, most, clock
        self.known: OrderedDict[str, Pace] = OrderedDict()

    def take(self, visitor: str) -> bool:
        """Returns whether one more is allowed to a visitor now, and counts it."""
        return self._of(visitor).take()

    def some(self, visitor: str) -> bool:
        """Returns whether one more is allowed to a visitor now."""
        return self._of(visitor).some()

    def _of(self, visitor: str) -> Pace:
        pace = self.known.pop(visitor, None) or Pace(self.rate, self.burst, self.clock)
        self.known[visitor] = pace
        if len(self.known) > self.most:
            self.known.popitem(last=False)
        return pace
