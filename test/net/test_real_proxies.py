"""uvws behind proxies that nobody here wrote: tinyproxy, microsocks, haproxy, each as installed.

Each is started on a port of 127.0.0.1 that the kernel has just given out, and is there when it
accepts a connection. haproxy also ends TLS in front of the server, and in front of tinyproxy, which
so becomes an https proxy. A proxy that is not installed is skipped, and said to be.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))

import tap  # noqa: E402
from peer import SECONDS, EchoServer, run  # noqa: E402

CERTS = pathlib.Path(os.environ["UVWS_CERTS"])


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def find(program):
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
    if not path:
        raise unittest.SkipTest(f"{program} is not installed")
    return path


def wait_for_port(port, process):
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"nobody listens on port {port}") from None
            time.sleep(0.01)  # between two attempts; nothing depends on it


class Proxy:
    """A process that listens on `port`."""

    def __init__(self, port, *command):
        self.port = port
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        try:
            wait_for_port(port, self.process)
        except AssertionError:
            self.close()
            raise

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.opened = [EchoServer()]
        cls.server = cls.opened[0]
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for opened in reversed(cls.opened):
            if isinstance(opened, Proxy):
                opened.close()
            else:
                opened.__exit__()
        cls.folder.cleanup()

    @classmethod
    def start(cls):
        pass

    @classmethod
    def launch(cls, port, *command):
        proxy = Proxy(port, *command)
        cls.opened.append(proxy)
        return proxy

    @classmethod
    def write(cls, name, text):
        path = pathlib.Path(cls.folder.name, name)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def echo(self, proxy, *arguments, uri=None, **keywords):
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        result = run("connect", "--proxy", proxy, *arguments, uri or self.server.uri, stdin=lines,
                     **keywords)
        self.assertEqual(result.stderr, b"")
        self.assertEqual(result.stdout, lines)
        self.assertEqual(result.returncode, 0)

    def refused(self, words, proxy, *arguments, uri=None):
        result = run("connect", "--proxy", proxy, *arguments, uri or self.server.uri)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(words, result.stderr.decode())


def tinyproxy_config(port, extra):
    return (f"Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogLevel Error\n"
            f"DisableViaHeader Yes\n{extra}")


class Tinyproxy(Case):
    @classmethod
    def start(cls):
        program = find("tinyproxy")
        open_port, closed_port, tls_port = free_port(), free_port(), free_port()
        cls.launch(open_port, program, "-d", "-c",
                   cls.write("open.conf", tinyproxy_config(open_port, "")))
        cls.launch(closed_port, program, "-d", "-c",
                   cls.write("closed.conf", tinyproxy_config(closed_port, "BasicAuth me secret\n")))
        cls.open = f"http://127.0.0.1:{open_port}"
        cls.closed = f"127.0.0.1:{closed_port}"
        cls.tls_server = EchoServer("--tls")
        cls.opened.append(cls.tls_server)
        cls.start_tls(open_port, tls_port)

    @classmethod
    def start_tls(cls, open_port, tls_port):
        cls.tls = None
        if not shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
            return
        cls.launch(tls_port, *haproxy_command(cls, tls_port, open_port))
        cls.tls = f"https://localhost:{tls_port}"

    def test_messages_pass(self):
        self.echo(self.open)

    def test_messages_pass_over_tls(self):
        self.echo(self.open, "--insecure", uri=self.tls_server.uri)

    def test_the_servers_certificate_is_judged_behind_a_proxy_too(self):
        self.refused("UVWS_ECERT", self.open, uri=self.tls_server.uri)

    def test_user_and_password_are_sent(self):
        self.echo(f"http://me:secret@{self.closed}")

    def test_wrong_and_missing_passwords_are_told(self):
        self.refused("UVWS_EPROXY_AUTH", f"http://me:wrong@{self.closed}")
        self.refused("UVWS_EPROXY_AUTH", f"http://{self.closed}")

    def test_a_server_that_is_not_there_is_the_proxys_refusal(self):
        self.refused("UVWS_EPROXY", self.open, uri=f"ws://127.0.0.1:{free_port()}/")

    def test_messages_pass_through_tls_to_the_proxy(self):
        if not self.tls:
            self.skipTest("haproxy is not installed")
        self.echo(self.tls, "--proxy-ca", str(CERTS / "ca.pem"))

    def test_tls_to_the_server_passes_inside_tls_to_the_proxy(self):
        if not self.tls:
            self.skipTest("haproxy is not installed")
        self.echo(self.tls, "--proxy-ca", str(CERTS / "ca.pem"), "--insecure",
                  uri=self.tls_server.uri)

    def test_the_proxys_certificate_is_judged_whatever_is_skipped_for_the_server(self):
        if not self.tls:
            self.skipTest("haproxy is not installed")
        self.refused("UVWS_ECERT", self.tls, "--insecure")


class Microsocks(Case):
    @classmethod
    def start(cls):
        program = find("microsocks")
        open_port, closed_port = free_port(), free_port()
        cls.launch(open_port, program, "-i", "127.0.0.1", "-p", str(open_port))
        cls.launch(closed_port, program, "-i", "127.0.0.1", "-p", str(closed_port), "-u", "me",
                   "-P", "secret")
        cls.open = f"127.0.0.1:{open_port}"
        cls.closed = f"127.0.0.1:{closed_port}"
        cls.named = f"ws://localhost:{cls.server.uri.split(':')[-1]}"

    def test_messages_pass_with_the_name_looked_up_here(self):
        self.echo(f"socks5://{self.open}", uri=self.named)

    def test_messages_pass_with_the_name_looked_up_by_the_proxy(self):
        self.echo(f"socks5h://{self.open}", uri=self.named)

    def test_user_and_password_are_sent(self):
        self.echo(f"socks5://me:secret@{self.closed}")

    def test_wrong_and_missing_passwords_are_told(self):
        self.refused("UVWS_EPROXY_AUTH", f"socks5://me:wrong@{self.closed}")
        self.refused("UVWS_EPROXY_AUTH", f"socks5://{self.closed}")

    def test_a_server_that_is_not_there_is_the_proxys_refusal(self):
        self.refused("connection refused", f"socks5://{self.open}",
                     uri=f"ws://127.0.0.1:{free_port()}/")

    def test_another_protocol_is_noticed(self):
        self.refused("UVWS_EPROXY", f"http://{self.open}")


def haproxy_command(cls, port, target):
    """haproxy that ends TLS on `port` and passes bytes on to `target`."""
    pem = (CERTS / "server.pem").read_text() + (CERTS / "server.key").read_text()
    config = (f"global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 10s\n"
              f"  timeout client 60s\n  timeout server 60s\n"
              f"frontend f\n  bind 127.0.0.1:{port} ssl crt {cls.write('haproxy.pem', pem)}\n"
              f"  default_backend b\nbackend b\n  server s 127.0.0.1:{target}\n")
    return [find("haproxy"), "-db", "-f", cls.write("haproxy.cfg", config)]


class Haproxy(Case):
    @classmethod
    def start(cls):
        cls.port = free_port()
        target = int(cls.server.uri.split(":")[-1].strip("/"))
        cls.launch(cls.port, *haproxy_command(cls, cls.port, target))

    def test_messages_pass_with_tls_ended_in_front_of_the_server(self):
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        result = run("connect", "--ca", str(CERTS / "ca.pem"), f"wss://localhost:{self.port}/",
                     stdin=lines)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, lines, b""))


if __name__ == "__main__":
    tap.main()
