"""Every refusal has its problem document."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from adapters.http.refusals import KINDS, problem_of
from application import ports
from application.ports import ClaimTaken, ConcurrencyConflict, LedgerUnavailable
from domain import errors
from domain.errors import Refused
from tests.adapters.http.world import World, usd

EXAMPLES: list[tuple[Exception, int, dict[str, object]]] = [
    (errors.NotFound("card", "42"), 404, {"kind": "card", "key": "42"}),
    (errors.AlreadyExists("card-number", "42"), 409, {"kind": "card-number", "key": "42"}),
    (
        errors.SettingNotAllowed("unit", "EUR", "USD"),
        422,
        {"name": "unit", "value": "EUR", "accepted": "USD"},
    ),
    (
        errors.InsufficientFunds(usd("1.20"), usd("0.000001")),
        409,
        {
            "needed": {"amount": "1.20", "unit": "USD"},
            "available": {"amount": "0.000001", "unit": "USD"},
        },
    ),
    (errors.ChargeExceedsHold(usd("2.00"), usd("1.00")), 409, {}),
    (errors.TooManyCalls(1), 409, {"limit": 1}),
    (errors.TooManyAttempts(100), 409, {"limit": 100}),
    (errors.LoginFailed("wrong PIN"), 403, {}),
    (errors.CardNotUsable("expired"), 409, {"reason": "expired"}),
    (
        errors.StatusChangeNotAllowed("used", "active", ("void",)),
        409,
        {"now": "used", "wanted": "active", "allowed": ["void"]},
    ),
    (errors.CallerIdNotUsable(), 422, {}),
    (errors.PinlessNotAllowed(), 409, {}),
    (errors.NumberNotDialable("12"), 422, {"dialled": "12"}),
    (errors.DestinationNotSold("+4420"), 422, {"number": "+4420"}),
    (errors.CallEndedAlready("pbx1-1.1"), 409, {"reference": "pbx1-1.1"}),
    (errors.PinsUsedUp(4, 9, 7), 409, {"length": 4, "wanted": 9, "left": 7}),
    (errors.ApprovalNeeded("export", "7"), 409, {"action": "export", "approval_id": "7"}),
    (errors.ApprovalNotUsable("expired"), 409, {"reason": "expired"}),
    (errors.AlreadyDone("the export", "ann"), 409, {"what": "the export", "by": "ann"}),
    (
        errors.RangeTaken("41", "42", "Kiosk"),
        409,
        {"first": "41", "last": "42", "holder": "Kiosk"},
    ),
    (ClaimTaken("card-number", "42"), 409, {"kind": "card-number", "key": "42"}),
    (ConcurrencyConflict("busy"), 503, {}),
    (LedgerUnavailable("away"), 503, {}),
]


def _kinds(parent: type[Exception]) -> Iterator[type[Exception]]:
    for kind in (each for each in parent.__subclasses__() if each.__module__ == "domain.errors"):
        yield kind
        yield from _kinds(kind)


def test_every_refusal_and_every_trouble_of_the_ledger_has_a_problem() -> None:
    troubles = [
        each
        for each in vars(ports).values()
        if isinstance(each, type) and issubclass(each, Exception)
    ]
    expected = {*_kinds(Refused), *troubles}

    assert {type(example) for example, _, _ in EXAMPLES} == expected


@pytest.mark.parametrize(("error", "status", "fields"), EXAMPLES, ids=lambda each: str(each)[:30])
def test_a_refusal_tells_its_facts(
    error: Exception, status: int, fields: dict[str, object]
) -> None:
    problem = problem_of(error)

    assert problem is not None
    document = msgspec.json.decode(msgspec.json.encode(problem.document()))
    assert document["status"] == problem.kind.status == status
    assert document["type"] == f"/problems/{problem.kind.slug}"
    assert document["title"]
    assert document["detail"]
    assert {name: document[name] for name in fields} == fields


def test_every_kind_of_problem_has_a_type_of_its_own(world: World) -> None:
    slugs = [problem_of(error).kind.slug for error, _, _ in EXAMPLES]  # type: ignore[union-attr]
    assert len(set(slugs)) == len(slugs)
    for slug, kind in KINDS.items():
        explained = world.get(f"/problems/{slug}", key=None)
        assert explained.json() == {"type": kind.type, "title": kind.title, "status": kind.status}
    assert world.get("/problems/nothing-like-it", key=None).status_code == 404


def test_why_a_login_failed_is_never_told() -> None:
    problem = problem_of(errors.LoginFailed("wrong PIN"))
    assert problem is not None
    assert "PIN" not in str(problem.document())


def test_the_digest_of_a_pin_is_never_told() -> None:
    for error in (ClaimTaken("pin", "cafe" * 16), errors.AlreadyExists("pin", "cafe" * 16)):
        problem = problem_of(error)
        assert problem is not None
        assert "cafe" not in str(problem.document())


def test_what_is_no_refusal_is_a_fault() -> None:
    assert problem_of(ValueError("a programming error")) is None
