"""How facts are written down: stable names, JSON, and upcasts for shapes we no longer use.

A stored fact is ``{"v": version, "at": when it was recorded, "fact": its fields}``. Names and old
versions are for ever. To change a fact: change the class, append an upcast to its name that turns
the fields of the last version into those of the new one, and add a golden line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from attrs import frozen
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    Cipher,
    Compressor,
    JSONTranscoder,
    Mapper,
    MapperDeserialisationError,
    StoredEvent,
    Transcoder,
)

Upcast = Callable[[dict[str, Any]], dict[str, Any]]
"""The n-th upcast of a name turns the fields of version n into those of version n + 1."""

Facts = Mapping[str, type]
Upcasts = Mapping[str, Sequence[Upcast]]


@frozen
class RecordedFact:
    """A fact in its place: in which stream, after how many others, and when it was recorded."""

    originator_id: UUID
    originator_version: int
    recorded_at: datetime
    fact: Any


class _Envelope(msgspec.Struct):
    v: int
    at: datetime
    fact: msgspec.Raw


class _Written(msgspec.Struct):
    v: int
    at: datetime
    fact: Any


class FactMapper(Mapper[UUID]):
    """Translates between recorded facts and stored ones, for the facts it is given by name."""

    def __init__(
        self,
        facts: Facts,
        upcasts: Upcasts | None = None,
        *,
        transcoder: Transcoder | None = None,
        compressor: Compressor | None = None,
        cipher: Cipher | None = None,
    ) -> None:
        # The library wants a transcoder; the envelope and the facts are msgspec's, which is
        # five times as fast and knows attrs classes, UUIDs, times and enumerations by itself.
        super().__init__(transcoder or JSONTranscoder(), compressor, cipher)
        self._upcasts = {name: tuple(each) for name, each in (upcasts or {}).items()}
        if unknown := self._upcasts.keys() - facts.keys():
            raise ValueError(f"upcasts for facts that do not exist: {', '.join(sorted(unknown))}")
        self._types = dict(facts)
        self._names = {fact_type: name for name, fact_type in facts.items()}
        if len(self._names) != len(facts):
            raise ValueError("two names for one class of facts: which one would be stored?")
        self._versions = {name: len(self._upcasts.get(name, ())) + 1 for name in facts}
        self._envelopes = msgspec.json.Decoder(_Envelope)
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {
            name: msgspec.json.Decoder(each) for name, each in facts.items()
        }
        self._encoder = msgspec.json.Encoder()

    @property
    def names(self) -> Sequence[str]:
        return sorted(self._types)

    def type_of(self, name: str) -> type:
        """The class of the facts of this name."""
        return self._types[name]

    def version(self, name: str) -> int:
        """The version in which a fact of this name is written now."""
        return self._versions.get(name, 1)

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises TypeError for a fact that has no stored name."""
        assert isinstance(domain_event, RecordedFact)
        return self.stored(
            domain_event.originator_id,
            domain_event.originator_version,
            domain_event.recorded_at,
            domain_event.fact,
        )

    def stored(
        self, stream_id: UUID, version: int, recorded_at: datetime, fact: Any
    ) -> StoredEvent:
        """A fact in its place as it is stored. Raises TypeError for one without a stored name."""
        name = self._names.get(type(fact))
        if name is None:
            raise TypeError(f"{type(fact).__name__} has no stored name")
        state = self._encoder.encode(_Written(self._versions[name], recorded_at, fact))
        if self.compressor:
            state = self.compressor.compress(state)
        if self.cipher:
            state = self.cipher.encrypt(state)
        return StoredEvent(stream_id, version, name, state)

    def to_domain_event(self, stored_event: StoredEvent) -> RecordedFact:
        """Raises MapperDeserialisationError for what this program cannot read."""
        recorded_at, fact = self.read(stored_event)
        stream_id = stored_event.originator_id
        return RecordedFact(
            stream_id if isinstance(stream_id, UUID) else UUID(stream_id),
            stored_event.originator_version,
            recorded_at,
            fact,
        )

    def read(self, stored_event: StoredEvent) -> tuple[datetime, Any]:
        """When a fact was recorded, and the fact.

        Raises MapperDeserialisationError for what this program cannot read.
        """
        try:
            state = stored_event.state
            if self.cipher:
                state = self.cipher.decrypt(state)
            if self.compressor:
                state = self.compressor.decompress(state)
            return self.decode(stored_event.topic, state)
        except Exception as error:
            raise MapperDeserialisationError(
                f"fact {stored_event.originator_version} ({stored_event.topic}) of stream"
                f" {stored_event.originator_id} cannot be read: {error}"
            ) from error

    def decode(self, name: str, state: bytes) -> tuple[datetime, Any]:
        """When it was recorded, and the fact in its present shape.

        Raises ValueError for an unknown name or version, msgspec.ValidationError for wrong fields.
        """
        envelope = self._envelopes.decode(state)
        current = self._versions.get(name)
        if current is None:
            raise ValueError(f"there is no fact called {name!r}")
        if envelope.v == current:
            return envelope.at, self._decoders[name].decode(envelope.fact)
        if not 1 <= envelope.v < current:
            raise ValueError(f"{name!r} is known up to version {current}, not {envelope.v}")
        fields = msgspec.json.decode(envelope.fact)
        for upcast in self._upcasts[name][envelope.v - 1 :]:
            fields = upcast(fields)
        return envelope.at, msgspec.convert(fields, self._types[name])
