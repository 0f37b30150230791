"""Seals are signed as signed notes are everywhere, under a key that lies in a file of its own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from adapters.sealing.keys import KeyUnusable, PublicKeys, SealKey, unchecked
from domain.checkpoints import NotACheckpoint, UnknownKey, read_note, read_public_key
from tests.support.seals import ORIGIN, chain, logged

# The example that Go's golang.org/x/mod/sumdb/note is documented with.
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""  # noqa: E501 - one line of the format

KEY = SealKey.new(ORIGIN)
KEYS = PublicKeys((KEY.public_key,))
NOTE = chain([logged(number) for number in range(1, 9)], [4, 4], KEY)[-1].note


def test_notes_are_those_of_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "go.key"
    path.write_text(GO_SECRET + "\n")
    key = SealKey.read(path)
    assert str(key.public_key) == GO_PUBLIC
    # Ed25519 signs the same text the same way each time.
    assert str(key.sign(read_note(GO_NOTE).text)) == GO_NOTE


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "seal.key"
    public = KEY.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public.read_text() == f"{KEY.public_key}\n"
    assert SealKey.read(path).public_key == KEY.public_key
    with pytest.raises(FileExistsError):
        SealKey.new(ORIGIN).write(path)
    assert SealKey.read(path).public_key == KEY.public_key


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"hello", GO_PUBLIC.encode()])
def test_what_is_no_key_is_refused_without_telling_its_content(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(content)
    with pytest.raises(KeyUnusable, match=r"seal\.key is no seal key") as refused:
        SealKey.read(path)
    assert "Peter" not in str(refused.value)


def test_a_key_whose_name_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    path.write_text(GO_SECRET.replace("Peter", "Paul"))
    with pytest.raises(KeyUnusable, match="was changed"):
        SealKey.read(path)
    with pytest.raises(KeyUnusable, match="No such file"):
        SealKey.read(tmp_path / "none")


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\tbed", "\x07"])
def test_a_name_is_one_word(name: str) -> None:
    with pytest.raises(ValueError, match="a name has no spaces"):
        SealKey.new(name)


def test_a_secret_is_not_shown() -> None:
    assert "_secret" not in repr(KEY)


# ---- what is trusted


def test_a_note_counts_when_its_log_has_signed_it() -> None:
    assert KEYS.checkpoint(NOTE) == unchecked(NOTE)
    assert KEYS.checkpoint(NOTE).origin == ORIGIN


@pytest.mark.parametrize(
    ("was", "now"),
    [("\n2\n", "\n3\n"), ("facts 8", "facts 9"), ("up to 8", "up to 9")],
)
def test_a_changed_note_does_not_count(was: str, now: str) -> None:
    changed = NOTE.replace(was, now)
    assert changed != NOTE
    with pytest.raises(NotACheckpoint, match=r"the signature of example\.com/ledger is wrong"):
        KEYS.checkpoint(changed)


def test_the_signature_of_another_key_of_the_same_name_does_not_count() -> None:
    other = SealKey.new(ORIGIN).sign(read_note(NOTE).text)
    with pytest.raises(UnknownKey):
        KEYS.checkpoint(str(other))


def test_another_log_cannot_sign_for_this_one() -> None:
    """Somebody else whom we trust for another log signs a checkpoint in our name."""
    other = SealKey.new("example.org/other")
    both = PublicKeys((KEY.public_key, other.public_key))
    with pytest.raises(NotACheckpoint, match="did not sign it itself"):
        both.checkpoint(str(other.sign(read_note(NOTE).text)))


def test_signatures_of_witnesses_beside_the_logs_own_are_passed_over() -> None:
    witness = SealKey.new("witness.example/1").sign(read_note(NOTE).text)
    assert KEYS.checkpoint(NOTE + witness.signatures[0].line).origin == ORIGIN


def test_a_file_may_hold_the_keys_of_several_years(tmp_path: Path) -> None:
    path = tmp_path / "public"
    path.write_text(f"# until 2026\n{GO_PUBLIC}\n\n{KEY.public_key}\n")
    assert [each.name for each in PublicKeys.read(path).keys] == ["PeterNeumann", ORIGIN]
    assert read_public_key(GO_PUBLIC).key_id.hex() == "c74f20a3"
    for content in ("", "# nothing\n", "no key\n"):
        path.write_text(content)
        with pytest.raises(KeyUnusable):
            PublicKeys.read(path)
    path.write_bytes(b"\xff")
    with pytest.raises(KeyUnusable, match="holds no public keys"):
        PublicKeys.read(path)
