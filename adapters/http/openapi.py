"""The OpenAPI 3.1 document, made from the same types that requests and answers are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.auth import COOKIE, CSRF_HEADER, READING
from adapters.http.files import Download
from adapters.http.operations import Operation, Routes
from adapters.http.problems import ProblemKind
from application.permissions import RULES

VERSION = "1"

_PARAMETER = re.compile(r"\{(\w+)\}")
_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "format": "uuid"},
    "node": {"type": "string", "pattern": "^[a-z0-9]{1,16}$"},
    "prefix": {"type": "string", "pattern": "^([1-9][0-9]{0,14}|all)$"},
    "slug": {"type": "string", "maxLength": 80},
}
_ALWAYS = (
    problems.BAD_REQUEST,
    problems.BAD_PARAMETER,
    problems.BAD_METHOD,
    problems.FAULT,
    problems.OVERLOADED,
)
_KNOWN = (problems.NOT_AUTHENTICATED, problems.NOT_ALLOWED)
_WITH_BODY = (
    problems.MALFORMED_JSON,
    problems.BODY_TOO_SLOW,
    problems.BODY_TOO_LARGE,
    problems.BAD_CONTENT_TYPE,
    problems.BAD_FIELD,
)
_WITH_FILE = (
    problems.BODY_TOO_SLOW,
    problems.BODY_TOO_LARGE,
    problems.BAD_CONTENT_TYPE,
    problems.BAD_FIELD,
)
_REFUSED = ProblemKind(409, "refused", "The rules do not allow this now")
_INTRODUCTION = """\
Talktime's API for operators and machines. Ids are UUIDs, times RFC 3339 in UTC, money is text.

Machines send `Authorization: Bearer <key>`. People sign in at `/v1/session` and send the
`csrf_token` of the answer as `X-CSRF-Token` with every change. What is refused is answered as
`application/problem+json` (RFC 9457). Lists are read page by page along `next`, and come as CSV for
`Accept: text/csv`. A repeated `Idempotency-Key` is the same request. `If-Match` keeps a change from
being written over that of somebody else: 412 says what changed.
"""


class ProblemShown(Struct, rename={"kind": "type"}, frozen=True, kw_only=True):
    """A problem (RFC 9457); further members are the facts of its kind."""

    kind: Annotated[str, Meta(description="A path at which the kind is explained.")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    request_id: str | None = None


class Live(Struct):
    status: str


def document(routes: Routes) -> dict[str, Any]:
    """The document of all operations in a route table, and of those that are open to all."""
    types = list(dict.fromkeys(_types(routes)))
    found, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    schemas = dict(zip(types, found, strict=True))
    paths: dict[str, Any] = _open_paths(schemas)
    for path, operations in routes.items():
        paths[path] = {
            method.lower(): _operation(path, method, operation, schemas, components)
            for method, operation in operations.items()
        }
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Talktime", "version": VERSION, "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "The key of a machine."},
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "The session of a person; changes need X-CSRF-Token as well.",
                },
            },
        },
    }
    plain: dict[str, Any] = _in_ecma(whole)
    return plain


def _types(routes: Routes) -> Iterator[Any]:
    yield ProblemShown
    yield Live
    for operations in routes.values():
        for operation in operations.values():
            yield operation.query
            for each in (operation.answers, operation.body):
                if each is not None and not isinstance(each, Download):
                    yield each


def _operation(
    path: str,
    method: str,
    operation: Operation,
    schemas: dict[Any, Any],
    components: dict[str, Any],
) -> dict[str, Any]:
    reads = method in READING
    told: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _name(method, path),
        "tags": [path.split("/")[2]],
        "parameters": [
            *_path_parameters(path),
            *_query(operation, components),
            *_headers(operation, reads),
        ],
        "responses": _responses(path, reads, operation, schemas),
        "security": _security(operation),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[operation.body]}}
        told["requestBody"] = {"required": True, "content": content}
    if operation.upload is not None:
        most = operation.upload.most_bytes
        told["requestBody"] = {
            "required": True,
            "description": f"A file of {most} bytes at most; text in UTF-8.",
            "content": {each: _file(each, most) for each in operation.upload.media_types},
        }
    if operation.action is not None:
        rule = RULES[operation.action]
        told["x-action"] = operation.action
        told["x-roles"] = sorted(rule.roles)
        told["x-scopes"] = sorted(rule.scopes)
    return told


def _file(media_type: str, most: int | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "contentMediaType": media_type}
    return {"schema": schema if most is None else {**schema, "maxLength": most}}


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in _PARAMETER.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]}


def _query(operation: Operation, components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    known = components[operation.query.__name__]["properties"]
    required = components[operation.query.__name__].get("required", [])
    for name, schema in known.items():
        given = dict(schema)
        # A parameter that is left out is not there: nobody sends null.
        choices = [each for each in given.pop("anyOf", []) if each != {"type": "null"}]
        if given.get("default", 0) is None:
            del given["default"]
        if len(choices) == 1:
            given = {**choices[0], **given}
        elif choices:
            given["anyOf"] = choices
        yield {"name": name, "in": "query", "required": name in required, "schema": given}


def _headers(operation: Operation, reads: bool) -> Iterator[dict[str, Any]]:
    text = {"type": "string", "maxLength": 200, "pattern": r"^[!#-\[\]-~]{1,200}$"}
    if operation.once:
        yield {"name": "Idempotency-Key", "in": "header", "required": True, "schema": text}
    if operation.guarded:
        yield {"name": "If-Match", "in": "header", "required": False, "schema": _ETAG}
    if reads:
        yield {"name": "If-None-Match", "in": "header", "required": False, "schema": _ETAG}
    elif operation.action is not None and RULES[operation.action].roles:
        token = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
        yield {"name": CSRF_HEADER, "in": "header", "required": False, "schema": token}


_ETAG = {"type": "string", "maxLength": 200, "pattern": '^("[0-9a-f]{32}"|[*])$'}


def _responses(
    path: str, reads: bool, operation: Operation, schemas: dict[Any, Any]
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in (operation.status, *operation.also):
        answer: dict[str, Any] = {"description": operation.summary}
        if isinstance(operation.answers, Download):
            media_type = operation.answers.media_type
            answer["content"] = {media_type: _file(media_type)}
        elif operation.answers is not None:
            answer["content"] = {"application/json": {"schema": schemas[operation.answers]}}
            if operation.csv:
                answer["content"]["text/csv"] = {"schema": {"type": "string"}}
        if reads and not isinstance(operation.answers, Download):
            answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
        responses[str(status)] = answer
    if reads:
        responses["304"] = {"description": "It is as it was: see If-None-Match."}
    by_status: dict[int, list[str]] = {}
    for kind in _problems(path, reads, operation):
        by_status.setdefault(kind.status, []).append(kind.title)
    for status, titles in sorted(by_status.items()):
        content = {"application/problem+json": {"schema": schemas[ProblemShown]}}
        responses[str(status)] = {"description": "; ".join(titles) + ".", "content": content}
    return responses


def _problems(path: str, reads: bool, operation: Operation) -> Iterator[ProblemKind]:
    yield from _ALWAYS
    if operation.action is not None:
        yield from _KNOWN
    if operation.body is not None:
        yield from _WITH_BODY
    if operation.upload is not None:
        yield from _WITH_FILE
    if operation.once:
        yield problems.NO_IDEMPOTENCY_KEY
        yield problems.KEY_USED
    if operation.guarded:
        yield problems.CHANGED_MEANWHILE
    sends = operation.body is not None or operation.upload is not None
    if "{" in path or (sends and not reads):
        yield problems.NO_RESOURCE
    if not reads:
        yield _REFUSED
    yield from operation.problems


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.action is None:
        return []
    rule = RULES[operation.action]
    ways: list[dict[str, list[str]]] = []
    if rule.scopes:
        ways.append({"key": []})
    if rule.roles:
        ways.append({"session": []})
    return ways


def _open_paths(schemas: dict[Any, Any]) -> dict[str, Any]:
    def shown(summary: str, *others: ProblemKind) -> dict[str, Any]:
        content = {"application/problem+json": {"schema": schemas[ProblemShown]}}
        kinds = (problems.BAD_METHOD, problems.FAULT, *others)
        return {
            "get": {
                "summary": summary,
                "operationId": summary.split(" ")[0].lower() + "-" + summary.split(" ")[-1][:-1],
                "tags": ["health"],
                "security": [],
                "responses": {
                    "200": {
                        "description": summary,
                        "content": {"application/json": {"schema": schemas[Live]}},
                    },
                    **{
                        str(kind.status): {"description": f"{kind.title}.", "content": content}
                        for kind in kinds
                    },
                },
            }
        }

    return {
        "/health/live": shown("Whether the program is alive."),
        "/health/ready": shown("Whether it can serve, its ledger being ready.", problems.NOT_READY),
    }


def _name(method: str, path: str) -> str:
    words = [each.strip("{}") for each in path.split("/")[2:]]
    return "-".join([method.lower(), *words])


def _in_ecma(value: Any) -> Any:
    r"""JSON Schema has the patterns of ECMA 262: no ``\Z``, and ``$`` is the very end there."""
    if isinstance(value, dict):
        return {
            key: each.replace(r"\Z", "$")
            if key == "pattern" and isinstance(each, str)
            else _in_ecma(each)
            for key, each in value.items()
        }
    return [_in_ecma(each) for each in value] if isinstance(value, list | tuple) else value
