"""Fair shares: whoever holds most gives way, their oldest first."""

from explorer.training.shares import giving_way


def test_who_holds_more_than_a_share_loses_their_own_oldest():
    held = {"much": [3, 4, 5], "little": [9]}
    assert giving_way(held, total=100, each=9, size=float) == [3]
    assert giving_way(held, total=100, each=10, size=float) == [3]


def test_where_all_together_are_too_much_whoever_holds_most_gives_way():
    held = {"much": ["a1", "a2", "a3", "a4"], "some": ["b1", "b2"], "little": ["c1"]}
    assert giving_way(held, total=5) == ["a1", "a2"]
    assert giving_way(held, total=3) == ["a1", "a2", "a3", "b1"]
    assert giving_way(held, total=7) == []
