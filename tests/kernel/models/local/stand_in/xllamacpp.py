"""Stands in for the package that serves models: real HTTP in a real process, and no model.

What stands in the file behind its first four bytes says how it behaves.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace


class CommonParams:
    def __init__(self) -> None:
        self.model = SimpleNamespace(path="")
        self.cpuparams = SimpleNamespace(n_threads=0)
        self.cpuparams_batch = SimpleNamespace(n_threads=0)
        self.n_ctx = self.n_parallel = self.port = 0
        self.api_keys: list[str] = []
        self.ui = True


class _Handler(BaseHTTPRequestHandler):
    wanted: CommonParams
    mode = ""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {self.wanted.api_keys[0]}":
            self._send(401, {"error": {"message": "Invalid API Key", "code": 401}})
            return
        if self.mode == "dies":
            os._exit(7)
        if self.mode == "small":
            text = "request (9031 tokens) exceeds the available context size (8192 tokens)"
            self._send(400, {"error": {"message": text, "type": "exceed_context_size_error"}})
            return
        schema = asked.get("response_format", {}).get("json_schema", {}).get("schema")
        said = self._said(schema, asked["messages"])
        usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": said},
        }
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "local"}
        self._send(200, answer | {"choices": [choice], "usage": usage})

    def _said(self, schema: dict[str, object] | None, messages: list[dict[str, str]]) -> str:
        sys.stderr.write(json.dumps({"schema": schema, "messages": messages}) + "\n")
        if schema is None:
            return "Good morning."
        if "anyOf" not in schema:
            return json.dumps({"greeting": "Good morning."})
        return json.dumps({"tool": "finish", "arguments": {"answer": "aye"}})

    def _send(self, status: int, answer: dict[str, object]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


class Server:
    def __init__(self, wanted: CommonParams) -> None:
        mode = Path(wanted.model.path).read_text(encoding="utf-8")[4:]
        sys.stdout.write("loading\n")
        sys.stdout.flush()
        if mode == "broken":
            raise RuntimeError("failed to load the model")
        if mode == "crashes":
            os._exit(9)
        if mode == "never":
            threading.Event().wait()
        handler = type("Handler", (_Handler,), {"wanted": wanted, "mode": mode})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"
