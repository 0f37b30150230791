"""Callers of a service: what they do, what they hear, and what the ledger makes of it."""

from __future__ import annotations

import attrs

from application.speech import Sentence
from domain.call_sessions import AttemptSettled, CallStarted
from tests.end_to_end.rig.asterisk import RigError, until
from tests.end_to_end.rig.scenario import Step
from tests.end_to_end.rig.sipp import Caller, Outcome
from tests.end_to_end.system import ACCESS, Service


@attrs.frozen
class Stay:
    """One stay on the line, after it has ended."""

    service: Service = attrs.field(repr=False)
    outcome: Outcome = attrs.field(repr=False)
    reference: str

    @property
    def played(self) -> list[str]:
        """The sounds that the caller was played, in their order."""
        return self.service.played()[self.reference]

    def heard(self, *sentences: Sentence | str) -> None:
        """Fails unless the caller was told these in this order; others may stand in between.

        A text is the name of a sound.
        """
        played, at = self.played, 0
        voice = self.service.office.voice
        for each in sentences:
            sounds = [each] if isinstance(each, str) else list(voice.say(each, language="en"))
            places = range(at, len(played) - len(sounds) + 1)
            found = next((n for n in places if played[n : n + len(sounds)] == sounds), None)
            told = " ".join(voice.text_of(sound, "en") for sound in played)
            assert found is not None, f"not told {each}; told: {told}"
            at = found + len(sounds)

    def times_heard(self, sentence: Sentence) -> int:
        """How often a sentence of one sound was begun."""
        (sound,) = self.service.office.voice.say(sentence, language="en")
        return self.played.count(sound)

    @property
    def facts(self) -> list[object]:
        """What the ledger recorded of this call."""
        return self.service.facts(self.reference)

    def settled(self) -> list[AttemptSettled]:
        """The settlements of this call, as soon as every attempt has one."""
        wanted = len(self.service.attempts(self.reference))

        def found() -> list[AttemptSettled]:
            return [fact for fact in self.facts if isinstance(fact, AttemptSettled)]

        until(f"the attempts of {self.reference} settle", lambda: len(found()) == wanted)
        return found()


class OnLine:
    """Somebody who calls, from now on."""

    def __init__(
        self,
        service: Service,
        *steps: Step,
        access: str = ACCESS,
        caller: str = "",
        headers: tuple[str, ...] = (),
    ) -> None:
        self._service = service
        self._known = set(service.references())
        self.caller_id = caller or service.caller_id()
        self._sipp = Caller(service.rig, access, *steps, caller=self.caller_id, headers=headers)
        service.callers.append(self._sipp.start())

    def finish(self) -> Stay:
        """Wait for the end of the call. Fails when it did not go as its steps say."""
        outcome = self.leave()
        return Stay(self._service, outcome, self._reference())

    def leave(self) -> Outcome:
        """The same, when nobody asks which call it was."""
        outcome = self._sipp.finish()
        assert outcome.ok, (outcome.complaints[-2000:], outcome.happenings)
        return outcome

    def cut_off(self) -> None:
        """The caller's side ends without a word: its Asterisk is no more."""
        self._sipp.stop()

    def _reference(self) -> str:
        """The call is known by its caller, or as the only one that tells of no caller ID."""
        fresh = [each for each in self._service.references() if each not in self._known]
        nameless = []
        for reference in fresh:
            facts = self._service.facts(reference)
            told = facts[0].caller_id if facts and isinstance(facts[0], CallStarted) else None
            if told == f"+{self.caller_id}":
                return reference
            if told is None:
                nameless.append(reference)
        if len(nameless) != 1:
            raise RigError(f"{len(nameless)} calls may be that of {self.caller_id}")
        return nameless[0]


def call(
    service: Service,
    *steps: Step,
    access: str = ACCESS,
    caller: str = "",
    headers: tuple[str, ...] = (),
) -> Stay:
    """One call from its beginning to its end."""
    return OnLine(service, *steps, access=access, caller=caller, headers=headers).finish()
