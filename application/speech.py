"""What a caller hears: every sentence of a call, and the port that turns it into sounds.

The English texts here are the keys of the translations. What is really said comes from the
catalogue of each language, English included, so wording changes there and not here.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Protocol

from attrs import field, frozen

from domain.money import MICROS, MINUTES, Money

FOLDER = "talktime"
"""Every sound of ours is named ``talktime/<name>``, below the folder of its language."""

MOST_DIGITS = 32
"""As many digits as are ever read out: E.164 allows 15, and dial prefixes come on top."""


def _sound(member: Enum) -> str:
    return f"{FOLDER}/{member.name.lower().replace('_', '-')}"


class Prompt(Enum):
    """A sentence that is always the same, and therefore always exactly one sound."""

    WELCOME = ("Welcome.", "First of all, when the access number has no announcement of its own.")
    ENTER_CARD_NUMBER = (
        "Please enter your card number, followed by the pound key.",
        "Login with card number and PIN, the first half.",
    )
    ENTER_PIN = (
        "Now enter your PIN, followed by the pound key.",
        "Login with card number and PIN, the second half.",
    )
    ENTER_CARD_NUMBER_ONLY = (
        "Please enter your card number, followed by the pound key.",
        "Login with the card number alone.",
    )
    ENTER_PIN_ONLY = (
        "Please enter your PIN, followed by the pound key.",
        "Login with the PIN alone.",
    )
    LOGIN_FAILED = (
        "Sorry, we could not accept that card number or PIN.",
        "After a refused login, whatever the cause: it must not tell which part was wrong.",
    )
    ENTER_ANOTHER_CARD = (
        "To continue, please use another card.",
        "The card has no credit left; the request for the card follows.",
    )
    ENTER_DESTINATION = (
        "Please enter the number you wish to call, followed by the pound key.",
        "Before each call.",
    )
    INVALID_ENTRY = ("Sorry, that is not a valid entry.", "The keys pressed mean nothing here.")
    INVALID_NUMBER = (
        "Sorry, that is not a valid number. Please check it and try again.",
        "The destination is not a telephone number.",
    )
    FINISH_WITH_POUND = (
        "When you have finished, press the pound key.",
        "The caller entered digits and then waited.",
    )
    NUMBER_NOT_ALLOWED = (
        "Sorry, calls to this number are not available.",
        "No tariff or no route covers the destination, or the card may not call it.",
    )
    NOTHING_TO_REDIAL = (
        "You have not called a number yet.",
        "Star zero was pressed before any call of this stay on the line.",
    )
    CONNECTING = ("One moment, please.", "Before the destination is dialled.")
    BUSY = ("The number you called is busy.", "After dialling.")
    NO_ANSWER = ("There is no answer.", "After dialling.")
    UNAVAILABLE = ("The number you called cannot be reached.", "After dialling.")
    CONGESTED = (
        "All lines to this number are in use. Please try again in a moment.",
        "After dialling: every route was congested.",
    )
    NO_CREDIT = ("You have no credit left.", "The balance does not pay for any call.")
    NOT_ENOUGH_FOR_DESTINATION = (
        "You do not have enough credit to call this number.",
        "The balance pays for calls, but not for this one.",
    )
    CARD_IN_USE = (
        "Your card is already in use on another call.",
        "As many calls as the card allows are running.",
    )
    TWO_MINUTES_LEFT = (
        "You have two minutes left.",
        "During the call, towards its end.",
    )
    LESS_THAN_TWO_MINUTES = (
        "You have less than two minutes left.",
        "During the call, at its start, when it began with less than two minutes.",
    )
    CALLER_ID_STORED = (
        "Your phone number is saved. From this phone, you no longer need your PIN.",
        "Star thirty-two, the number was not stored before.",
    )
    CALLER_ID_REMOVED = (
        "Your phone number has been removed. Please use your PIN next time.",
        "Star thirty-two, the number was stored before.",
    )
    CALLER_ID_HIDDEN = (
        "Your phone number is hidden, so it cannot be saved.",
        "Star thirty-two from a phone that hides its number.",
    )
    CALLER_ID_DENIED = (
        "Sorry, this phone number cannot be saved.",
        "Star thirty-two with a number that the card may not take.",
    )
    PINLESS_NOT_ALLOWED = (
        "Sorry, your card can only be used with its PIN.",
        "Star thirty-two with a card whose group has no login by phone number.",
    )
    OPERATOR_UNAVAILABLE = (
        "Sorry, no operator is available right now.",
        "Zero and pound was pressed and nobody answers, or there is no operator.",
    )
    TRY_AGAIN_LATER = (
        "Please try again later.",
        "After too many refused logins, or when the service is closed for a while.",
    )
    SYSTEM_ERROR = (
        "We are sorry, something went wrong on our side. Please call again in a few minutes.",
        "A fault of ours; the call ends.",
    )
    GOODBYE = ("Thank you for calling. Goodbye.", "Last of all.")

    def __init__(self, text: str, heard: str) -> None:
        self.text = text
        self.heard = heard

    @property
    def sound(self) -> str:
        """The name of its one sound, the same in all languages: what LIMIT_WARNING_FILE takes."""
        return _sound(self)


class Tone(Enum):
    """A sound without words."""

    BEEP = "beep"
    SILENCE = "silence"
    """Half a second."""

    @property
    def sound(self) -> str:
        return _sound(self)


class Frame(Enum):
    """A sentence, or a part of one, with values in it. Their order is the translation's."""

    BALANCE = ("You have {amount}.", "The balance, before the destination is asked.")
    TIME_LEFT = ("You can talk for {time}.", "Before dialling: the longest this call can last.")
    WHOLE_AND_PART = ("{whole} and {part}", "An amount: 4 dollars and 25 cents.")
    DECIMAL = (
        "{whole} point {digits} units",
        "An amount in a currency without words of its own: 4 point 2 5 units.",
    )

    def __init__(self, text: str, heard: str) -> None:
        self.text = text
        self.heard = heard


class Counted(Enum):
    """What is counted aloud, with the words for one and for several."""

    MINUTE = ("{number} minute", "{number} minutes")
    SECOND = ("{number} second", "{number} seconds")
    UNIT = ("{number} unit", "{number} units")
    DOLLAR = ("{number} dollar", "{number} dollars")
    CENT = ("{number} cent", "{number} cents")
    EURO = ("{number} euro", "{number} euros")
    EURO_CENT = ("{number} cent", "{number} cents", "euro")
    POUND = ("{number} pound", "{number} pounds")
    PENNY = ("{number} penny", "{number} pence")
    PESO = ("{number} peso", "{number} pesos")
    CENTAVO = ("{number} centavo", "{number} centavos")
    REAL = ("{number} real", "{number} reais")
    FRANC = ("{number} franc", "{number} francs")
    CENTIME = ("{number} centime", "{number} centimes")
    ZLOTY = ("{number} zloty", "{number} zlotys")
    GROSZ = ("{number} grosz", "{number} groszy")
    YUAN = ("{number} yuan", "{number} yuan")
    FEN = ("{number} fen", "{number} fen")
    YEN = ("{number} yen", "{number} yen")
    WON = ("{number} won", "{number} won")
    DONG = ("{number} dong", "{number} dong")
    RUPEE = ("{number} rupee", "{number} rupees")
    PAISA = ("{number} paisa", "{number} paise")
    RAND = ("{number} rand", "{number} rand")

    def __init__(self, one: str, several: str, _apart: str = "") -> None:
        self.one = one
        self.several = several


CURRENCIES: dict[str, tuple[Counted, Counted | None]] = {
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD", "SGD", "HKD"), (Counted.DOLLAR, Counted.CENT)),
    **dict.fromkeys(("MXN", "COP", "DOP", "PHP", "ARS"), (Counted.PESO, Counted.CENTAVO)),
    **dict.fromkeys(("XOF", "XAF"), (Counted.FRANC, None)),
    "EUR": (Counted.EURO, Counted.EURO_CENT),
    "GBP": (Counted.POUND, Counted.PENNY),
    "BRL": (Counted.REAL, Counted.CENTAVO),
    "CHF": (Counted.FRANC, Counted.CENTIME),
    "PLN": (Counted.ZLOTY, Counted.GROSZ),
    "CNY": (Counted.YUAN, Counted.FEN),
    "INR": (Counted.RUPEE, Counted.PAISA),
    "ZAR": (Counted.RAND, Counted.CENT),
    "CLP": (Counted.PESO, None),
    "JPY": (Counted.YEN, None),
    "KRW": (Counted.WON, None),
    "VND": (Counted.DONG, None),
}
"""A currency's words for the whole and the hundredth part; None where nobody says the part."""


@frozen
class Count:
    """So many of something, in whole numbers."""

    number: int
    of: Counted


@frozen
class Amount:
    """An amount as it is said: the whole, and the part or the two decimals that follow it."""

    whole: Count
    part: Count | None = None
    decimals: str = ""


def amount_of(money: Money) -> Amount:
    """How an amount is said. What is too small to be said is left out, never rounded up:
    a caller is not told of more than there is. Less than nothing is said as nothing.

    Talk minutes are said as minutes, or as seconds below one minute. A currency without words
    of its own is said in units, with its hundredths as two decimals.
    """
    micros = max(money.micros, 0)
    units, hundredths = micros // MICROS, micros * 100 // MICROS % 100
    if money.unit == MINUTES:
        return (
            Amount(time_of(micros * 60 // MICROS)) if micros else Amount(Count(0, Counted.MINUTE))
        )
    words = CURRENCIES.get(money.unit)
    if words is None:
        return Amount(
            Count(units, Counted.UNIT), decimals=f"{hundredths:02d}" if hundredths else ""
        )
    whole, part = words
    if part is None or not hundredths:
        return Amount(Count(units, whole))
    if not units:
        return Amount(Count(hundredths, part))
    return Amount(Count(units, whole), Count(hundredths, part))


def time_of(seconds: int) -> Count:
    """How a time is said: whole minutes, begun minutes left out; seconds below one minute."""
    if seconds < 60:
        return Count(max(seconds, 0), Counted.SECOND)
    return Count(seconds // 60, Counted.MINUTE)


@frozen
class Balance:
    """The balance, such as "You have 4 dollars and 25 cents."."""

    money: Money


@frozen
class TimeLeft:
    """The longest the next call can last, in seconds, such as "You can talk for 12 minutes."."""

    seconds: int


def _only_digits(_: object, attribute: object, value: str) -> None:
    if not re.fullmatch(rf"[0-9]{{1,{MOST_DIGITS}}}", value):
        raise ValueError(f"what is read out is 1 to {MOST_DIGITS} digits, not {value!r}")


@frozen
class Digits:
    """A number read out digit by digit, such as a telephone number. Raises ValueError for
    anything but 1 to 32 digits."""

    digits: str = field(validator=_only_digits)


Sentence = Prompt | Tone | Balance | TimeLeft | Digits


class Voice(Protocol):
    """Turns sentences into the names of sounds, and the names back into words."""

    def languages(self) -> tuple[str, ...]:
        """The languages there are, the default first."""
        ...

    def language_for(self, wanted: str | None) -> str:
        """The language that is spoken when this one is wanted: itself (``es``), the one it is a
        variety of (``es-MX`` gives ``es``), else the default. The channel is set to this one."""
        ...

    def say(self, *sentences: Sentence, language: str) -> tuple[str, ...]:
        """The sounds to play one after another, each once as ``talktime/<name>``. A language
        that is not there is spoken as ``language_for`` tells."""
        ...

    def text_of(self, sound: str, language: str) -> str:
        """The words of one sound. A sound that is not ours, such as an operator's own
        announcement, reads as its name in brackets."""
        ...
