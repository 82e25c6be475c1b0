"""A small web server on loopback, as tests want it: odd, slow, huge, and one that hangs up."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Web:
    """What a server was asked, and where it is."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.released = threading.Event()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        self.web.asked.append((self.command, self.path, dict(self.headers), body))
        match self.path.partition("?")[0]:
            case "/hop":
                left = int(self.path.partition("?")[2])
                self._say(302, b"", location=f"/hop?{left - 1}" if left else "/text")
            case "/away":
                self._say(302, b"", location="http://169.254.169.254/latest")
            case "/other-port":
                self._say(307, b"", location="http://127.0.0.1:1/")
            case "/huge":
                self._say(200, b"x" * 5_000_000)
            case "/picture":
                self._say(200, b"\x89PNG\0", kind="image/png")
            case "/latin":
                self._say(200, "größer".encode("latin-1"), kind="text/plain; charset=latin-1")
            case "/odd":
                self._say(200, b"fine", kind="text/plain; charset=no-such-thing")
            case "/broken":
                self._say(500, b"oh no")
            case "/hang-up":
                self.connection.shutdown(socket.SHUT_RDWR)
            case "/never":
                self.web.released.wait(30)
            case "/drip":
                self.send_response(200)
                self.end_headers()
                while not self.web.released.wait(0.02):
                    self.wfile.write(b"x")
                    self.wfile.flush()
            case _:
                self._say(200, b"hello")

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - the names that http.server calls

    def _say(
        self, status: int, body: bytes, *, kind: str = "text/plain", location: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            return

    def log_message(self, *_args: object) -> None:
        return


@contextmanager
def serving() -> Iterator[Web]:
    """Serve until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    web = Web(server.server_address[1])
    server.RequestHandlerClass = type("Handler", (_Handler,), {"web": web})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
