"""Whatever is done to a sealed log is found, at the first block and fact it was done to."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.keys import PublicKeys, SealKey, unchecked
from domain.checkpoints import Checkpoint, checkpoint_of
from domain.merkle import Frontier, merkle_root
from domain.seal_checks import Break, Breakage, Checked, SealCheck, check_facts, moved_from
from domain.seals import LoggedFact, Sealed, index_of, leaves_of
from tests.support.seals import ORIGIN, chain, logged

KEY = SealKey.new(ORIGIN)
KEYS = PublicKeys((KEY.public_key,))
LOG = [logged(number, gap=3) for number in range(1, 25)]
SIZES = (5, 1, 8, 6)
BLOCKS = chain(LOG, SIZES, KEY)
PUBLISHED = [unchecked(each.note) for each in BLOCKS]
SEALED = sum(SIZES)


def checked(
    facts: Sequence[LoggedFact],
    blocks: Sequence[Sealed] = BLOCKS,
    published: Sequence[Checkpoint] = (),
    *,
    page: int = 4,
    stored: Callable[[str], Checkpoint] = KEYS.checkpoint,
) -> Break | Checked:
    check = SealCheck.of(blocks, published, stored)
    for start in range(0, len(facts), page):
        if found := check.see(facts[start : start + page]):
            return found
    return check.end()


def broken(*args: object, **options: object) -> Break:
    found = checked(*args, **options)  # type: ignore[arg-type]
    assert isinstance(found, Break), found
    return found


def edited(fact: LoggedFact) -> LoggedFact:
    return fact._replace(data=fact.data.replace(b"amount", b"amoumt"))


def but(facts: Sequence[LoggedFact], place: int, *put: LoggedFact) -> list[LoggedFact]:
    """The log with something else in a place."""
    return [*facts[:place], *put, *facts[place + 1 :]]


def block_at(position: int) -> int:
    return next(each.block.number for each in BLOCKS if position <= each.block.last)


# ---- a log that is as it was sealed


@pytest.mark.parametrize("page", [1, 3, 100])
def test_a_log_that_nobody_touched_is_as_it_was_sealed(page: int) -> None:
    found = checked(LOG, published=PUBLISHED, page=page)
    assert found == Checked(blocks=4, facts=20, unsealed=4, checkpoints=4)


def test_a_log_without_seals_says_nothing_of_its_facts() -> None:
    assert checked(LOG, []) == Checked(0, 0, 24, 0)


def test_any_checkpoint_that_somebody_kept_will_do() -> None:
    for kept in PUBLISHED:
        assert checked(LOG, published=[kept]) == Checked(4, 20, 4, 1)


# ---- what is done to facts


@pytest.mark.parametrize("place", range(SEALED))
@pytest.mark.parametrize("field", ["data", "name", "version", "stream"])
def test_an_edited_fact_is_named(place: int, field: str) -> None:
    fact = LOG[place]
    other = {
        "data": edited(fact).data,
        "name": "funds-removed",
        "version": fact.version + 1,
        "stream": LOG[(place + 1) % len(LOG)].stream,
    }
    found = broken(but(LOG, place, fact._replace(**{field: other[field]})))
    assert (found.kind, found.position) == (Breakage.EDITED, fact.position)
    assert found.block == block_at(fact.position)
    assert f"position {fact.position} " in found.told


@pytest.mark.parametrize("place", range(SEALED))
def test_a_deleted_fact_is_named_by_where_it_was(place: int) -> None:
    found = broken(but(LOG, place))
    assert (found.kind, found.position) == (Breakage.DELETED, LOG[place].position)
    assert found.block == block_at(LOG[place].position)


@pytest.mark.parametrize("place", range(SEALED))
def test_an_inserted_fact_is_named(place: int) -> None:
    added = logged(99)._replace(position=LOG[place].position - 1)
    found = broken(but(LOG, place, added, LOG[place]))
    assert (found.kind, found.position) == (Breakage.INSERTED, added.position)
    assert (found.stream_id, found.version, found.name) == (
        added.stream_id,
        added.version,
        added.name,
    )


@pytest.mark.parametrize(("one", "other"), [(0, 1), (6, 12), (2, 15), (13, 14), (0, 19)])
def test_facts_that_changed_places_are_named(one: int, other: int) -> None:
    log = list(LOG)
    log[one] = LOG[other]._replace(position=LOG[one].position)
    log[other] = LOG[one]._replace(position=LOG[other].position)
    found = moved_from(broken(log), BLOCKS)
    assert (found.kind, found.position) == (Breakage.MOVED, LOG[one].position)
    assert f"sealed at {LOG[other].position}" in found.told


def test_a_fact_moved_to_a_free_position_is_named() -> None:
    log = but(LOG, 7, LOG[7]._replace(position=LOG[7].position + 1))
    found = broken(log)
    assert (found.kind, found.position) == (Breakage.MOVED, LOG[7].position)


@pytest.mark.parametrize("left", range(SEALED))
def test_a_cut_tail_is_named_where_it_was_cut(left: int) -> None:
    found = broken(LOG[:left])
    assert (found.kind, found.position) == (Breakage.CUT, LOG[left].position)
    assert found.block == block_at(LOG[left].position)


@given(st.integers(0, 1 << 32))
def test_of_many_changes_the_first_is_named(seed: int) -> None:
    """Facts are edited, dropped, added and exchanged at random, any number of each."""
    chance = random.Random(seed)
    now = {each.position: each for each in LOG}
    for _ in range(chance.randint(1, 6)):
        position = chance.choice(LOG).position
        match chance.randrange(4):
            case 0:
                now[position] = logged(chance.randint(100, 999))._replace(position=position)
            case 1:
                now.pop(position, None)
            case 2:
                added = position - chance.randint(1, 2)
                now[added] = logged(chance.randint(100, 999))._replace(position=added)
            case 3:
                other = chance.choice(LOG).position
                if position in now and other in now:
                    one, two = now[position], now[other]
                    now[position] = two._replace(position=position)
                    now[other] = one._replace(position=other)
    was = {each.position: each for each in LOG[:SEALED]}
    last = LOG[SEALED - 1].position
    wrong = [
        position
        for position in sorted(was.keys() | now.keys())
        if position <= last and was.get(position) != now.get(position)
    ]
    found = checked([now[position] for position in sorted(now)])
    if wrong:
        assert isinstance(found, Break)
        assert found.position == wrong[0]
        assert found.block == block_at(wrong[0])
    else:
        assert isinstance(found, Checked)


# ---- what is done to seals


def resealed(facts: Sequence[LoggedFact], key: SealKey = KEY) -> list[Sealed]:
    """All blocks made again over other facts, as somebody who has the database can do."""
    return chain(facts, SIZES, key)


def test_facts_and_index_changed_together_are_found_by_the_block() -> None:
    facts = but(LOG, 7, edited(LOG[7]))
    index = index_of(facts[6:14])
    blocks = [*BLOCKS[:2], evolve(BLOCKS[2], index=index), BLOCKS[3]]
    found = broken(facts, blocks)
    assert (found.kind, found.block, found.position) == (Breakage.EDITED, 2, None)
    assert "from position 21 to 42" in found.told


def test_an_index_that_was_changed_alone_is_told_apart_from_facts() -> None:
    blocks = [evolve(BLOCKS[0], index=BLOCKS[0].index[:-1] + b"!"), *BLOCKS[1:]]
    found = broken(LOG, blocks)
    assert (found.kind, found.block) == (Breakage.SEAL_DAMAGED, 0)
    assert "its facts are as they were sealed" in found.told
    blocks = [evolve(BLOCKS[0], index=b"no index"), *BLOCKS[1:]]
    assert broken(LOG, blocks).kind is Breakage.SEAL_DAMAGED


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    "change",
    [
        {"root": bytes(32)},
        {"previous": bytes([7] * 32)},
        {"facts": 2},
        {"total": 99},
        {"number": 9},
        {"first": 1_000},
        {"last": 1_000},
        {"sealed_at": BLOCKS[0].block.sealed_at - timedelta(days=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_header_is_found_in_its_block(number: int, change: dict[str, object]) -> None:
    blocks = list(BLOCKS)
    blocks[number] = evolve(blocks[number], block=evolve(blocks[number].block, **change))
    found = broken(LOG, blocks)
    assert (found.kind, found.block) == (Breakage.SEAL_DAMAGED, number)


@pytest.mark.parametrize("number", range(3))
def test_a_block_that_is_gone_is_found(number: int) -> None:
    found = broken(LOG, [*BLOCKS[:number], *BLOCKS[number + 1 :]])
    assert (found.kind, found.block) == (Breakage.SEAL_DAMAGED, number)
    assert f"block {number} is gone" in found.told


def rebuilt_without_the_key() -> tuple[list[LoggedFact], list[Sealed]]:
    """The whole chain made again from block 2 on, with the notes that were signed before."""
    facts = but(LOG, 7, edited(LOG[7]))
    blocks = [
        evolve(made, note=signed.note) for made, signed in zip(resealed(facts), BLOCKS, strict=True)
    ]
    return facts, blocks


def test_a_chain_made_again_disagrees_with_what_was_signed() -> None:
    facts, blocks = rebuilt_without_the_key()
    found = broken(facts, blocks)
    assert (found.kind, found.block) == (Breakage.RESEALED, 2)


def test_a_chain_signed_by_somebody_else_is_forged() -> None:
    facts = but(LOG, 7, edited(LOG[7]))
    found = broken(facts, resealed(facts, SealKey.new(ORIGIN)))
    assert found.kind is Breakage.FORGED
    assert found.block == 0
    assert "no public key of it is given" in found.told


def test_a_chain_signed_again_with_the_stolen_key_disagrees_with_what_was_published() -> None:
    facts = but(LOG, 7, edited(LOG[7]))
    blocks = resealed(facts)
    assert isinstance(checked(facts, blocks), Checked)
    found = broken(facts, blocks, PUBLISHED)
    assert (found.kind, found.block) == (Breakage.RESEALED, 2)
    found = broken(facts, blocks, PUBLISHED[3:])
    assert (found.kind, found.block) == (Breakage.RESEALED, 3)


@pytest.mark.parametrize("left", range(4))
def test_a_tail_cut_off_with_its_seals_is_found_by_what_was_published(left: int) -> None:
    facts = LOG[: sum(SIZES[:left])]
    assert isinstance(checked(facts, BLOCKS[:left]), Checked)
    found = broken(facts, BLOCKS[:left], PUBLISHED)
    assert (found.kind, found.block) == (Breakage.CUT, left)
    found = broken(facts, BLOCKS[:left], PUBLISHED[3:])
    assert (found.kind, found.block) == (Breakage.CUT, left)
    assert "20 facts up to position 60 in 4 blocks" in found.told


def test_seals_that_are_gone_while_the_facts_are_there_are_no_cut() -> None:
    found = broken(LOG, BLOCKS[:2], PUBLISHED)
    assert (found.kind, found.block) == (Breakage.SEAL_DAMAGED, 2)


def test_a_tree_that_was_changed_alone_is_found() -> None:
    blocks = [*BLOCKS[:3], evolve(BLOCKS[3], tree=Frontier(4, (bytes(32),)))]
    found = broken(LOG, blocks)
    assert (found.kind, found.block) == (Breakage.SEAL_DAMAGED, 3)


def test_one_block_can_be_checked_alone() -> None:
    sealed = BLOCKS[2]
    assert merkle_root(leaves_of(sealed.index)) == sealed.block.root
    assert check_facts(sealed, LOG[6:14]) is None
    found = check_facts(sealed, LOG[6:13], nothing_follows=True)
    assert found
    assert (found.kind, found.position) == (Breakage.CUT, 42)
    assert checkpoint_of(ORIGIN, sealed) == PUBLISHED[2]
