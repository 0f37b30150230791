"""What the caller's keys mean at the destination prompt."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from adapters.agi.entries import Codes, Meaning, meaning
from adapters.agi.prompts import OUTCOMES, REFUSALS
from adapters.agi.telephone import Keys
from application.legs import LegOutcome
from application.speech import Prompt
from domain.errors import Refused

CODES = Codes()


def means(typed: str, codes: Codes = CODES) -> Meaning:
    """``48221234567#`` ends with the pound key, ``48`` with silence."""
    digits, ended, _ = typed.partition("#")
    return meaning(Keys(digits, bool(ended)), codes)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("48221234567#", Meaning.NUMBER),
        ("1#", Meaning.NUMBER),
        ("99*48221234567#", Meaning.NUMBER),
        ("48221234567", Meaning.UNFINISHED),
        ("0", Meaning.UNFINISHED),
        ("111", Meaning.UNFINISHED),
        ("", Meaning.NOTHING),
        ("#", Meaning.NOTHING),
        ("5*", Meaning.START_OVER),
        ("5*#", Meaning.START_OVER),
        ("0#", Meaning.OPERATOR),
        ("5*0#", Meaning.OPERATOR),
        ("00#", Meaning.INVALID),
        ("048221234567#", Meaning.INVALID),
        ("111#", Meaning.BALANCE),
        ("1111#", Meaning.NUMBER),
        ("*0#", Meaning.REDIAL),
        ("*0", Meaning.REDIAL),
        ("*32#", Meaning.CALLER_ID),
        ("*32", Meaning.CALLER_ID),
        ("*3#", Meaning.INVALID),
        ("*#", Meaning.INVALID),
        ("**0#", Meaning.INVALID),
        ("12A4#", Meaning.INVALID),
    ],
)
def test_keys_mean_what_the_product_says(typed: str, wanted: Meaning) -> None:
    assert means(typed) is wanted


@forall(st.text("0123456789*ABCD", max_size=40), st.booleans())
def test_only_finished_digits_that_begin_with_one_to_nine_are_dialled(
    digits: str, finished: bool
) -> None:
    keys = Keys(digits, finished)
    if meaning(keys, CODES) is Meaning.NUMBER:
        assert finished
        assert keys.number.isdigit()
        assert keys.number[0] != "0"
        assert keys.number != CODES.balance


def test_codes_are_settings() -> None:
    codes = Codes(caller_id="*7", redial="*5", balance="222", hang_up="##")
    assert means("*7#", codes) is Meaning.CALLER_ID
    assert means("*5#", codes) is Meaning.REDIAL
    assert means("222#", codes) is Meaning.BALANCE
    assert means("111#", codes) is Meaning.NUMBER
    assert means("*32#", codes) is Meaning.INVALID


def test_codes_that_collide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"caller_id and redial are both \*0: codes must differ"):
        Codes(caller_id="*0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("caller_id", "32"),
        ("caller_id", "*"),
        ("redial", "*1234567"),
        ("redial", "*٣"),
        ("balance", "0"),
        ("balance", "011"),
        ("balance", "11111"),
        ("balance", "*11"),
        ("hang_up", ""),
        ("hang_up", "1"),
        ("hang_up", "#"),
        ("hang_up", "*,x"),
    ],
)
def test_a_code_of_another_form_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is .*, not "):
        Codes(**{name: value})


@pytest.mark.parametrize("keys", ["*", "##", "#1#", "*1", "*12*"])
def test_the_keys_that_end_a_leg_may_be_a_combination(keys: str) -> None:
    assert Codes(hang_up=keys).hang_up == keys


def test_what_was_keyed_is_not_shown() -> None:
    assert "4822" not in repr(Keys("4822", True))


def test_every_outcome_of_a_leg_has_its_words() -> None:
    assert set(OUTCOMES) == set(LegOutcome)


def test_no_refusal_tells_which_part_of_a_login_was_wrong() -> None:
    heard = [prompt for kind, prompt in REFUSALS.items() if kind.__name__ == "LoginFailed"]
    assert heard == [Prompt.LOGIN_FAILED]
    assert all(issubclass(kind, Refused) for kind in REFUSALS)
