"""Serves the HTTP door from a thread of its own, and stops without cutting answers short."""

from __future__ import annotations

import math
import socket
from collections.abc import Sequence
from threading import Event, Thread

import structlog
import uvicorn
from starlette.types import ASGIApp

_log = structlog.get_logger(__name__)

MOST_CONNECTIONS = 1_000
MOST_HEADER_BYTES = 16 * 1024
_START_SECONDS = 30.0
_LEAVE_SECONDS = 5.0


class HttpServer:
    """One listening socket with its event loop and thread.

    The socket is bound when the server is made, so an address in use is an OSError at once;
    ``port`` 0 takes a free one.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        drain_seconds: float = 10.0,
        most_connections: int = MOST_CONNECTIONS,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        """``trusted_proxies``: networks whose X-Forwarded-For and -Proto are believed. The right-
        most address that is in none of them is where a request comes from."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=512)
        # Connections take it over. Otherwise the last part of an answer waits until the client has
        # confirmed the one before, which clients put off for 40 ms; asyncio sets it by itself only
        # for sockets that it has made.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = self._socket.getsockname()
        self._drain_seconds = drain_seconds
        self._failure: BaseException | None = None
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                limit_concurrency=most_connections,
                timeout_keep_alive=15,
                timeout_graceful_shutdown=math.ceil(drain_seconds),
                h11_max_incomplete_event_size=MOST_HEADER_BYTES,
            )
        )
        self._thread = Thread(target=self._run, name="http", daemon=True)

    @property
    def host(self) -> str:
        return str(self._address[0])

    @property
    def port(self) -> int:
        return int(self._address[1])

    def start(self) -> None:
        """Returns once requests are answered. Raises RuntimeError if it comes to nothing."""
        self._thread.start()
        if not self._server.up.wait(_START_SECONDS) or self._failure is not None:
            raise RuntimeError("the HTTP server did not start") from self._failure

    def stop(self) -> bool:
        """Takes no new requests, lets running ones end, and says whether all of them did."""
        if not self._thread.is_alive():
            self._socket.close()
            return self._failure is None
        self._server.should_exit = True
        self._thread.join(self._drain_seconds + _LEAVE_SECONDS)
        ended = not self._thread.is_alive() and self._failure is None
        if not ended:
            _log.warning("the HTTP server did not end its requests", failure=repr(self._failure))
        self._socket.close()
        return ended

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        except BaseException as error:
            _log.exception("the HTTP server failed")
            self._failure = error
        finally:
            self._server.up.set()


class _Server(uvicorn.Server):
    """Says when it is up: the library keeps only a flag to look at."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.up.set()
