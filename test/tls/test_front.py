"""wss:// through the servers that end TLS in front of most WebSocket servers: nginx and haproxy, as
installed, with python3-websockets behind them. Both also offer HTTP/2, as they do out there.
"""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
sys.path.insert(0, str(HERE.parent / "net"))

import tap  # noqa: E402
import test_real_proxies as net  # noqa: E402
from peer import run  # noqa: E402

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


if __name__ == "__main__":
    tap.main()
