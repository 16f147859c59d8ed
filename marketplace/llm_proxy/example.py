"""A pretended language model on this machine, and the server before it: an answer, a stream."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import mlrun_like as ml
from mlrun_like.serving import Client, serve


class Upstream(BaseHTTPRequestHandler):
    """Speaks OpenAI's protocol, and repeats what it hears."""

    def do_POST(self) -> None:
        """One completion, whole or in pieces."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        words = body["messages"][-1]["content"].split()
        usage = {"prompt_tokens": len(words), "completion_tokens": len(words)}
        self.send_response(200)
        self.end_headers()
        if body.get("stream"):
            for word in words:
                piece = {"choices": [{"delta": {"content": f"{word} "}}]}
                self.wfile.write(f"data: {json.dumps(piece)}\n\n".encode())
            self.wfile.write(f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")
            return
        choice = {"message": {"content": " ".join(words)}, "finish_reason": "stop"}
        self.wfile.write(json.dumps({"choices": [choice], "usage": usage}).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


if __name__ == "__main__":
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    function: Any = ml.import_function("hub://llm_proxy")
    url = f"http://127.0.0.1:{upstream.server_port}/v1"
    function.add_model("chat", class_name="LLMProxy", base_url=url, upstream_model="parrot")
    with serve(function) as running, Client(running.url) as client:
        print(client.infer(["Hello there.", "How are you?"], "chat")["outputs"])
        path, body = "/v2/models/chat/infer", {"inputs": ["one two three"], "stream": True}
        for piece in client.stream(path, body):
            print("piece:", piece)
        print(client.get("/v2/models/chat/metrics")["metrics"])
    upstream.shutdown()
    upstream.server_close()
