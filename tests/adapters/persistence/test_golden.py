"""Every fact that was ever stored can be read, and means what it meant."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from tests.adapters.persistence.golden import golden_line, problems
from tests.adapters.persistence.golden_samples import GOLDEN, SAMPLES

Line = dict[str, Any]


@pytest.fixture
def mapper() -> FactMapper:
    return FactMapper(FACTS, UPCASTS)


def lines() -> list[Line]:
    return [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def test_every_fact_has_its_golden_line_and_still_means_it(mapper: FactMapper) -> None:
    assert problems(GOLDEN, mapper) == []


def test_no_line_comes_twice() -> None:
    told = [(line["name"], line["version"]) for line in lines()]
    assert len(set(told)) == len(told)


def test_no_line_is_of_a_fact_that_is_not_known() -> None:
    assert {line["name"] for line in lines()} == set(FACTS)


def test_the_samples_are_stored_as_their_lines_say(mapper: FactMapper) -> None:
    golden = {line["name"]: line for line in lines()}
    for name, fact in SAMPLES.items():
        assert json.loads(golden_line(mapper, fact)) == golden[name]


def test_every_field_of_the_samples_differs_from_its_default() -> None:
    """A field at its default would hide that it is not stored at all."""

    def check(value: Any) -> None:
        for field in attrs.fields(type(value)):
            inside = getattr(value, field.name)
            if not isinstance(field.default, attrs.Factory) and field.name != "service":  # type: ignore[arg-type]
                assert inside != field.default, f"{type(value).__name__}.{field.name}"
            if attrs.has(type(inside)):
                check(inside)

    for fact in SAMPLES.values():
        check(fact)


def _renamed(file: Path) -> None:
    file.write_text(file.read_text().replace('"name": "funds-added"', '"name": "money-added"'))


def _shortened(file: Path) -> None:
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))


def _meaning_something_else(file: Path) -> None:
    file.write_text(file.read_text().replace("micros=42", "micros=43", 1))


@pytest.mark.parametrize("spoil", [_renamed, _shortened, _meaning_something_else])
def test_a_file_that_was_edited_is_noticed(
    spoil: Callable[[Path], None], tmp_path: Path, mapper: FactMapper
) -> None:
    copy = tmp_path / "golden.jsonl"
    copy.write_text(GOLDEN.read_text())
    assert problems(copy, mapper) == []
    spoil(copy)
    assert problems(copy, mapper) != []


def test_every_stored_name_is_lower_case_words() -> None:
    assert all(name == name.lower() and " " not in name for name in FACTS)
    assert not [name for name, kind in FACTS.items() if isinstance(kind, types.UnionType)]
