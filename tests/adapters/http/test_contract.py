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
from adapters.http.files import CSV, XLSX
from application import kinds
from domain.people import Role
from tests.adapters.http.rates import published, sends
from tests.adapters.http.test_card_changes import change, numbers
from tests.adapters.http.test_carriers import add_provider, add_trunk
from tests.adapters.http.test_explanations import called
from tests.adapters.http.test_lots import made
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
    "calls": called(WORLD, CARD).rpartition("/")[2],
    "groups": WORLD.get("/v1/groups").json()["items"][0]["group_id"],
    "access-numbers": WORLD.get("/v1/access-numbers").json()["items"][0]["access_number_id"],
    "lots": made(WORLD).rpartition("/")[2],
    "distributors": WORLD.post("/v1/distributors", {"name": "East"}).json()["distributor_id"],
    "card-changes": change(WORLD, numbers(0, 3), "active").json()["change_id"],
    "tariffs": str(kinds.tariff_id("retail")),
    "rate-sheets": published(WORLD),
    "rate-work": sends(WORLD).json()["work_id"],
    "providers": add_provider(WORLD, "acme", {"48": "0.01"})["provider_id"],
    "trunks": add_trunk(WORLD, "acme1", "acme")["trunk_id"],
    "fee-runs": WORLD.post("/v1/fee-runs", None).json()["run_id"],
}

for media_type in (CSV, XLSX):

    @schemathesis.serializer(media_type)
    def _file(ctx: Any, value: Any) -> bytes:
        """A file is what is generated, as text: no file that the door would like."""
        return value.encode() if isinstance(value, str) else str(value).encode()


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
