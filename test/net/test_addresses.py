"""Hosts on more than one address, on a real network: a namespace of its own, with its own /etc/hosts
and a cable with nobody at its far end. What the fake clock of test_dial_way.c says to
the millisecond is looked at from outside: who wins, and whether the 250 ms of RFC 8305 were waited.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))

import tap  # noqa: E402
from peer import CLOSE, SECONDS, ScriptedServer, finish, frame, start  # noqa: E402

OURS = ("fd00:99::1", "10.99.0.1")
HOSTS = {
    "good.test": OURS,
    "silent6.test": ("fd00:99::9", "10.99.0.1"),
    "silent66.test": ("fd00:99::9", "fd00:99::a", "10.99.0.1"),
    "unreachable6.test": ("2001:db8::1", "10.99.0.1"),
}
SILENT = ("fd00:99::9", "fd00:99::a")  # what is sent to them reaches nobody
CABLE = "link add v0 type veth peer name v1"
STAGGER_MS = 250
INSIDE = "UVWS_TEST_IS_INSIDE"


class Server(ScriptedServer):
    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family)
        self.listener.settimeout(SECONDS)
        self.port = self.listener.getsockname()[1]


class Addresses(unittest.TestCase):
    def open(self, host, *listening):
        """How long the connection took to the first of `listening` that `host` should end at."""
        servers, port = [], 0
        for address in listening:
            servers.append(Server(address, port))
            port = servers[0].port
            self.addCleanup(servers[-1].__exit__)
        process = start("connect", "--trace", f"ws://{host}:{port}/")
        connection, _ = servers[0].accept_websocket()
        connection.send(frame(CLOSE, b"\x03\xe8"))
        connection.close()
        status, _, err = finish(process)
        self.assertEqual(status, 0, err)
        return float(re.search(r"connect ([0-9.]+), TLS", err.decode())[1])

    def test_first_address_is_taken_when_both_are_good(self):
        self.assertLess(self.open("good.test", *OURS), STAGGER_MS)

    def test_address_that_refuses_costs_no_time(self):
        self.assertLess(self.open("good.test", OURS[1]), STAGGER_MS)

    def test_address_without_a_route_costs_no_time(self):
        self.assertLess(self.open("unreachable6.test", OURS[1]), STAGGER_MS)

    def test_silent_address_costs_250_ms(self):
        took_ms = self.open("silent6.test", OURS[1])
        self.assertGreaterEqual(took_ms, STAGGER_MS)
        self.assertLess(took_ms, 1000)  # when the kernel would try again

    def test_second_try_is_of_the_other_family(self):
        took_ms = self.open("silent66.test", OURS[1])
        self.assertGreaterEqual(took_ms, STAGGER_MS)
        self.assertLess(took_ms, 2 * STAGGER_MS)

    def test_all_that_failed_are_named_with_their_reasons(self):
        process = start("connect", "--attempt-timeout", "400", "ws://silent6.test:9/")
        status, _, err = finish(process)
        self.assertEqual(status, 1)
        self.assertRegex(err.decode(), r"fd00:99::9: connection timed out; 10\.99\.0\.1: connection refused")


def prepare():
    """Inside of namespaces of our own: the network and the names."""
    ip = ["link set lo up", CABLE, "link set v0 up", "link set v1 up", "addr add 10.99.0.1/24 dev v0",
          "addr add fd00:99::1/64 dev v0 nodad"]
    ip += [f"neigh add {address} lladdr 02:00:00:00:00:99 dev v0" for address in SILENT]
    for words in ip:
        subprocess.run(["ip", *words.split()], check=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        for name, addresses in HOSTS.items():
            file.writelines(f"{address} {name}\n" for address in addresses)
        file.flush()
        os.chmod(file.name, 0o644)
        subprocess.run(["mount", "--bind", file.name, "/etc/hosts"], check=True, timeout=SECONDS)


def main():
    if os.environ.get(INSIDE):
        prepare()
        tap.main()
    command = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    if not shutil.which(command[0]) or subprocess.run([*command, "ip", *CABLE.split()], check=False,
                                                      capture_output=True, stdin=subprocess.DEVNULL,
                                                      timeout=SECONDS).returncode:
        print("1..0 # SKIP no network namespace with a cable in it can be made here")
        return 0
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


sys.exit(main())
