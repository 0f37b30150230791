"""Golden lines: what a stored fact looked like once, and what it must mean for ever.

Each line is ``{"name", "version", "stored", "means"}``: the stored form of a sample fact, and the
``repr`` of the fact it has to become. A line is never edited and never removed, because facts of
that shape are in somebody's ledger.

To add a fact, or a new version of one: put it into the table of facts (and its upcast into the
table of upcasts), then append what is missing and read the new lines before committing them::

    python -c "from adapters.persistence.facts import FACTS, UPCASTS; \\
    from adapters.persistence.codec import FactMapper; \\
    from tests.adapters.persistence.golden import append_missing; \\
    append_missing('tests/adapters/persistence/golden.jsonl', FactMapper(FACTS, UPCASTS))"

A field whose validator refuses the made-up sample is given one in ``samples``, by name of fact.
"""

from __future__ import annotations

import json
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import attrs

from adapters.persistence.codec import FactMapper, RecordedFact

_ID = UUID("019aa8e5-2f00-8000-8000-000000000001")
_AT = datetime(2026, 11, 21, 12, 30, 15, 250_000, tzinfo=UTC)

_SAMPLES: dict[type, Any] = {
    UUID: _ID,
    datetime: _AT,
    date: _AT.date(),
    time: time(18, 30),
    timedelta: timedelta(seconds=90),
    str: "USD",
    int: 42,
    bool: True,
    float: 1.5,
    bytes: b"\x00\xff",
}


def problems(path: str | Path, mapper: FactMapper) -> list[str]:
    """What is wrong with the golden lines: an empty list, or a sentence for each of them."""
    found: list[str] = []
    seen: set[tuple[str, int]] = set()
    for number, line in enumerate(Path(path).read_text().splitlines(), start=1):
        golden = json.loads(line)
        name, version = golden["name"], golden["version"]
        seen.add((name, version))
        if json.loads(golden["stored"])["v"] != version:
            found.append(f"line {number}: {name} is not stored as version {version}")
            continue
        try:
            _, fact = mapper.decode(name, golden["stored"].encode())
        except Exception as error:
            found.append(f"line {number}: {name} version {version} cannot be read: {error}")
            continue
        if repr(fact) != golden["means"]:
            found.append(f"line {number}: {name} version {version} now means {fact!r}")
    wanted = {(name, v) for name in mapper.names for v in range(1, mapper.version(name) + 1)}
    found += [f"{name} version {v} has no golden line" for name, v in sorted(wanted - seen)]
    return found


def append_missing(
    path: str | Path, mapper: FactMapper, samples: Mapping[str, Any] | None = None
) -> Sequence[str]:
    """Appends a line for the present version of every fact that has none, and returns them.

    Lines of older versions cannot be made up any more: they were added when they were new.
    """
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    have = {(each["name"], each["version"]) for each in map(json.loads, lines)}
    new = [
        golden_line(mapper, (samples or {}).get(name) or sample(mapper.type_of(name)))
        for name in mapper.names
        if (name, mapper.version(name)) not in have
    ]
    with file.open("a") as out:
        out.writelines(line + "\n" for line in new)
    return new


def golden_line(mapper: FactMapper, fact: object) -> str:
    """The golden line of a fact as it is stored now."""
    stored = mapper.to_stored_event(RecordedFact(_ID, 1, _AT, fact))
    return json.dumps(
        {
            "name": stored.topic,
            "version": mapper.version(stored.topic),
            "stored": stored.state.decode(),
            "means": repr(fact),
        }
    )


def sample(wanted: Any) -> Any:
    """A made-up value of a type: the same one every time, and never an empty one."""
    if wanted in _SAMPLES:
        return _SAMPLES[wanted]
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        return sample(next(each for each in arguments if each is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return (sample(arguments[0]),)
    if origin is tuple:
        return tuple(sample(each) for each in arguments)
    if origin is frozenset:
        return frozenset((sample(arguments[0]),))
    if isinstance(origin, type) and issubclass(dict, origin):
        return {sample(arguments[0]): sample(arguments[1])}
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return next(iter(wanted))
    if attrs.has(wanted):
        hints = get_type_hints(wanted)
        return wanted(
            **{each.alias: sample(hints[each.name]) for each in attrs.fields(wanted) if each.init}
        )
    raise TypeError(f"there is no sample of {wanted}: give one in samples")
