"""Fair shares of what a server holds for its visitors: where room is short, whoever holds most gives way."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


def giving_way(
    held: Mapping[str, Iterable[Thing]],
    total: float,
    each: float = float("inf"),
    size: Callable[[Thing], float] = lambda _: 1,
) -> list[Thing]:
    """Returns what has to go, so that no owner holds more than `each`, and all no more than `total`.

    held: what each owner holds, what may go first in front. Whoever holds most gives way first: one visitor
    who brings more and more pushes out their own, and nobody else's.
    """
    owners = [_Owner(things, size) for things in held.values()]
    gone = []
    for owner in owners:
        while owner.load > each:
            gone.append(owner.drop())
    while sum(owner.load for owner in owners) > total:
        gone.append(max(owners, key=lambda owner: owner.load).drop())
    return gone


class _Owner(Generic[Thing]):
    """What somebody holds, and how much that is."""

    def __init__(self, things: Iterable[Thing], size: Callable[[Thing], float]) -> None:
        self.things, self.size = deque(things), size
        self.load = sum(map(size, self.things))

    def drop(self) -> Thing:
        thing = self.things.popleft()
        self.load -= self.size(thing)
        return thing
