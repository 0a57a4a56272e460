"""
C{multiserver.resource()} beside twisted.web's C{ReverseProxyResource}, both in a
twisted.web Site in front of the same nginx, which answers at once.

Needs wrk and nginx (Debian packages).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from benchmarks.proxies import freePort
from benchmarks.rounds import Contender, compete

_NGINX = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/pid;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 100000000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{ listen 127.0.0.1:{port}; return 200 "Hello, world!"; }}
}}
"""

_SERVERS = {
    "ReverseProxyResource": """
from twisted.web.proxy import ReverseProxyResource
root = ReverseProxyResource("127.0.0.1", {port}, b"", reactor)
""",
    "multiserver.resource()": """
from twisted.internet.endpoints import clientFromString
from twisted_multiserver import Multiserver
multiserver = Multiserver(reactor)
multiserver.addBackend(clientFromString(reactor, "tcp:127.0.0.1:{port}"))
root = multiserver.resource()
""",
}

_SERVE = """
import sys
from twisted.internet import reactor
from twisted.web.server import Site
{make}
class Quiet(Site):
    def log(self, request):
        pass
listening = reactor.listenTCP(0, Quiet(root), backlog=1024, interface="127.0.0.1")
print(listening.getHost().port, flush=True)
reactor.run()
"""


def start(stack: ExitStack, command: list[str], **options: object) -> subprocess.Popen[str]:
    """
    @param stack: ends the process.
    @param command: its command line.
    @param options: of Popen.
    @return: the process.
    """
    process = subprocess.Popen(command, text=True, **options)  # type: ignore[call-overload]
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process  # type: ignore[no-any-return]


def main() -> None:
    """
    Run the benchmark and print its table.
    """
    with ExitStack() as stack:
        folder = tempfile.mkdtemp()
        stack.callback(shutil.rmtree, folder)
        port = freePort()
        configuration = Path(folder, "nginx.conf")
        configuration.write_text(_NGINX.format(folder=folder, port=port))
        start(stack, ["nginx", "-c", str(configuration)])
        time.sleep(0.5)
        contenders = []
        for name, make in _SERVERS.items():
            source = _SERVE.format(make=make.format(port=port))
            server = start(
                stack,
                [sys.executable, "-c", source],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
            assert urllib.request.urlopen(url).status == 200
            contenders.append(Contender(name, server.pid, url))
        print(compete(contenders))


if __name__ == "__main__":
    main()
