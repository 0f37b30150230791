"""The house is in order: modules introduce themselves, stay short, point at what exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "application", "adapters", "talktime")
LONGEST = 400
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
RECORDS = ROOT / "docs" / "adr"
PAGES = [
    path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if path.is_file()
]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES + TESTS, ids=name)
def test_a_module_opens_with_one_line_that_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    if not text.strip():
        return  # a package without words of its own
    told = ast.get_docstring(ast.parse(text), clean=False)
    assert told, "a module opens with a docstring"
    first = told.splitlines()[0]
    assert first == first.strip()
    assert first
    assert len(first) <= 100


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("path", MODULES + TESTS, ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    if path == Path(__file__):
        return
    for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"):
        assert not re.search(rf"\b{word}\b", path.read_text())


def test_every_decision_that_is_cited_exists() -> None:
    known = {path.name[:4] for path in RECORDS.glob("[0-9]*.md")}
    cited = {
        number: name(path)
        for path in [*MODULES, *TESTS, *PAGES]
        for number in re.findall(r"\bADR[ -]?([0-9]{4})\b", path.read_text())
    }
    assert cited
    assert set(cited) <= known, {n: where for n, where in cited.items() if n not in known}


def test_decisions_are_numbered_without_a_gap_and_all_listed() -> None:
    files = sorted(path.name for path in RECORDS.glob("[0-9]*.md"))
    assert [int(file[:4]) for file in files] == list(range(1, len(files) + 1))
    listed = re.findall(r"\]\(([0-9]{4}[^)]*\.md)\)", (RECORDS / "README.md").read_text())
    assert sorted(listed) == files


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_what_a_page_links_to_is_there(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        assert (path.parent / target.partition("#")[0]).exists(), target
