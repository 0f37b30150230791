"""No trunk ever carries more calls than its capacity, however many are dialled at once."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given as forall
from hypothesis import settings as bounded
from hypothesis import strategies as st

from application.trunk_load import TrunkLoad


def test_a_line_is_taken_while_the_call_lasts_and_given_back_whatever_happens() -> None:
    load = TrunkLoad()
    with load.call("acme", 1) as first:
        assert first
        assert load.up("acme") == 1
        assert not load.has_room("acme", 1)
        with load.call("acme", 1) as second:
            assert not second
        assert load.up("acme") == 1
    assert load.up("acme") == 0
    with pytest.raises(RuntimeError), load.call("acme", 1):
        raise RuntimeError("the leg failed")
    assert load.up("acme") == 0


def test_a_trunk_without_a_capacity_is_never_full() -> None:
    load = TrunkLoad()
    with load.call("acme", None) as first, load.call("acme", None) as second:
        assert first
        assert second
        assert load.has_room("acme", None)


def test_servers_share_a_trunk_and_together_never_take_more_than_it_carries() -> None:
    servers = [TrunkLoad(servers=3) for _ in range(3)]
    taken = sum(load._take("acme", 10) for load in servers for _ in range(10))
    assert taken == 9
    assert not TrunkLoad(servers=3).has_room("acme", 2)


@forall(st.integers(1, 5), st.integers(1, 3), st.integers(1, 12))
@bounded(max_examples=25, deadline=None)
def test_never_above_capacity_whatever_the_threads_do(
    capacity: int, trunks: int, callers: int
) -> None:
    load = TrunkLoad()
    names = [f"trunk{each}" for each in range(trunks)]
    up = dict.fromkeys(names, 0)
    highest = dict.fromkeys(names, 0)
    lock, begin = threading.Lock(), threading.Barrier(callers)

    def calls(caller: int) -> None:
        begin.wait()
        for turn in range(20):
            name = names[(caller + turn) % trunks]
            with load.call(name, capacity) as taken:
                if not taken:
                    continue
                with lock:
                    up[name] += 1
                    highest[name] = max(highest[name], up[name])
                with lock:
                    up[name] -= 1

    threads = [threading.Thread(target=calls, args=(each,)) for each in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert max(highest.values()) <= capacity
    assert [load.up(name) for name in names] == [0] * trunks
