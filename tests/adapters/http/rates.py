"""Rate sheets as operators send them at the door, and what they ask of them."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import httpx
from openpyxl import Workbook

from adapters.http.files import CSV, XLSX
from tests.adapters.http.world import ADMIN, World

SHEET = "prefix,destination,rate,billing\n48,Poland,0.029,60/60\n4860,Poland mobile,0.079,30/6\n"
DEARER = SHEET.replace("0.029", "0.129")


def sends(
    world: World,
    content: str | bytes = SHEET,
    *,
    tariff: str = "retail",
    unit: str = "USD",
    media_type: str = CSV,
    once: str = "",
    asker: Any = None,
    **given: str,
) -> httpx.Response:
    """Somebody sends a file; ``asker`` is a browser, else the office's key."""
    world.keys_sent += 1
    headers = {
        "Content-Type": media_type,
        "Idempotency-Key": once or f"sheet-{world.keys_sent}",
    }
    body = content.encode() if isinstance(content, str) else content
    query = urlencode({"tariff": tariff, "unit": unit, **given})
    path = f"/v1/rate-sheets?{query}"
    answer: httpx.Response = (asker or world).ask("POST", path, content=body, headers=headers)
    return answer


def draft(world: World, content: str | bytes = SHEET, **given: Any) -> str:
    """A sheet that was sent and accepted: its id."""
    answer = sends(world, content, **given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["sheet_id"])


def publishes(
    world: World, sheet_id: str, after_version: int = 0, *, key: str = ADMIN, **wanted: Any
) -> httpx.Response:
    sent = {"after_version": after_version, **wanted}
    return world.post(f"/v1/rate-sheets/{sheet_id}/publication", sent, key=key)


def published(world: World, content: str = SHEET, **given: Any) -> str:
    """A tariff with a first version: the id of its sheet."""
    sheet_id = draft(world, content, **given)
    answer = publishes(world, sheet_id)
    assert answer.status_code == 201, answer.text
    return sheet_id


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("prefix", "destination", "rate"), *rows):
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


__all__ = ["CSV", "DEARER", "SHEET", "XLSX", "draft", "published", "publishes", "sends", "workbook"]
