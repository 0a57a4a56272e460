"""
Programs that are servers by themselves, for tests: where they are, and what they run.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest

BIN = Path(sys.executable).parent

FILES = {
    "wsgi.py": """
import json, os
def application(environ, start_response):
    names = ("REMOTE_ADDR", "wsgi.url_scheme", "HTTP_X_FORWARDED_FOR")
    seen = {name: environ.get(name) for name in names}
    body = json.dumps({"pid": os.getpid(), "ppid": os.getppid(), **seen}).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
""",
    "slow.py": """
import time
time.sleep(2)
from wsgi import application
""",
    "broken.py": """
raise ValueError("no database")
""",
    "asgi.py": """
import json, os
async def application(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(scope["type"])
    client = scope["client"]
    seen = {"client": client and client[0], "scheme": scope["scheme"]}
    body = json.dumps({"pid": os.getpid(), "ppid": os.getppid(), **seen}).encode()
    head = {"type": "http.response.start", "status": 200}
    await send({**head, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
""",
    "server.js": """
const http = require("http");
const server = http.createServer((request, response) => {
  response.end(JSON.stringify({pid: process.pid, ppid: process.ppid}));
});
if (process.env.LISTEN_FDS) server.listen({fd: 3});
else server.listen(process.env.PORT, "127.0.0.1");
""",
    "port.py": """
import http.server, json, os, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = ("PORT", "LISTEN_FDS", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY")
        seen = {name: os.environ.get(name) for name in names}
        body = json.dumps({"pid": os.getpid(), "ppid": os.getppid(), **seen}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
""",
}


def program(name: str) -> str:
    """
    Find a program, or skip the test that needs it.

    @param name: of a program that this Python's environment has, or the system.
    @return: its path.
    """
    own = BIN / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            raise AssertionError(f"{name} is not installed")
        raise SkipTest(f"{name} is not installed")
    return found


def writeFiles(folder: Path) -> None:
    """
    @param folder: gets the applications.
    """
    for name, text in FILES.items():
        (folder / name).write_text(text)
