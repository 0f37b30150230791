"""What is measured: requests here, and whatever the rest of the program wants to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

import structlog
from attrs import field, frozen
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_log = structlog.get_logger(__name__)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class HttpMetrics:
    """Requests by the template of their path, never by the path itself: labels stay few."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "talktime_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "talktime_http_request_seconds",
            "Seconds from the first byte of a request to the last of its answer.",
            ("method", "route"),
            registry=registry,
        )
        self.in_progress = Gauge(
            "talktime_http_requests_in_progress",
            "Requests that are being answered.",
            registry=registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)


@frozen
class Reading(Collector):
    """A number that is read when somebody looks: calls up, open attempts, how far a view is behind.

    ``read`` gives one value for each combination of ``labels`` values, and may raise: the reading
    is then left out, and the others are shown.
    """

    name: str
    description: str
    read: Callable[[], Mapping[tuple[str, ...], float]]
    labels: Sequence[str] = ()
    kind: Literal["gauge", "counter"] = "gauge"
    most_values: int = field(default=200)

    def collect(self) -> Iterator[Metric]:
        family = (GaugeMetricFamily if self.kind == "gauge" else CounterMetricFamily)(
            self.name, self.description, labels=self.labels
        )
        try:
            values = list(self.read().items())[: self.most_values]
        except Exception:
            _log.exception("a reading failed", reading=self.name)
            return
        for labels, value in values:
            family.add_metric(labels, value)
        yield family

    def describe(self) -> Iterator[Metric]:
        """Without reading: whoever registers must not need the ledger for it."""
        yield Metric(self.name, self.description, self.kind)


def register(registry: CollectorRegistry, *readings: Reading) -> None:
    """Raises ValueError for a name that is in use."""
    for reading in readings:
        registry.register(reading)


def number(read: Callable[[], float]) -> Callable[[], Mapping[tuple[str, ...], float]]:
    """For a reading without labels."""
    return lambda: {(): read()}
