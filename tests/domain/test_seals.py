"""Blocks follow each other, cover every byte of a fact, and are signed as transparency logs are."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.sealing.keys import SealKey
from domain.checkpoints import (
    Checkpoint,
    NotACheckpoint,
    checkpoint_of,
    notes_in,
    read_checkpoint,
    read_note,
    read_public_key,
)
from domain.seals import (
    BEFORE_ALL,
    LoggedFact,
    digest,
    entries_in,
    entries_of,
    entry_of,
    index_of,
    leaves_of,
    microseconds,
    moment_of,
    seal,
)
from tests.support.seals import NOON, ORIGIN, chain, logged

KEY = SealKey.new(ORIGIN)
GOLDEN_DIGEST = "7a3b22e8d2e39c0140e12da94b77564589c51908bda02f041efc70870c2539af"
GOLDEN_LEAF = "12dad074a5be7adea1199b58daff0e6308a991307d9f5605379bf9cd56d52f25"
GOLDEN_HEADER = (
    "74616c6b74696d6520626c6f636b2076310a0000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000012dad074a5be"
    "7adea1199b58daff0e6308a991307d9f5605379bf9cd56d52f25000000000000"
    "0001000000000000000100000000000001020000000000000102000660c819a1"
    "7000"
)

FACTS = [logged(number) for number in range(1, 31)]

streams = st.binary(min_size=16, max_size=16)
contents = st.tuples(streams, st.integers(0, 1 << 40), st.text(max_size=9), st.binary(max_size=9))


# ---- canonical bytes


@given(contents, contents)
def test_no_two_facts_have_the_same_digest(one: tuple[object], other: tuple[object]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)  # type: ignore[arg-type]


def test_the_bytes_of_a_fact_are_these_for_ever() -> None:
    """What was sealed once has to have the same digest in every later version."""
    fact = LoggedFact(258, UUID(int=7).bytes, 3, "hold-placed", b'{"v":1}')
    assert entry_of(fact).hex() == f"{258:016x}{GOLDEN_DIGEST}"
    (leaf,) = leaves_of(index_of([fact]))
    assert leaf.hex() == GOLDEN_LEAF
    block = seal(None, [entry_of(fact)], NOON).block
    assert block.entry.hex() == GOLDEN_HEADER


def test_lengths_keep_fields_apart() -> None:
    stream = bytes(16)
    assert digest(stream, 1, "ab", b"c") != digest(stream, 1, "a", b"bc")


def test_an_index_tells_the_place_and_digest_of_each_fact() -> None:
    entries = entries_in(index_of(FACTS))
    assert [entry.position for entry in entries] == [fact.position for fact in FACTS]
    assert [entry.digest for entry in entries] == [digest(*fact[1:]) for fact in FACTS]


def test_what_has_no_whole_entries_is_no_index() -> None:
    with pytest.raises(ValueError, match="multiple of 40"):
        entries_in(bytes(41))


@given(st.datetimes(timezones=st.just(NOON.tzinfo)))  # type: ignore[arg-type]
def test_moments_are_kept_to_the_microsecond(moment: object) -> None:
    assert moment_of(microseconds(moment)) == moment  # type: ignore[arg-type]


# ---- blocks


def test_a_block_names_the_one_before_it() -> None:
    first, second = chain(FACTS, [4, 3], KEY)
    assert first.block.previous == BEFORE_ALL
    assert second.block.previous == first.block.hash
    assert (second.block.number, second.block.total) == (1, 7)
    assert (second.block.first, second.block.last) == (5, 7)
    assert second.tree.size == 2


def test_every_field_of_a_header_is_in_its_hash() -> None:
    block = chain(FACTS, [4], KEY)[0].block
    others = [
        evolve(block, number=1),
        evolve(block, previous=bytes([1] * 32)),
        evolve(block, root=bytes(32)),
        evolve(block, facts=5),
        evolve(block, total=5),
        evolve(block, first=2),
        evolve(block, last=5),
        evolve(block, sealed_at=NOON + timedelta(microseconds=1)),
    ]
    assert len({each.hash for each in (block, *others)}) == 9


@pytest.mark.parametrize(
    "facts", [[], [FACTS[1], FACTS[0]], [FACTS[0], FACTS[0]]], ids=["none", "backwards", "twice"]
)
def test_only_facts_in_their_order_make_a_block(facts: list[LoggedFact]) -> None:
    with pytest.raises(ValueError, match=r"a block has|in the order of the log"):
        seal(None, entries_of(facts), NOON)


def test_a_block_begins_behind_the_one_before() -> None:
    (first,) = chain(FACTS, [4], KEY)
    with pytest.raises(ValueError, match="in the order of the log"):
        seal(first, entries_of([FACTS[3]]), NOON)


# ---- checkpoints


def test_a_checkpoint_is_text_that_people_can_read() -> None:
    sealed = chain(FACTS, [4, 3], KEY)[1]
    assert checkpoint_of(ORIGIN, sealed).text.splitlines()[::3] == [ORIGIN, "facts 7 up to 7"]
    assert sealed.note.splitlines()[1] == "2"
    assert sealed.note.splitlines()[4:5] == [""]
    assert sealed.note.splitlines()[5].startswith(f"\u2014 {ORIGIN} ")


@given(
    st.builds(
        Checkpoint,
        st.from_regex(r"[a-z]{1,9}\.example/[a-z0-9]{1,9}", fullmatch=True),
        st.integers(1, 1 << 40),
        st.binary(min_size=32, max_size=32),
        st.integers(1, 1 << 60),
        st.integers(0, (1 << 60)),
    )
)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint: Checkpoint) -> None:
    assert read_checkpoint(checkpoint.text) == checkpoint
    note = KEY.sign(checkpoint.text)
    assert read_note(str(note)) == note


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (0, ""),
        (0, "two words"),
        (0, "a+b"),
        (1, "0"),
        (1, "02"),
        (1, "-2"),
        (1, "٢"),
        (2, "AAAA"),
        (2, "not base64 at all"),
        (3, "facts 7"),
        (3, "facts 07 up to 7"),
        (3, "facts 0 up to 7"),
    ],
)
def test_a_checkpoint_of_another_form_is_refused(line: int, text: str) -> None:
    lines = checkpoint_of(ORIGIN, chain(FACTS, [4, 3], KEY)[1]).text.split("\n")
    lines[line] = text
    with pytest.raises(NotACheckpoint):
        read_checkpoint("\n".join(lines))


def test_one_value_has_one_text() -> None:
    """Base64 whose last bits are not zero decodes to the same bytes, and is not what was signed."""
    checkpoint = Checkpoint(ORIGIN, 1, bytes(32), 1, 1)
    assert "AAAA=" in checkpoint.text
    with pytest.raises(NotACheckpoint):
        read_checkpoint(checkpoint.text.replace("AAA=", "AAB="))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "text only\n",
        "text\n\nno dash\n",
        "text\n\n\u2014 name AAAA\n",
        "a\n\n\u2014 b c",
    ],
)
def test_a_note_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(NotACheckpoint):
        read_note(text)


def test_a_note_is_not_read_for_ever() -> None:
    with pytest.raises(NotACheckpoint, match="16384 characters"):
        read_note("a" * 16_385)
    with pytest.raises(NotACheckpoint, match="64 lines"):
        list(notes_in(["a\n"] * 65))
    with pytest.raises(NotACheckpoint, match="16 signatures"):
        read_note("text\n\n" + "\u2014 name AAAAAAAAAAA=\n" * 17)


def test_the_notes_of_a_file_are_found_and_one_not_written_whole_is_left_out() -> None:
    notes = [each.note for each in chain(FACTS, [4, 3, 2], KEY)]
    file = "".join(f"{note}\n" for note in notes)
    assert list(notes_in(file.splitlines(keepends=True))) == notes
    assert list(notes_in(notes[0].splitlines(keepends=True))) == notes[:1]
    for end in range(1, len(notes[2]) + 1):
        cut = file[: -end - 1]
        assert list(notes_in(cut.splitlines(keepends=True))) == notes[:2]


def test_a_public_key_carries_a_check_of_itself() -> None:
    shown = str(KEY.public_key)
    assert read_public_key(shown) == KEY.public_key
    with pytest.raises(ValueError, match="was changed"):
        read_public_key(shown.replace("ledger+", "ledgers+"))
    with pytest.raises(ValueError, match="a public key is"):
        read_public_key(shown[:-4])
