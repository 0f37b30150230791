"""The caller's telephone: answer, play, ask, dial. Asterisk's quirks end here.

Facts of Asterisk 22 that this module is built on:

- `GET DATA` plays one sound only (ast_app_getdata_full in main/app.c); a list joined by `&` is
  taken for the name of one file and fails. `EXEC Background` plays a list and returns the key that
  interrupted it, so a question of several sounds is Background for all but the last, then GET DATA.
- `Playback` and `Background` report a missing sound in a variable only, GET DATA by `result=-1`,
  which is also what a hang-up gives; CHANNEL STATUS tells the two apart.
- `HANGUPCAUSE` is not reset by a leg that nobody answered.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

from asterisk.agi import AGIHangup
from attrs import field, frozen

from adapters.agi.causes import DialStatus, dial_status
from adapters.agi.dial import REFERENCE, Leg, Outcome, checked_sound
from adapters.agi.session import Answer, Gone, ProtocolError, Session
from application.legs import LegRecord, parse_leg

__all__ = ["CallerGone", "Keys", "Leg", "Outcome", "Telephone"]

MOST_KEYS = 80
"""Keys that one question may ask for: more than any card number, PIN or telephone number has."""

_MOST_LIST = 1800
"""Characters in one list of sounds; a longer one is played in parts (see MOST_COMMAND)."""
_PLAY_SECONDS = 900.0
_TALK_MARGIN_SECONDS = 90.0
"""Dial returns later than the call ends: it plays a warning that has begun to its end."""

_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,8})?")
_HANGUP_KEYS = re.compile(r"[0-9*#]{1,8}")
_KEYS = re.compile(r"[0-9A-D*#]*")
_NO_EXTENSIONS = ("", "unknown", "s", "i", "t", "h")


class CallerGone(Exception):
    """The caller has hung up, or the connection to Asterisk is lost: the conversation is over."""


@frozen
class Keys:
    """What the caller keyed; never shown in a log or a traceback.

    `finished` is True when the caller ended with '#' or keyed as many as there may be, False when
    no further key came in time.
    """

    digits: str = field(repr=False)
    finished: bool

    @property
    def number(self) -> str:
        """The keys after the last '*', which starts a number over; a star code is left whole."""
        if self.digits.startswith("*"):
            return self.digits
        return self.digits.rpartition("*")[2]


class Telephone:
    """One caller on the line. Every method but `done` and `hangup` raises CallerGone.

    `wait` is what passes the time (seconds) between two looks for a leg record; at most `leg_looks`
    are made. Raises ProtocolError when the head does not say which call this is.
    """

    def __init__(
        self,
        session: Session,
        *,
        wait: Callable[[float], object] = time.sleep,
        leg_looks: int = 20,
        look_seconds: float = 0.1,
    ) -> None:
        self._session = session
        self._wait = wait
        self._leg_looks = leg_looks
        self._look_seconds = look_seconds
        self._variables: dict[str, str] = {}
        self._to_set: dict[str, str] = {}
        env = session.env
        self.reference = env.get("agi_arg_1", "")
        if not re.fullmatch(REFERENCE, self.reference):
            raise ProtocolError(
                "the first argument of the AGI script is the call's reference, "
                "<node>-<unique id>, letters, digits and ._- only"
            )
        self.node = self.reference.rpartition("-")[0]
        self.channel = env.get("agi_channel", "")
        self.language = env.get("agi_language", "") or "en"
        self.access_number = _access_number(env)
        self.raw_caller_id = env.get("agi_callerid", "")
        # Presentation (ITU-T Q.931, octet 3a): 00 allowed, 01 restricted, 10 not available.
        restricted = _whole(env.get("agi_callingpres", "0")) & 0x60 != 0
        usable = _NUMBER.fullmatch(self.raw_caller_id) is not None
        self.caller_id: str | None = self.raw_caller_id if usable and not restricted else None
        self.caller_id_hidden = self.caller_id is None

    # ---- the caller's line

    def answer(self) -> None:
        """Take the call; from here on the caller pays for the way to the access number."""
        if self._ask("ANSWER", within=30.0).value == "-1":
            raise CallerGone("the caller left before the answer")

    def set_language(self, language: str) -> None:
        """Play sounds in this language from now on. Raises ValueError for what is no language."""
        if not _LANGUAGE.fullmatch(language):
            raise ValueError(f"a language is a code such as en or pt_BR, not {language!r}")
        if language != self.language:
            self._ask("SET VARIABLE", "CHANNEL(language)", language)
            self.language = language

    def play(self, sounds: Sequence[str]) -> None:
        """Play the sounds to their end; keys are not heard. One exchange, unless very long."""
        for part in _lists(sounds):
            if self._ask("EXEC Playback", part, within=_PLAY_SECONDS).value == "-1":
                self._still_there(part)

    def ask(
        self, sounds: Sequence[str], *, most: int = 40, first_ms: int = 8000, between_ms: int = 5000
    ) -> Keys:
        """Play the sounds until a key comes, and collect keys up to '#', `most` or silence.

        One sound takes one exchange, several take two. `first_ms` is the silence after the sounds;
        Asterisk has one timer for a question, so `between_ms` holds only when a key interrupted
        the sounds. Raises ValueError for a limit that is none.
        """
        if not 1 <= most <= MOST_KEYS:
            raise ValueError(f"a question asks for 1 to {MOST_KEYS} keys, not {most}")
        if not (100 <= first_ms <= 600_000 and 100 <= between_ms <= 600_000):
            raise ValueError("a caller has between 100 and 600,000 milliseconds for a key")
        last = checked_sound(sounds[-1]) if sounds else ""
        for part in _lists(sounds[:-1]):
            key = self._ask("EXEC Background", part, within=_PLAY_SECONDS).value
            if key == "-1":
                self._still_there(part)
            elif key != "0":
                return self._more_keys(_key(key), most, between_ms)
        return self._collect(last, most, first_ms)

    def done(self) -> None:
        """Tell the dial plan that the conversation came to its end; without this it apologises."""
        self._quietly("SET VARIABLE", "TALKTIME_DONE", "1")

    def hangup(self) -> None:
        """End the call; nothing happens when the caller was faster."""
        self._quietly("HANGUP")

    # ---- legs

    def prepare_dial_keys(self, hangup_keys: str) -> None:
        """The keys that end a leg, such as '*' or '##'; sent together with the next leg.

        Raises ValueError for anything but one to eight of the keys 0-9, '*' and '#'.
        """
        if not _HANGUP_KEYS.fullmatch(hangup_keys):
            raise ValueError(f"hang-up keys are 1 to 8 of 0-9, * and #, not {hangup_keys!r}")
        self._to_set["FEATUREMAP(disconnect)"] = hangup_keys

    def dial(self, leg: Leg) -> Outcome:
        """Dial one leg and stay until it has ended: at most the ring time and the limit.

        CallerGone means that nothing was dialled. A caller who leaves later is `caller_gone` in the
        outcome, because the leg has to be settled all the same.
        """
        self._set_variables(leg.variables)
        within = leg.ring_seconds + leg.limit_ms / 1000 + _TALK_MARGIN_SECONDS
        try:
            answer = self._session.exchange("EXEC Dial", leg.command, within=within)
        except Gone:
            return Outcome(DialStatus.UNKNOWN, None, None, caller_gone=True)
        except AGIHangup as error:
            raise CallerGone(str(error)) from error
        gone = answer.value == "-1"
        try:
            status, cause, record = self._look(leg)
            if status is DialStatus.ANSWER and not gone:
                # Dial returns up to a second before the dialled channel's hangup handler has run.
                for _ in range(self._leg_looks):
                    if record is not None:
                        break
                    self._wait(self._look_seconds)
                    _, _, record = self._look(leg)
        except CallerGone:
            return Outcome(DialStatus.UNKNOWN, None, None, caller_gone=True)
        if status is DialStatus.ANSWER and record is None:
            self._session.log.warning("leg_record_missing", attempt=leg.attempt, leg=leg.leg)
        return Outcome(status, cause, record, caller_gone=gone)

    def _look(self, leg: Leg) -> tuple[DialStatus, int | None, LegRecord | None]:
        answer = self._ask(
            "GET FULL VARIABLE", "${DIALSTATUS}|${HANGUPCAUSE}|${SHARED(TALKTIME_LEG)}"
        )
        name, _, rest = answer.data.partition("|")
        cause, _, line = rest.partition("|")
        status = dial_status(name)
        known = None if status.keeps_old_cause or not cause else _whole(cause) or None
        return status, known, self._record(line, leg)

    def _record(self, line: str, leg: Leg) -> LegRecord | None:
        if not line:
            return None
        try:
            record = parse_leg(line)
        except ValueError:
            self._session.log.error("leg_record_malformed", attempt=leg.attempt, leg=leg.leg)
            return None
        return record if record.is_of(leg.reference, leg.attempt, leg.leg) else None

    def _set_variables(self, variables: dict[str, str]) -> None:
        """Set what differs from what the channel has, all in one exchange."""
        wanted = variables | self._to_set
        changed = {k: v for k, v in wanted.items() if self._variables.get(k, "") != v}
        if changed:
            # Every value has passed an allow-list without comma, quote, bracket and backslash.
            self._ask("EXEC MSet", ",".join(f"{name}={value}" for name, value in changed.items()))
            self._variables |= changed
        self._to_set = {}

    # ---- keys

    def _collect(self, sound: str, most: int, silence_ms: int) -> Keys:
        within = _PLAY_SECONDS + (most + 1) * silence_ms / 1000
        answer = self._ask("GET DATA", sound, silence_ms, most, within=within)
        if answer.value == "-1":
            self._still_there(sound)
            if not sound:
                raise CallerGone("the line takes no keys")
            return self._collect("", most, silence_ms)
        if not _KEYS.fullmatch(answer.value):
            raise ProtocolError("GET DATA answers with keys")
        return Keys(answer.value, answer.data != "timeout")

    def _more_keys(self, first: str, most: int, between_ms: int) -> Keys:
        if first == "#":
            return Keys("", True)
        if most == 1:
            return Keys(first, True)
        rest = self._collect("", most - 1, between_ms)
        return Keys(first + rest.digits, rest.finished)

    # ---- exchanges

    def _ask(self, verb: str, *arguments: str | int, within: float | None = None) -> Answer:
        try:
            return self._session.exchange(verb, *arguments, within=within)
        except AGIHangup as error:
            raise CallerGone(str(error)) from error

    def _quietly(self, verb: str, *arguments: str) -> None:
        try:
            self._session.exchange(verb, *arguments)
        except AGIHangup:
            return

    def _still_there(self, sounds: str) -> None:
        """After result=-1: returns when only a sound is missing, raises when the caller is gone."""
        self._ask("CHANNEL STATUS")
        self._session.log.warning("sound_missing", sounds=sounds, language=self.language)


def _access_number(env: dict[str, str]) -> str:
    """The number that was dialled: of a tel URI's parameters, such as ;npdi, nothing is kept."""
    for key in ("agi_extension", "agi_dnid"):
        number = env.get(key, "").partition(";")[0]
        if number not in _NO_EXTENSIONS:
            return number
    return ""


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _key(code: str) -> str:
    key = chr(_whole(code))
    if not _KEYS.fullmatch(key):
        raise ProtocolError("a key is 0-9, A-D, * or #")
    return key


def _lists(sounds: Sequence[str]) -> Iterator[str]:
    """The sounds joined by '&', in as many parts as Asterisk's line length asks for."""
    part: list[str] = []
    length = 0
    for name in map(checked_sound, sounds):
        if part and length + len(name) > _MOST_LIST:
            yield "&".join(part)
            part, length = [], 0
        part.append(name)
        length += len(name) + 1
    if part:
        yield "&".join(part)
