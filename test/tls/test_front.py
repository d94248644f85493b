"""wss:// through the servers that end TLS in front of most WebSocket servers: nginx and haproxy, as
installed, with python3-websockets behind them. Both also offer HTTP/2, as they do out there. And to
old versions of TLS, by `openssl s_server`.
"""

import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
sys.path.insert(0, str(HERE.parent / "net"))

import tap  # noqa: E402
import test_real_proxies as net  # noqa: E402
from peer import CLOSE, TEXT, ScriptedServer, finish, frame, run, start  # noqa: E402

CERTS = pathlib.Path(os.environ["UVWS_TLS_CERTS"])

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate {certs}/good.pem;
  ssl_certificate_key {certs}/good.key;
  ssl_stapling on;
  ssl_stapling_file {certs}/good.ocsp;
  ssl_session_cache shared:all:1m;
  proxy_http_version 1.1;
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection "upgrade";
  proxy_set_header Host $http_host;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    location / {{ proxy_pass http://127.0.0.1:{backend}; }}
    location /dead {{ proxy_pass http://127.0.0.1:{dead}; }}
  }}
  server {{
    listen 127.0.0.1:{client_port} ssl;
    ssl_client_certificate {certs}/ca.pem;
    ssl_verify_client on;
    location / {{ proxy_pass http://127.0.0.1:{backend}; }}
  }}
  server {{
    listen 127.0.0.1:{old_port} ssl;
    ssl_protocols TLSv1.2;
    location / {{ proxy_pass http://127.0.0.1:{backend}; }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 100
defaults
  mode http
  timeout connect 10s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
frontend tls
  bind 127.0.0.1:{port} ssl crt {folder}/both.pem alpn h2,http/1.1
  default_backend echo
frontend client
  bind 127.0.0.1:{client_port} ssl crt {folder}/both.pem ca-file {certs}/ca.pem verify required
  default_backend echo
frontend old
  bind 127.0.0.1:{old_port} ssl crt {folder}/both.pem ssl-max-ver TLSv1.2
  default_backend echo
backend echo
  server echo 127.0.0.1:{backend}
"""


class Backend:
    """python3-websockets, by the contract of test/servers."""

    def __init__(self):
        script = HERE.parent / "servers" / "websockets_server.py"
        self.process = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        self.port = int(line.rsplit(":", 1)[1].rstrip("/\n"))

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(net.SECONDS)
        self.process.stdout.close()


class Front(net.Case):
    @classmethod
    def start(cls):
        cls.backend = Backend()
        cls.opened.append(cls.backend)
        cls.ports = {name: net.free_port() for name in ("port", "client_port", "old_port", "dead")}

    @classmethod
    def config(cls, text):
        return cls.write("front.conf", text.format(folder=cls.folder.name, certs=CERTS,
                                                   backend=cls.backend.port, **cls.ports))

    def talk(self, port, *arguments):
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        result = run("connect", "--ca", str(CERTS / "ca.pem"), "--server-name", "a.test", *arguments,
                     f"wss://127.0.0.1:{self.ports[port]}/echo", stdin=lines)
        self.assertEqual(result.stderr, b"")
        self.assertEqual(result.stdout, lines)
        self.assertEqual(result.returncode, 0)

    def refused(self, words, port, *arguments, path="/echo"):
        result = run("connect", "--ca", str(CERTS / "ca.pem"), *arguments,
                     f"wss://127.0.0.1:{self.ports[port]}{path}")
        self.assertEqual(result.returncode, 1)
        self.assertIn(words, result.stderr.decode())


class Nginx(Front):
    @classmethod
    def start(cls):
        program = net.find("nginx")
        super().start()
        cls.launch(cls.ports["port"], program, "-e", "stderr", "-p", cls.folder.name, "-c",
                   cls.config(NGINX))

    def test_nginx_ends_tls(self):
        self.talk("port")

    def test_nginx_staples_an_ocsp_response(self):
        self.talk("port", "--ocsp-staple")

    def test_nginx_of_tls_1_2(self):
        self.talk("old_port")

    def test_nginx_wants_a_client_certificate(self):
        self.talk("client_port", "--cert", str(CERTS / "client.pem"), "--key",
                  str(CERTS / "client.key"))
        self.refused("UVWS_EHTTP_STATUS", "client_port", "--server-name", "a.test")

    def test_nginx_for_another_host(self):
        self.refused("UVWS_ECERT_HOSTNAME: certificate is for a.test, not for 127.0.0.1", "port")

    def test_nginx_without_its_backend(self):
        self.refused("UVWS_EHTTP_STATUS: the server answered the WebSocket handshake with HTTP status 502",
                     "port", "--server-name", "a.test", path="/dead")


class Haproxy(Front):
    @classmethod
    def start(cls):
        program = net.find("haproxy")
        super().start()
        both = (CERTS / "good.pem").read_text() + (CERTS / "good.key").read_text()
        cls.write("both.pem", both)
        cls.launch(cls.ports["port"], program, "-q", "-db", "-f", cls.config(HAPROXY))

    def test_haproxy_ends_tls(self):
        self.talk("port")

    def test_haproxy_of_tls_1_2(self):
        self.talk("old_port")

    def test_haproxy_wants_a_client_certificate(self):
        self.talk("client_port", "--cert", str(CERTS / "client.pem"), "--key",
                  str(CERTS / "client.key"))
        self.refused("UVWS_ETLS: the server sent the TLS alert \"certificate required\"",
                     "client_port", "--server-name", "a.test")

    def test_haproxy_for_another_host(self):
        self.refused("UVWS_ECERT_HOSTNAME", "port")


class SServer:
    """`openssl s_server` of one version: what the client says comes out of it, what is said to it
    goes to the client, so the test is the WebSocket server."""

    def __init__(self, version):
        self.port = net.free_port()
        self.process = subprocess.Popen(
            ["openssl", "s_server", "-quiet", version, "-cipher", "ALL:@SECLEVEL=0", "-accept", f"127.0.0.1:{self.port}",
             "-cert", str(CERTS / "rsa.pem"), "-key", str(CERTS / "rsa.key")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        net.wait_for_port(self.port, self.process)

    def serve(self):
        """Shake hands, send what comes in the first frame back, and close."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.process.stdout.read(1)
        self.say(ScriptedServer.answer(head.decode()))
        self.say(frame(TEXT, self.read_frame()) + frame(CLOSE, b"\x03\xe8"))
        self.read_frame()  # the client's Close: the server ends TCP
        self.process.kill()

    def read_frame(self):
        first = self.process.stdout.read(6)
        payload = self.process.stdout.read(first[1] & 0x7F)
        return bytes(b ^ first[2 + i % 4] for i, b in enumerate(payload))

    def say(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        self.process.kill()
        self.process.communicate()


class Pinned(unittest.TestCase):
    """TLS 1.0 and 1.1, which a stock OpenSSL 3 has switched off but for those who insist."""

    def talk(self, option, *arguments):
        server = SServer(option)
        self.addCleanup(server.close)
        client = start("connect", "--ca", str(CERTS / "ca.pem"), "--server-name", "a.test", *arguments,
                       f"wss://127.0.0.1:{server.port}/")
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        server.serve()
        status, out, err = finish(client)
        self.assertEqual((status, out, err), (0, b"hello\n", b""))

    def test_s_server_of_tls_1_0_and_1_1_is_spoken_to_when_pinned(self):
        for option, version in (("-tls1", "1.0"), ("-tls1_1", "1.1"), ("-tls1_2", "1.2"), ("-tls1_3", "1.3")):
            self.talk(option, "--tls", version)

    def test_a_range_may_reach_down_to_it(self):
        self.talk("-tls1", "--tls-min", "1.0")
        self.talk("-tls1_1", "--tls-min", "1.0", "--tls-max", "1.2")

    def test_nobody_else_speaks_to_it(self):
        for option in ("-tls1", "-tls1_1"):
            server = SServer(option)
            self.addCleanup(server.close)
            result = run("connect", "--ca", str(CERTS / "ca.pem"), "--server-name", "a.test",
                         f"wss://127.0.0.1:{server.port}/")
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr, b"uvws: UVWS_ETLS_VERSION: no TLS version in common with the server (allowed "
                                            b"here: 1.2 to 1.3)\n")


if __name__ == "__main__":
    tap.main()
