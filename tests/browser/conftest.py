"""One server and one browser for all of these tests; each has windows of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

from adapters.http.pages.visits import ROOT
from tests.browser.rig import OWNER, Shop, launch, shop, sign_in

DESK = ViewportSize(width=1400, height=900)

Windows = Callable[..., Page]


@pytest.fixture(scope="session")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop(tmp_path_factory.mktemp("shop")) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = launch(playwright)
        yield launched
        launched.close()


@pytest.fixture
def windows(browser: Browser, at: Shop) -> Iterator[Windows]:
    """A window in which somebody has signed in. What goes wrong in one fails the test."""
    opened = []
    wrong: list[str] = []

    def failed(asked: Request) -> None:
        # A download, and a page that is left before it is there, are aborted and no failure.
        if asked.failure != "net::ERR_ABORTED":
            wrong.append(f"{asked.url}: {asked.failure}")

    def window(name: str = OWNER, viewport: ViewportSize = DESK) -> Page:
        context = browser.new_context(viewport=viewport, accept_downloads=True)
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", failed)
        page.on(
            "console",
            lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((at.url.removesuffix(ROOT), "data:", "blob:"))
                else wrong.append(f"asked elsewhere: {asked.url}")
            ),
        )
        sign_in(page, at, name)
        return page

    yield window
    for context in opened:
        context.close()
    assert wrong == []


@pytest.fixture
def page(windows: Windows) -> Page:
    """The owner's window."""
    return windows()
