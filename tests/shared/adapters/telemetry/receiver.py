"""An OTLP collector over HTTP in this process, which reads what it is sent with OpenTelemetry's own messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Received:
    """What came, and how the next requests are answered: with 200 once `answers` is used up."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: list[ExportLogsServiceRequest | ExportTraceServiceRequest] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    @property
    def records(self) -> list[Any]:
        """The log records."""
        told = [each for each in self.requests if isinstance(each, ExportLogsServiceRequest)]
        return [
            record
            for request in told
            for resource in request.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    @property
    def resources(self) -> list[Any]:
        """Who told, once for each request."""
        return [
            told.resource
            for request in self.requests
            for told in (
                request.resource_logs if isinstance(request, ExportLogsServiceRequest) else request.resource_spans
            )
        ]

    @property
    def spans(self) -> list[Any]:
        """The spans."""
        told = [each for each in self.requests if isinstance(each, ExportTraceServiceRequest)]
        return [
            span
            for request in told
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def wait(self, records: int) -> None:
        """Wait until so many log records came."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.records) >= records, 60)


@contextmanager
def receiving() -> Iterator[Received]:
    """Run the collector until the block is left."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with received.changed:
                status = received.answers.pop(0) if received.answers else 200
                received.headers.append({**self.headers, "path": self.path})
                if status == 200:
                    kind = ExportLogsServiceRequest if self.path.endswith("/v1/logs") else ExportTraceServiceRequest
                    received.requests.append(kind.FromString(body))
                received.changed.notify_all()
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
