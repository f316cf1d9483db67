"""Prometheus metrics of the RPCs a process serves, and the port they are scraped from.

Names and labels are those of the gRPC ecosystem's Prometheus middleware, so that existing dashboards fit. Services
register their own metrics in the same default registry.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import Counter, Gauge, Histogram, start_http_server

_LABELS = ("grpc_service", "grpc_method", "grpc_type")
# From a health check to the reading of a long scan.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

STARTED = Counter("grpc_server_started", "RPCs started.", _LABELS)
HANDLED = Counter("grpc_server_handled", "RPCs ended, by status code.", (*_LABELS, "grpc_code"))
HANDLING_SECONDS = Histogram("grpc_server_handling_seconds", "Duration of RPCs.", _LABELS, buckets=_BUCKETS)
IN_FLIGHT = Gauge("grpc_server_in_flight", "RPCs running now.", _LABELS)


class Meters:
    """The metrics of one method. Finding those of given labels costs more than counting."""

    def __init__(self, service: str, method: str, rpc_type: str) -> None:
        self._labels = (service, method, rpc_type)
        self._handled: dict[str, Counter] = {}
        self.started = STARTED.labels(*self._labels)
        self.in_flight = IN_FLIGHT.labels(*self._labels)
        self.seconds = HANDLING_SECONDS.labels(*self._labels)

    def handled(self, code: str) -> Counter:
        """The count of calls that ended with a status code, by the code's name."""
        counter = self._handled.get(code)
        if counter is None:
            counter = self._handled[code] = HANDLED.labels(*self._labels, code)
        return counter


@functools.cache
def meters(service: str, method: str, rpc_type: str) -> Meters:
    """The metrics of a method that a server of this process offers; of no name that a caller could choose."""
    return Meters(service, method, rpc_type)


@dataclass(frozen=True, slots=True)
class MetricsPort:
    """Where `/metrics` is served."""

    host: str
    port: int


@contextmanager
def serve_metrics(host: str, port: int | None) -> Iterator[MetricsPort | None]:
    """Serves `/metrics` of this process while open; nothing for None, a free port for 0.

    Raises:
        OSError: The port is taken.
    """
    if port is None:
        yield None
        return
    server, thread = start_http_server(port, addr=host)
    try:
        yield MetricsPort(host, server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
