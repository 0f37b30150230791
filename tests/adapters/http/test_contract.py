"""The door does what its OpenAPI document says, whatever is sent to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.http.auth import COOKIE
from domain.people import Role
from tests.adapters.http.world import ADMIN, NODE, World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 3
"""For each operation; the same ones in every run."""

WORLD = World()
WORLD.person("ann", Role.OWNER)
CARD = WORLD.card(number="4711000042")
IDS = {
    "cards": CARD["card_id"],
    "accounts": CARD["account_id"],
    "groups": WORLD.get("/v1/groups").json()["items"][0]["group_id"],
    "access-numbers": WORLD.get("/v1/access-numbers").json()["items"][0]["access_number_id"],
}

SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", WORLD.app)
# Methods that a path does not have are tried in test_door.
SCHEMA.config.phases.coverage.unexpected_methods = set()


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    """Thousands of log lines take longer than the requests they tell of."""
    with structlog.testing.capture_logs():
        yield


@pytest.mark.processes
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_one_that_the_document_names(case: Any) -> None:
    topic = case.operation.path.split("/")[2]
    if topic in IDS and "id" in case.path_parameters and len(str(case.path_parameters["id"])) == 36:
        # Ids made up lead nowhere; the ones that exist lead further.
        case.path_parameters["id"] = IDS[topic]
    case.call_and_validate(checks=CHECKS, headers=_credentials(case.operation))


def _credentials(operation: Any) -> dict[str, str]:
    scopes = operation.definition.raw.get("x-scopes")
    if scopes is None:
        return {}
    if scopes:
        return {"Authorization": f"Bearer {ADMIN if 'admin' in scopes else NODE}"}
    # Wrong passwords have been tried as well; an hour later the throttle has forgotten them.
    WORLD.clock.pass_by(hours=1)
    browser = WORLD.signs_in("ann")
    return {"Cookie": f"{COOKIE}={browser.token}", "X-CSRF-Token": browser.csrf_token}
