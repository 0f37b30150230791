"""What has to be complete is: every refusal has its words, every fact its stored name."""

from __future__ import annotations

import importlib
import types
from pathlib import Path
from typing import Any, get_args

import pytest

import domain
from adapters.agi.prompts import OUTCOMES, REFUSALS
from adapters.cli.sentences import SENTENCES, sentence
from adapters.http.refusals import problem_of
from adapters.persistence.facts import FACTS, UPCASTS
from application import kinds
from application.legs import LegOutcome
from application.streams import Kind
from domain import accounts, call_sessions, caller_ids, cards, errors, top_ups
from domain.audit_log import LogAudit
from domain.books import Books
from tests.adapters.persistence.golden import sample

DOMAIN = [
    importlib.import_module(f"domain.{path.stem}")
    for path in sorted(Path(domain.__file__).parent.glob("[a-z]*.py"))
]
STREAMS = [module for module in DOMAIN if hasattr(module, "evolve")]
"""The modules of the domain that tell of a stream: facts, state, decisions, ``evolve``."""


def subclasses(kind: type[Any]) -> set[type[Any]]:
    return {each for direct in kind.__subclasses__() for each in (direct, *subclasses(direct))}


def product_refusals() -> set[type[errors.Refused]]:
    """The refusals of the product; tests make some of their own."""
    return {each for each in subclasses(errors.Refused) if not each.__module__.startswith("tests")}


def facts_of(module: types.ModuleType) -> set[type]:
    """The classes of the one union of facts that a module declares."""
    unions = {
        name: value
        for name, value in vars(module).items()
        if name.endswith("Fact") and name[0].isupper() and _of(module, value)
    }
    assert len(unions) == 1, f"{module.__name__} declares {sorted(unions)}"
    (union,) = unions.values()
    return set(get_args(union)) if isinstance(union, types.UnionType) else {union}


def _of(module: types.ModuleType, union: Any) -> bool:
    classes = get_args(union) or (union,)
    return all(getattr(each, "__module__", "") == module.__name__ for each in classes)


def stored_kinds() -> list[Kind[Any, Any]]:
    return [kind for kind in vars(kinds).values() if isinstance(kind, Kind)]


# ---- refusals


def test_every_refusal_has_a_prompt_a_sentence_and_a_problem() -> None:
    wanted = product_refusals()
    assert set(REFUSALS) == wanted
    assert set(SENTENCES) == wanted
    told = [problem_of(sample(kind)) for kind in sorted(wanted, key=str)]
    assert None not in told
    assert len({problem.kind for problem in told if problem}) == len(wanted)


def test_every_sentence_can_be_filled_in_from_its_refusal() -> None:
    for kind in product_refusals():
        told = sentence(sample(kind))
        assert told.endswith(".")
        assert "{" not in told


def test_every_outcome_of_a_leg_has_its_words() -> None:
    assert set(OUTCOMES) == set(LegOutcome)


# ---- facts


def test_every_fact_is_stored_under_one_name() -> None:
    facts = {fact: module.__name__ for module in STREAMS for fact in facts_of(module)}
    assert set(FACTS.values()) - set(facts) == set()
    assert set(facts) - set(FACTS.values()) == set()
    assert len(set(FACTS.values())) == len(FACTS)


def test_every_module_of_a_stream_has_its_kind() -> None:
    evolving = {kind.evolve.__module__ for kind in stored_kinds()}
    assert evolving == {module.__name__ for module in STREAMS}


def test_every_kind_of_stream_has_a_name_of_its_own() -> None:
    named = [kind.name for kind in stored_kinds()]
    assert len(set(named)) == len(named)


def test_upcasts_are_of_facts_that_are_stored() -> None:
    assert set(UPCASTS) <= set(FACTS)


def test_every_fact_of_an_account_is_in_the_books() -> None:
    assert facts_of(accounts) <= Books().reads


@pytest.mark.parametrize("module", [accounts, call_sessions, caller_ids, cards, top_ups])
def test_every_fact_about_money_and_cards_is_audited(module: types.ModuleType) -> None:
    assert facts_of(module) <= LogAudit().reads
