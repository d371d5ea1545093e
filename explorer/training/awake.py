"""A clock that stands still while the machine does: a laptop whose lid was closed has not been waiting."""

import time

GAP_SECONDS = 5.0
"""The longest time between two looks at the clock that counts whole: more of it was sleep, or a halt."""


class Awake:
    """Counts the seconds that this process was awake. It has to be looked at every few seconds."""

    def __init__(self) -> None:
        self.at, self.passed = time.monotonic(), 0.0

    def now(self) -> float:
        """Returns the seconds awake since it was made."""
        at = time.monotonic()
        self.passed += min(at - self.at, GAP_SECONDS)
        self.at = at
        return self.passed
