"""How fast one visitor may post: some at once, then so many a second."""

import time
from collections.abc import Callable


class Pace:
    """A bucket of permits that fills steadily. burst: permits at once; rate: permits a second."""

    def __init__(
        self, rate: float = 20.0, burst: float = 40.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.left, self.at = burst, clock()

    def take(self) -> bool:
        """Returns whether one more is allowed now, and counts it."""
        now = self.clock()
        self.left, self.at = min(self.burst, self.left + (now - self.at) * self.rate), now
        if self.left < 1:
            return False
        self.left -= 1
        return True
