"""A server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "token-of-the-test"


@dataclass(frozen=True)
class Answer:
    """One answer; body: text, bytes or what JSON can say. cut: the connection ends before the body's end."""

    body: Any = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    seconds: float = 0.0

    def bytes(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Message
    body: bytes
    size: int


class Scripted:
    """Answers in order; the last one again and again. Keeps at most `keep` bytes of a body."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.answers: list[Answer] = []
        self.asked: list[Asked] = []
        self.keep = 100_000
        self.ended = threading.Event()
        self.host, self.port = "127.0.0.1", server.server_port

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def says(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def connection(self, token: str = TOKEN, **extra: Any) -> str:
        """The value of an AIRFLOW_CONN_ variable that points here."""
        fields = {"conn_type": "canvas", "host": self.host, "port": self.port, "schema": "http", "password": token}
        return json.dumps({**fields, "extra": extra})


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            left = size = int(self.headers.get("Content-Length") or 0)
            kept = b""
            while left > 0 and (chunk := self.rfile.read(min(left, 65536))):
                left -= len(chunk)
                kept = kept + chunk if len(kept) < script.keep else kept
            script.asked.append(Asked(self.command, self.path, self.headers, kept, size))
            answer = script.next()
            script.ended.wait(answer.seconds)
            body = answer.bytes()
            self.send_response_only(answer.status)
            if "Date" not in answer.headers:
                self.send_header("Date", self.date_time_string())
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + (1000 if answer.cut else 0)))
            self.end_headers()
            self.wfile.write(body)
            if answer.cut:
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that went away is part of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    script = Scripted(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield script
    finally:
        script.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
