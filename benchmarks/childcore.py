"""
A child's twisted.web Site, read by the strict core, beside the same Site read by twisted.web's
HTTPChannel.

The situations:

    plain       over TCP, the same small head again and again
    browser     over TCP, heads as browsers send them, no two alike
    private     over a UNIX socket, from an nginx that writes the forwarded fields as a
                master does; the child makes its client's view of them, HTTPChannel nothing

Needs wrk and nginx (Debian packages).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack, suppress
from pathlib import Path

from benchmarks.proxies import freePort
from benchmarks.resourceface import start
from benchmarks.rounds import Contender, compete
from benchmarks.sidebyside import BROWSER

_SERVE = """
import socket
from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted_multiserver.child.web import QuietSite, WebServing
class Hello(Resource):
    isLeaf = True
    def render_GET(self, request):
        return b"Hello, world!"
listener = socket.socket(fileno={descriptor})
listener.setblocking(False)
site = QuietSite(Hello(), reactor=reactor)
{serve}
print("ready", flush=True)
reactor.run()
"""

_SERVERS = {
    "HTTPChannel": "reactor.adoptStreamPort(listener.fileno(), listener.family, site)",
    "the core": "WebServing(reactor, listener, site)",
}

_NGINX = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    {servers}
}}
"""

_NGINX_SERVER = """
    upstream child{port} {{
        server unix:{path}; keepalive 64; keepalive_requests 100000000;
    }}
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://child{port}; }} }}
"""


def serve(stack: ExitStack, name: str, listener: socket.socket) -> int:
    """
    @param stack: ends the process.
    @param name: of the server.
    @param listener: what it serves on.
    @return: its process id.
    """
    with listener:
        source = _SERVE.format(descriptor=listener.fileno(), serve=_SERVERS[name])
        process = start(
            stack,
            [sys.executable, "-c", source],
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process.pid


def direct(stack: ExitStack) -> list[Contender]:
    """
    @param stack: ends the processes.
    @return: the servers over TCP.
    """
    contenders = []
    for name in _SERVERS:
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        contenders.append(Contender(name, serve(stack, name, listener), url))
    return contenders


def private(stack: ExitStack) -> list[Contender]:
    """
    @param stack: ends the processes.
    @return: the servers over UNIX sockets, behind an nginx.
    """
    folder = tempfile.mkdtemp()
    stack.callback(shutil.rmtree, folder)
    # The worker of an nginx that root starts is somebody else.
    Path(folder).chmod(0o755)
    contenders, servers = [], ""
    for index, name in enumerate(_SERVERS):
        path, port = f"{folder}/{index}", freePort()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        Path(path).chmod(0o666)
        listener.listen(512)
        pid = serve(stack, name, listener)
        contenders.append(Contender(name, pid, f"http://127.0.0.1:{port}/"))
        servers += _NGINX_SERVER.format(path=path, port=port)
    configuration = Path(folder, "nginx.conf")
    configuration.write_text(_NGINX.format(folder=folder, servers=servers))
    start(stack, ["nginx", "-c", str(configuration)])
    for contender in contenders:
        wait(contender.url)
    return contenders


def wait(url: str) -> None:
    """
    @param url: will be answered soon.
    """
    for _ in range(100):
        with suppress(OSError), urllib.request.urlopen(url):
            return
        time.sleep(0.1)


def main() -> None:
    """
    Run the benchmark and print its tables.
    """
    for situation, make, script in (
        ("plain", direct, None),
        ("browser", direct, BROWSER),
        ("private", private, None),
    ):
        with ExitStack() as stack:
            print(f"\n{situation}: {compete(make(stack), script=script)}", flush=True)


if __name__ == "__main__":
    main()
