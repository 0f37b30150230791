"""Moments are found in a long log without reading all of it again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.milestones import Milestones


class Heads:
    """A log of moments, and how often it was read."""

    def __init__(self, moments: list[int]) -> None:
        self.moments = moments
        self.reads = 0

    def before(self, milestones: Milestones, moment: int, page: int) -> int:
        def page_after(position: int) -> list[tuple[int, bytes]]:
            self.reads += 1
            return [
                (place, text(each))
                for place, each in enumerate(self.moments, 1)
                if place > position
            ][:page]

        return milestones.before(text(moment), page_after, page)

    def plainly(self, moment: int) -> int:
        return next(
            (place for place, each in enumerate(self.moments) if each > moment), len(self.moments)
        )


def text(moment: int) -> bytes:
    return b"%03d" % moment


@given(
    st.lists(st.integers(0, 20), max_size=40),
    st.lists(st.integers(0, 20), max_size=20),
    st.lists(st.integers(0, 20), min_size=1, max_size=8),
    st.integers(1, 7),
)
def test_a_moment_is_found_whatever_the_clocks_said_and_while_the_log_grows(
    first: list[int], later: list[int], asked: list[int], page: int
) -> None:
    heads, milestones = Heads(first), Milestones()
    for moment in asked:
        assert heads.before(milestones, moment, page) == heads.plainly(moment)
    heads.moments = first + later
    for moment in asked:
        assert heads.before(milestones, moment, page) == heads.plainly(moment)


def test_what_was_read_once_is_not_read_again() -> None:
    heads, milestones = Heads(list(range(900))), Milestones()
    assert heads.before(milestones, 899, 10) == 900
    heads.reads = 0
    assert heads.before(milestones, 455, 10) == 456
    assert heads.reads == 1


def test_an_early_moment_does_not_need_the_end_of_the_log() -> None:
    heads, milestones = Heads(list(range(900))), Milestones()
    assert heads.before(milestones, 5, 10) == 6
    assert heads.reads <= 3
