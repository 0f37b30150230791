"""API keys: who is let in, and to what."""

from __future__ import annotations

import pytest

from adapters.http.keys import ApiKey, ApiKeys, Scope, digest_of
from tests.adapters.http.world import ADMIN, NODE, PBX1, READER, World

CHANGES = [
    ("POST", "/v1/cards"),
    ("POST", "/v1/cards/00000000-0000-8000-8000-000000000000/status"),
    ("POST", "/v1/cards/00000000-0000-8000-8000-000000000000/top-ups"),
]
LOOKS = [
    ("GET", "/v1/accounts"),
    ("GET", "/v1/cards"),
    ("GET", "/v1/calls"),
    ("GET", "/v1/cards/00000000-0000-8000-8000-000000000000"),
]
MACHINES = [("POST", "/v1/legs"), ("GET", "/v1/nodes/pbx1/open-attempts")]


@pytest.mark.parametrize(("method", "path"), [*CHANGES, *LOOKS, *MACHINES])
def test_nothing_is_open_without_a_key(world: World, method: str, path: str) -> None:
    answer = world.ask(method, path, key=None)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="talktime"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-authenticated"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer " + ADMIN[:-1],
        "Bearer " + ADMIN + "x",
        "Bearer " + ADMIN.upper(),
        "Bearer",
        "Bearer ",
        "Basic " + ADMIN,
        ADMIN,
        "Bearer " + "x" * 5_000,
        "Bearer \xe9" + ADMIN,
    ],
)
def test_a_wrong_key_opens_nothing(world: World, authorization: str) -> None:
    headers = {"Authorization": authorization.encode("latin-1")}
    answer = world.ask("GET", "/v1/cards", key=None, headers=headers)  # type: ignore[arg-type]

    assert answer.status_code == 401
    assert ADMIN[:20] not in answer.text


@pytest.mark.parametrize(
    ("key", "closed"),
    [(READER, [*CHANGES, *MACHINES]), (NODE, [*CHANGES, *LOOKS]), (ADMIN, MACHINES)],
)
def test_a_key_opens_its_scope_and_no_other(
    world: World, key: str, closed: list[tuple[str, str]]
) -> None:
    for method, path in closed:
        answer = world.ask(method, path, key=key)
        assert answer.status_code == 403, (method, path)
        assert answer.json()["type"] == "/problems/not-allowed"


def test_an_admin_may_also_look(world: World) -> None:
    for _, path in LOOKS[:3]:
        assert world.get(path, key=ADMIN).status_code == 200
        assert world.get(path, key=READER).status_code == 200


def test_a_key_of_one_node_sees_no_other_node(world: World) -> None:
    assert world.get("/v1/nodes/pbx1/open-attempts", key=PBX1).status_code == 200
    assert world.get("/v1/nodes/pbx2/open-attempts", key=PBX1).status_code == 403
    assert world.get("/v1/nodes/pbx2/open-attempts", key=NODE).status_code == 200


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "x" * 257, "x" * 40 + " ", "ключ" * 10])
def test_a_key_that_could_be_guessed_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="32 to 256 visible ASCII") as refused:
        digest_of(secret)
    assert not secret or secret not in str(refused.value)


def test_two_keys_share_neither_name_nor_secret() -> None:
    first, second = digest_of(ADMIN), digest_of(READER)
    with pytest.raises(ValueError, match="same name"):
        ApiKeys([ApiKey("a", first, {Scope.READ}), ApiKey("a", second, {Scope.READ})])
    with pytest.raises(ValueError, match="same digest"):
        ApiKeys([ApiKey("a", first, {Scope.READ}), ApiKey("b", first, {Scope.ADMIN})])


def test_a_clear_key_in_place_of_its_digest_is_refused() -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        ApiKey("a", ADMIN, {Scope.READ})


def test_a_key_never_shows_its_digest() -> None:
    digest = digest_of(ADMIN)
    assert digest not in repr(ApiKey("a", digest, {Scope.READ}))
