"""Keep-alive against peers that live, stop, vanish, and proxies with idle time-outs.

In real time, since the peers are: what must stay open is watched for a few intervals, what must end
has a limit well above the one set and far below any that TCP has by itself.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

import tap  # noqa: E402
from peer import SECONDS, EchoServer  # noqa: E402

PROBE = os.environ["UVWS_PROBE"]
PING_MS, PONG_MS = 200, 300
LIMIT_MS = 10000  # a busy machine under a sanitizer needs some of it


class Probe:
    def __init__(self, uri, ping_ms, pong_ms, run_ms, prefix=()):
        self.process = subprocess.Popen([*prefix, PROBE, uri, str(ping_ms), str(pong_ms), str(run_ms)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        assert first == "open\n", first

    def finish(self):
        try:
            out, _ = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        assert self.process.returncode == 0, self.process.returncode
        self.out = out
        self.error = re.search(r"^error (\w+) (\d+)$", out, re.MULTILINE)
        self.close_code = int(re.search(r"^close (\d+)", out, re.MULTILINE)[1])
        self.lived_ms = int(re.search(r"^close \d+ (\d+)", out, re.MULTILINE)[1])
        self.pings, self.rtt_us = map(int, re.search(r"^pings (\d+) rtt_us (\d+)$", out, re.MULTILINE).groups())
        return self


class Case(unittest.TestCase):
    def assert_lived(self, probe):
        self.assertIsNone(probe.error, probe.out)
        self.assertEqual(probe.close_code, 1000)

    def assert_died(self, probe, error="UVWS_EPONG_TIMEOUT"):
        self.assertIsNotNone(probe.error, probe.out)
        self.assertEqual(probe.error[1], error)
        self.assertLess(probe.lived_ms, LIMIT_MS)


class Processes(Case):
    def test_server_that_answers_is_alive_and_its_round_trip_is_known(self):
        with EchoServer() as server:
            probe = Probe(server.uri, PING_MS, 5000, 1500).finish()
        self.assert_lived(probe)
        self.assertGreaterEqual(probe.pings, 2)
        self.assertGreater(probe.rtt_us, 0)

    def test_stopped_server_is_noticed(self):
        with EchoServer() as server:
            probe = Probe(server.uri, PING_MS, PONG_MS, 60000)
            server.process.send_signal(signal.SIGSTOP)
            try:
                probe.finish()
            finally:
                server.process.send_signal(signal.SIGCONT)
        self.assert_died(probe)
        self.assertGreaterEqual(probe.lived_ms, PING_MS + PONG_MS - 50)

    def test_own_sleep_costs_no_connection(self):
        with EchoServer() as server:
            probe = Probe(server.uri, PING_MS, PONG_MS, 3000)
            for _ in range(3):
                probe.process.send_signal(signal.SIGSTOP)
                time.sleep(0.7)  # the sleep that this is about
                probe.process.send_signal(signal.SIGCONT)
            self.assert_lived(probe.finish())


class Network:
    """Two network namespaces with a cable between them."""

    def __init__(self):
        self.names = [f"uvws-{os.getpid()}-{end}" for end in "ab"]
        try:
            for name in self.names:
                self.ip("netns", "add", name)
            a, b = self.names
            self.ip("link", "add", "v0", "netns", a, "type", "veth", "peer", "name", "v0", "netns", b)
            for name, address in zip(self.names, ("10.99.0.1/24", "10.99.0.2/24")):
                self.ip("-n", name, "addr", "add", address, "dev", "v0")
                self.ip("-n", name, "link", "set", "v0", "up")
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            self.close()
            raise unittest.SkipTest(f"no network namespace can be made here: {error}") from error

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=SECONDS)

    def inside(self, end):
        return ["ip", "netns", "exec", self.names[end]]

    def cut(self):
        """What is sent from now on vanishes: the far end of the cable is down, this one is not told."""
        self.ip("-n", self.names[1], "addr", "del", "10.99.0.2/24", "dev", "v0")

    def close(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True, timeout=SECONDS)


RELAY = """
import socket, sys, threading
def pump(source, target):
    while data := source.recv(65536):
        target.sendall(data)
listener = socket.create_server(("10.99.0.2", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
import base64, hashlib
head = b""
while not head.endswith(b"\\r\\n\\r\\n"):
    head += connection.recv(1)
key = [l.split(": ")[1] for l in head.decode().split("\\r\\n") if l.lower().startswith("sec-websocket-key")][0]
accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
connection.sendall(("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                    f"Sec-WebSocket-Accept: {accept}\\r\\n\\r\\n").encode())
while True:
    head = connection.recv(2)
    if len(head) < 2: break
    rest = b""
    while len(rest) < 4 + (head[1] & 127):
        rest += connection.recv(4 + (head[1] & 127) - len(rest))
    payload = bytes(b ^ rest[i % 4] for i, b in enumerate(rest[4:]))
    if head[0] & 15 == 9:
        connection.sendall(bytes([0x8A, len(payload)]) + payload)
        print("ping", flush=True)
"""


class Packets(Case):
    def test_server_whose_packets_vanish_is_noticed(self):
        network = Network()
        server = subprocess.Popen([*network.inside(1), sys.executable, "-c", RELAY], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True)
        try:
            port = int(server.stdout.readline())
            probe = Probe(f"ws://10.99.0.2:{port}/", PING_MS, PONG_MS, 60000, prefix=network.inside(0))
            for _ in range(2):  # round trips while all is well
                self.assertEqual(server.stdout.readline(), "ping\n")
            network.cut()
            probe.finish()
        finally:
            server.kill()
            server.communicate()
            network.close()
        self.assert_died(probe)
        self.assertGreaterEqual(probe.pings, 3)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


NGINX = """
daemon off;
master_process off;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{server};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout {seconds}s;
      proxy_send_timeout {seconds}s;
    }}
  }}
}}
"""

HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel {seconds}s
frontend in
  bind 127.0.0.1:{port}
  default_backend out
backend out
  server s 127.0.0.1:{server}
"""


class Proxies(Case):
    """A proxy ends what is silent for a second, and not what is pinged."""

    def proxied(self, program, config, *arguments):
        path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
        if not path:
            self.skipTest(f"{program} is not installed")
        with tempfile.TemporaryDirectory() as folder, EchoServer() as server:
            port = free_port()
            file = pathlib.Path(folder, "config")
            file.write_text(config.format(folder=folder, port=port, server=server.port, seconds=1), encoding="utf-8")
            proxy = subprocess.Popen([path, *arguments, str(file)], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                self.wait_for(port, proxy)
                pinged = Probe(f"ws://127.0.0.1:{port}/", PING_MS, 5000, 3500)
                silent = Probe(f"ws://127.0.0.1:{port}/", 0, 0, 60000)
                self.assert_died(silent.finish(), "UVWS_ELOST")
                self.assert_lived(pinged.finish())
            finally:
                proxy.terminate()
                proxy.wait(SECONDS)

    def wait_for(self, port, proxy):
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                self.assertIsNone(proxy.poll(), "the proxy ended")
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)  # between two attempts; nothing depends on it

    def test_pings_keep_a_connection_through_nginx(self):
        self.proxied("nginx", NGINX, "-c")

    def test_pings_keep_a_connection_through_haproxy(self):
        self.proxied("haproxy", HAPROXY, "-db", "-f")


tap.main()
