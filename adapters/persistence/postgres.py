"""The ledger in PostgreSQL, for any number of processes and machines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, exc, text
from sqlalchemy.engine import URL

from adapters.persistence.errors import library_errors
from adapters.persistence.group_commit import Append
from adapters.persistence.positions import ORDINALS, Positions, TransactionPositions
from adapters.persistence.recorder import Borrowed, EventRecorder

SERVER_SECONDS = 10.0
"""The server gives up a statement, or a transaction that nobody continues, after this long."""

CLIENT_SECONDS = 15.0
"""We give up on a server that does not answer, because its own limits do not hold when it hangs."""

CONNECT_SECONDS = 3
"""How long one host may take to accept a connection."""

_MIGRATION_LOCK = 0x7A1C71BE
_MIGRATION_SECONDS = 600
_IDLE_SECONDS = 1.0

PING_SECONDS = 3.0
"""How long a connection that was idle may take to show that it works, before a new one is made: the
network may have forgotten it, and a caller waits."""

_SELECT_STREAMS = """
SELECT e.stream_id, e.version, e.name, e.data
FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (id, after)
CROSS JOIN LATERAL (
    SELECT stream_id, version, name, data FROM events
    WHERE stream_id = wanted.id AND version > wanted.after ORDER BY version
) AS e
ORDER BY e.stream_id, e.version
"""
# Key by key from the index: a long list in ANY is compared with every claim of the kind.
_SELECT_CLAIMS = """
SELECT c.key, c.stream_id
FROM unnest(%s::text[]) AS wanted (key)
CROSS JOIN LATERAL (
    SELECT key, stream_id FROM claims WHERE kind = %s AND key = wanted.key LIMIT 1
) AS c
"""
_CLAIMED = """
WITH claimed AS (
    INSERT INTO claims (kind, key, stream_id)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::uuid[])
)
"""


class PostgresRecorder(EventRecorder):
    """The log in PostgreSQL. One statement in autocommit mode stores a whole batch.

    There is no LOCK and no NOTIFY, both of which make the commits of a server wait for each
    other; ``positions`` keeps followers from missing a fact.
    """

    def __init__(
        self,
        url: URL,
        *,
        positions: Positions | None = None,
        pool_size: int = 16,
        client_seconds: float = CLIENT_SECONDS,
    ) -> None:
        super().__init__()
        positions = positions or TransactionPositions()
        self.settled = positions.settled
        self._insert = f"""
            INSERT INTO events (position, stream_id, version, name, data)
            SELECT {positions.given}, e.stream_id, e.version, e.name, e.data
            FROM unnest(%s::int[], %s::uuid[], %s::bigint[], %s::text[], %s::bytea[])
                AS e (ordinal, stream_id, version, name, data)
            RETURNING position
        """  # noqa: S608 - the expression is a constant of the strategy
        self._engine = _engine(url, pool_size, client_seconds, self._lost)
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with library_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with library_errors(), self._transactions.begin() as connection:
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self.writing() as connection:
            connection.execute(text(f"SET LOCAL statement_timeout = '{_MIGRATION_SECONDS}s'"))
            driver = connection.connection.driver_connection
            assert isinstance(driver, DeadlineConnection)
            usual, driver.seconds = driver.seconds, _MIGRATION_SECONDS
            try:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
                )
                yield connection
            finally:
                driver.seconds = usual

    def close(self) -> None:
        self._engine.dispose()

    def select_streams(self, after: Mapping[UUID, int]) -> Sequence[StoredEvent]:
        wanted = (_array([each.hex for each in after]), _array(map(str, after.values())))
        with Borrowed(self._engine) as connection:
            return [StoredEvent(*row) for row in _rows(connection, _SELECT_STREAMS, wanted)]

    def select_claims(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        with Borrowed(self._engine) as connection:
            return dict(_rows(connection, _SELECT_CLAIMS, (_array(map(_quoted, set(keys))), kind)))

    def _lost(self) -> None:
        self.losses += 1
        for forget in self.when_lost:
            forget()

    def ask(self, statement: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with Borrowed(self._engine) as connection:
            return _rows(connection, statement, values)

    def change(self, statement: str, values: Sequence[Any]) -> int:
        with Borrowed(self._engine) as connection:
            return _executed(connection, statement, values).rowcount

    def _flush(self, appends: Sequence[Append]) -> int:
        stored = [each for append in appends for each in append.events]
        if len(stored) >= ORDINALS:
            raise ValueError(f"a transaction stores fewer than {ORDINALS} facts")
        # Positions follow the order of the appends. The rows go in by stream, the same way in
        # every process, so that two batches about the same streams never wait for each other.
        rows = sorted(
            (_hex(each.originator_id), each.originator_version, ordinal, each.topic, each.state)
            for ordinal, each in enumerate(stored, start=1)
        )
        statement = self._insert
        values = (
            _array([str(row[2]) for row in rows]),
            _array([row[0] for row in rows]),
            _array([str(row[1]) for row in rows]),
            _array([_quoted(row[3]) for row in rows]),
            _array(['"\\\\x' + row[4].hex() + '"' for row in rows]),
        )
        claimed = sorted(claim for append in appends for claim in append.claims)
        if claimed:
            # The facts go in first, then the claims, so this order is the same everywhere too.
            statement = _CLAIMED + statement
            values = (
                _array([_quoted(each.kind) for each in claimed]),
                _array([_quoted(each.key) for each in claimed]),
                _array([each.stream_id.hex for each in claimed]),
                *values,
            )  # type: ignore[assignment]
        with Borrowed(self._engine) as connection:
            # Looked at with the connection in hand: it may be the first to the new server.
            if any(each.losses not in (None, self.losses) for each in appends):
                raise IntegrityError("decided on states of a server that was lost since")
            first: int = min(_rows(connection, statement, values))[0]
        return first


def _rows(
    connection: PoolProxiedConnection, statement: str, values: Sequence[Any]
) -> Sequence[tuple[Any, ...]]:
    """The statement's rows. The driver prepares it in the server, as the text is always the same:
    any number of values is one array."""
    return _executed(connection, statement, values).fetchall()


def _executed(
    connection: PoolProxiedConnection, statement: str, values: Sequence[Any]
) -> psycopg.Cursor[Any]:
    driver = connection.driver_connection
    assert isinstance(driver, DeadlineConnection)
    return driver.execute(statement, values, prepare=True, binary=True)


def _array(elements: Iterable[str]) -> str:
    """PostgreSQL's text for an array. The driver's own translation of lists takes ten times as
    long, element by element."""
    return "{" + ",".join(elements) + "}"


def _quoted(element: str) -> str:
    return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _hex(stream_id: UUID | str) -> str:
    return stream_id.hex if isinstance(stream_id, UUID) else UUID(stream_id).hex


def raise_epoch(connection: Connection) -> bool:
    """Keeps positions rising after the ledger was restored into another cluster.

    Transaction ids start low again in a new cluster, and a follower would take new facts for old
    ones. If the highest position is not below every one that this cluster can still give, the
    offset is raised above it. Returns whether that was necessary. Runs after every migration.
    """
    raised = connection.execute(
        text(
            f"""
            UPDATE position_epoch SET transactions = highest.of_position + 1
            FROM (SELECT max(position) / {ORDINALS} AS of_position FROM events) AS highest
            WHERE highest.of_position >= transactions
                + pg_snapshot_xmax(pg_current_snapshot())::text::bigint
            """  # noqa: S608 - a constant number
        )
    )
    return raised.rowcount > 0


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection that is given up when the server does not answer in time.

    Limits of the server do not fire when it hangs or the network is cut, and keepalives do not
    see a process that is stopped.
    """

    seconds: float = CLIENT_SECONDS
    stored_here_alone: bool = False

    def heed_standbys(self) -> None:
        """From now on a commit that no synchronous standby has confirmed is no answer.

        When somebody cancels the wait for the standby, PostgreSQL says that the transaction is
        committed, and adds a warning: "might not have been replicated to the standby". Whoever
        believed it would lose money when that standby is promoted.
        """

        def note(told: psycopg.errors.Diagnostic) -> None:
            # By the function, because the text is in the language of the server.
            if told.source_function == "SyncRepWaitForLSN":
                self.stored_here_alone = True

        self.add_notice_handler(note)

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            answer = super().wait(gen, interval, self.seconds if timeout is None else timeout)
            if self.stored_here_alone:
                self.stored_here_alone = False
                raise psycopg.OperationalError(
                    "the wait for the standby was cancelled: it is unknown if it was stored there"
                )
            return answer
        except psycopg.OperationalError as error:
            waits = self.pgconn.transaction_status == TransactionStatus.ACTIVE
            if error.sqlstate is not None or self.closed or not waits:
                raise
            # The answer may still come, and nobody would know to which question.
            self.close()
            raise psycopg.OperationalError(
                f"the server did not answer within {self.seconds} seconds"
            ) from error


def connection_arguments(url: URL, *, options: str = "") -> dict[str, Any]:
    """What libpq is told besides the address; ``options`` are settings of the session.

    Of several hosts the one that takes writes is looked for, so a standby that was promoted is
    found, and one that was not is never taken for the ledger.
    """
    milliseconds = int(SERVER_SECONDS * 1000)
    given: dict[str, Any] = {
        "application_name": "talktime",
        # For each host: one that is gone must not use up the patience for the others.
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
        # A ledger whose server was told to acknowledge early would lose money in a crash. The
        # server finds out by itself that a client's machine is gone, and lets go of its locks.
        "options": "-c synchronous_commit=on"
        f" -c statement_timeout={milliseconds}"
        f" -c idle_in_transaction_session_timeout={milliseconds}"
        " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
    }
    asked = [url.query.get("options", ""), given["options"], options]
    given["options"] = " ".join(str(each) for each in asked if each)
    return {n: value for n, value in given.items() if n == "options" or n not in url.query}


def _engine(
    url: URL, pool_size: int, client_seconds: float, when_lost: Callable[[], None]
) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=client_seconds,
        connect_args=connection_arguments(url),
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> DeadlineConnection:
        connection = DeadlineConnection.connect(*args, **options)
        connection.seconds = client_seconds
        connection.heed_standbys()
        return connection

    lost = 0.0

    @event.listens_for(engine, "invalidate")
    def note_loss(_connection: Any, _record: Any, _error: Any) -> None:
        nonlocal lost
        lost = monotonic()
        when_lost()

    @event.listens_for(engine, "checkin")
    def note_use(_connection: Any, record: Any) -> None:
        record.info["used"] = monotonic()

    @event.listens_for(engine, "checkout")
    def check_idle(connection: Any, record: Any, _proxy: Any) -> None:
        # A busy connection is known to work, unless another one broke since; asking an idle one
        # spares a command that would otherwise find out that the server was restarted.
        now = monotonic()
        used = record.info.get("used", now)
        if now - used > _IDLE_SECONDS or used <= lost:
            usual, connection.seconds = connection.seconds, min(PING_SECONDS, connection.seconds)
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error as error:
                raise exc.DisconnectionError from error
            finally:
                connection.seconds = usual

    return engine
