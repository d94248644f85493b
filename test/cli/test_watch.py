"""`uvws connect`: JSON, Pings, control frames, credentials, compression, proxies, slow readers."""

import base64
import json
import os
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

import tap
from peer import (CLOSE, PING, PONG, SECONDS, TEXT, EchoServer, ScriptedServer, finish, frame, run,
                  start)


def close_frame(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def close(connection, code=1000):
    """The server's closing handshake, whatever the client still sends."""
    connection.send(close_frame(code))
    while connection.read_frame()[0] != CLOSE:
        pass
    connection.close()


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = EchoServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def shown(self, *lines):
        result = run("connect", "--json", self.server.uri, stdin="".join(f"{x}\n" for x in lines).encode())
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode()

    def test_json_is_laid_out_one_value_a_line(self):
        self.assertEqual(self.shown('{"a":[1,{"b":null}],"c":{},"d":[ ]}'), """{
  "a": [
    1,
    {
      "b": null
    }
  ],
  "c": {},
  "d": []
}
""")

    def test_tokens_stay_as_they_were_written(self):
        for text in ("1E400", "-0.10e+05", '"\\u00e9\\/"', "12345678901234567890123", '"zwölf €"',
                     "true", "null", '{\n  "k": 1,\n  "k": 2\n}'):
            self.assertEqual(self.shown(text.replace("\n", "")), text + "\n")

    def test_layout_means_the_same(self):
        value = {"list": [[], {}, [[1.5, -2, True, False, None]], ""], "deep": {"er": {"": "x\n\"y\\"}}}
        self.assertEqual(json.loads(self.shown(json.dumps(value))), value)

    def test_what_is_not_json_is_printed_as_it_is(self):
        texts = ["", " ", "hello", "{", "}", "[1,]", "[1 2]", "[,1]", '{"a"}', '{"a":}', '{"a":1,}',
                 "{1:2}", "[}", '{"a":1]', "01", "1.", ".5", "+1", "1e", "-", '"', '"\\x"', '"\\u12g4"',
                 '"\\u12', "nul", "truex", "1 2", "[1]]", "NaN", "'a'", '"a\tb"', "//", "[" * 300 + "]" * 300]
        self.assertEqual(self.shown(*texts), "".join(f"{x}\n" for x in texts))

    def test_nesting_of_256_is_laid_out(self):
        self.assertEqual(json.loads(self.shown("[" * 256 + "]" * 256)), json.loads("[" * 256 + "]" * 256))


class Watching(unittest.TestCase):
    def test_ping_tells_one_round_trip(self):
        with EchoServer() as server:
            result = run("connect", "--ping", server.uri)
        self.assertEqual((result.returncode, result.stdout), (0, b""))
        self.assertRegex(result.stderr, rb"\Auvws: ping: \d+\.\d{3} ms\n\Z")

    def test_ping_with_an_interval_goes_on(self):
        with ScriptedServer() as server:
            process = start("connect", "--ping=1", server.uri)
            connection, _ = server.accept_websocket()
            for number in range(1, 6):
                opcode, payload = connection.read_frame()
                self.assertEqual((opcode, payload), (PING, b"uvws %d" % number))
                connection.send(frame(PONG, b"unasked") + frame(PONG, payload))
                self.assertRegex(process.stderr.readline(), rb"\Auvws: ping: \d+\.\d{3} ms\n\Z")
            close(connection)
            self.assertEqual(process.wait(SECONDS), 0)
            finish(process)

    def test_no_ping_is_sent_while_one_is_unanswered(self):
        with ScriptedServer() as server:
            process = start("connect", "--ping=1", server.uri)
            connection, _ = server.accept_websocket()
            self.assertEqual(connection.read_frame(), (PING, b"uvws 1"))
            process.stdin.write(b"line\n")
            process.stdin.flush()
            self.assertEqual(connection.read_frame(), (TEXT, b"line"))
            close(connection)
            self.assertEqual(finish(process), (0, b"", b""))

    def test_control_frames_are_told_in_both_directions(self):
        with ScriptedServer() as server:
            process = start("connect", "--show-control", server.uri)
            connection, _ = server.accept_websocket()
            connection.send(frame(PING, b"a\x1bb") + frame(PING) + frame(PONG, b"c"))
            self.assertEqual(connection.read_frame(), (PONG, b"a\x1bb"))
            connection.send(close_frame(1000, b"bye"))
            while connection.read_frame()[0] != CLOSE:
                pass
            connection.close()
            status, out, err = finish(process)
        self.assertEqual((status, out), (0, b""))
        self.assertEqual(err.decode().splitlines(), [
            "uvws: < ping, 3 bytes: a\\x1bb", "uvws: > pong, 3 bytes: a\\x1bb", "uvws: < ping, 0 bytes",
            "uvws: > pong, 0 bytes", "uvws: < pong, 1 bytes: c", "uvws: < close 1000 bye"])

    def test_our_closing_is_told_step_by_step(self):
        with EchoServer() as server:
            result = run("connect", "--show-control", server.uri)
        self.assertEqual(result.stderr.decode().splitlines(), [
            "uvws: > ping, 12 bytes: end of input", "uvws: < pong, 12 bytes: end of input",
            "uvws: > close 1000", "uvws: < close 1000"])


class Trace(unittest.TestCase):
    def test_trace_tells_phases_heads_and_frames_and_no_secret(self):
        with EchoServer("--tls") as server:
            result = run("connect", "--trace", "-k", "--auth", "me:secret", server.uri, stdin=b"hello\n")
        self.assertEqual((result.returncode, result.stdout), (0, b"hello\n"))
        for told in (rb"> GET / HTTP/1\.1", rb"> Authorization: \S", rb"< HTTP/1\.1 101",
                     rb"open: resolve \d+\.\d{3}, connect \d+\.\d{3}, TLS \d+\.\d{3}, upgrade \d+\.\d{3} ms",
                     rb"frame out: text, 5 bytes", rb"frame in: text, 5 bytes"):
            self.assertRegex(result.stderr, rb"(?m)^uvws: +\d+\.\d{3} ms " + told)
        self.assertNotIn(base64.b64encode(b"me:secret"), result.stderr)
        self.assertNotIn(b"hello", result.stderr)

    def test_trace_of_a_failure_tells_how_far_it_got(self):
        with ScriptedServer() as server:
            process = start("connect", "--trace", server.uri)
            connection = server.accept()
            connection.read_head()
            connection.close()
            status, out, err = finish(process)
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(err, rb"(?m)^uvws: +\d+\.\d{3} ms .*upgrading")
        self.assertRegex(err, rb"(?m)^uvws: UVWS_\w+: ")


class Credentials(unittest.TestCase):
    def authorization(self, *arguments):
        with ScriptedServer() as server:
            process = start("connect", *arguments, server.uri)
            connection, head = server.accept_websocket()
            close(connection)
            self.assertEqual(finish(process)[0], 0)
        return re.findall(r"(?mi)^authorization: (.*?)\r?$", head)

    def test_user_and_password_are_basic_credentials(self):
        for given in ("user:pass", "user:", ":", "a:b:c", "zwölf:€" * 20):
            expected = "Basic " + base64.b64encode(given.encode()).decode()
            self.assertEqual(self.authorization("--auth", given), [expected])

    def test_token_is_a_bearer_token(self):
        self.assertEqual(self.authorization("--bearer", "abc.DEF=="), ["Bearer abc.DEF=="])

    def test_secrets_may_lie_in_a_file(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("us:er\r\nsecond line\n")
            file.flush()
            self.assertEqual(self.authorization("-u@" + file.name),
                             ["Basic " + base64.b64encode(b"us:er").decode()])
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("token")
            file.flush()
            self.assertEqual(self.authorization("--bearer", "@" + file.name), ["Bearer token"])

    def test_bad_credentials_are_refused_and_not_repeated(self):
        for arguments in (["--auth", "secret"], ["--bearer", ""], ["--auth", "@/no/such/file"],
                          ["--auth", "secret:", "--bearer", "secret"], ["--bearer", "@/dev/null"],
                          ["--auth", "secret" * 2000 + ":"]):
            result = run("connect", *arguments, "ws://127.0.0.1:1/")
            self.assertEqual((result.returncode, result.stdout), (2, b""))
            self.assertRegex(result.stderr, rb"\Auvws: usage: --(auth|bearer): .+\n\Z")
            self.assertNotIn(b"secret", result.stderr)


class Way(unittest.TestCase):
    def first_byte_of_frame(self, *arguments):
        with ScriptedServer() as server:
            process = start("connect", *arguments, server.uri)
            connection = server.accept()
            head = connection.read_head()
            connection.send(server.answer(head, "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                          if "permessage-deflate" in head else ""))
            process.stdin.write(b"x\n")
            process.stdin.flush()
            first = connection.read(1)[0]
            process.kill()
            connection.close()
            finish(process)
        return "permessage-deflate" in head, bool(first & 0x40)

    def test_short_messages_are_compressed_when_asked(self):
        self.assertEqual(self.first_byte_of_frame(), (True, False))
        self.assertEqual(self.first_byte_of_frame("--compress"), (True, True))
        self.assertEqual(self.first_byte_of_frame("--no-compress"), (False, False))

    def test_proxy_is_asked_for_a_tunnel(self):
        with ScriptedServer() as server:
            uri = server.uri.replace("ws://", "http://user:pass@")
            process = start("connect", "--proxy", uri, "--proxy-header", "X-Way: there",
                            "--attempt-timeout", "9000", "--tcp-keepalive", "60", "ws://example.invalid/")
            connection = server.accept()
            head = connection.read_head()
            connection.send(b"HTTP/1.1 407 Who\r\nContent-Length: 5\r\n\r\nno!\n\n")
            status, out, err = finish(process)
            connection.close()
        self.assertRegex(head, r"\ACONNECT example\.invalid:80 HTTP/1\.1\r\n")
        self.assertIn("X-Way: there\r\n", head)
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(err, rb"\Auvws: UVWS_EPROXY_AUTH: .*\nno!\n\n\Z")

    def test_redirect_is_followed_when_allowed(self):
        with EchoServer() as target, ScriptedServer() as server:
            process = start("connect", "--max-redirects", "1", server.uri)
            connection = server.accept()
            connection.read_head()
            connection.send(f"HTTP/1.1 302 There\r\nLocation: {target.uri}\r\n"
                            "Content-Length: 0\r\n\r\n".encode())
            connection.close()
            self.assertEqual(finish(process, b"moved\n"), (0, b"moved\n", b""))

    def test_unix_socket_is_connected_to(self):
        with tempfile.TemporaryDirectory() as folder, ScriptedServer() as server:
            server.listener.close()
            server.listener = socket.socket(socket.AF_UNIX)
            server.listener.settimeout(SECONDS)
            server.listener.bind(folder + "/socket")
            server.listener.listen()
            process = start("connect", "--socket", folder + "/socket", "ws://name/path")
            connection, head = server.accept_websocket()
            self.assertRegex(head, r"\AGET /path HTTP/1\.1\r\n")
            close(connection)
            self.assertEqual(finish(process)[0], 0)


class Limits(unittest.TestCase):
    def ends_with(self, error, *arguments, talk):
        """What `uvws connect` says at its end, and that it says nothing else."""
        with ScriptedServer() as server:
            process = start("connect", *arguments, server.uri)
            talk(server)
            status, out, err = finish(process)
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(err.decode(), rf"\Auvws: {error}: [^\n]+\n\Z")

    def test_server_that_answers_no_ping_is_given_up(self):
        def talk(server):
            connection, _ = server.accept_websocket()
            self.addCleanup(connection.close)
            self.assertEqual(connection.read_frame()[0], PING)

        self.ends_with("UVWS_EPONG_TIMEOUT", "--ping-interval", "20", "--pong-timeout", "50", talk=talk)

    def test_connection_without_messages_is_closed_when_asked(self):
        def talk(server):
            connection, _ = server.accept_websocket()
            self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe9"))
            connection.send(frame(CLOSE, b"\x03\xe9"))
            connection.close()

        self.ends_with("UVWS_EIDLE_TIMEOUT", "--idle-timeout", "20", talk=talk)

    def test_answer_with_a_large_head_is_refused(self):
        def talk(server):
            connection = server.accept()
            connection.read_head()
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"y" * 300 + b"\r\n\r\n")
            self.addCleanup(connection.close)

        self.ends_with("UVWS_EHEAD_TOO_LARGE", "--max-head-size", "200", talk=talk)

    def test_keys_are_logged_where_the_environment_says(self):
        with tempfile.TemporaryDirectory() as folder, EchoServer("--tls") as server:
            environment = {**os.environ, "SSLKEYLOGFILE": f"{folder}/keys"}
            self.assertEqual(run("connect", "-k", server.uri, env=environment).returncode, 0)
            self.assertEqual(os.listdir(folder), [])
            self.assertEqual(run("connect", "-k", "--keylog-from-env", server.uri, env=environment).returncode, 0)
            with open(f"{folder}/keys", encoding="ascii") as file:
                self.assertIn("CLIENT_TRAFFIC_SECRET_0 ", file.read())


class SlowReader(unittest.TestCase):
    LINE = b"x" * 1023

    def flood(self, connection, most):
        """How much the server could send until nothing more went for a second."""
        data = frame(TEXT, self.LINE) * 64
        connection.stream.setblocking(False)
        sent = 0
        while sent < most and select.select([], [connection.stream], [], 1)[1]:
            sent += connection.stream.send(data[sent % len(data):])
        connection.stream.settimeout(SECONDS)
        return sent

    def test_slow_reader_slows_down_the_server_and_loses_nothing(self):
        most = 64 * 1024 * 1024
        with ScriptedServer() as server:
            process = start("connect", server.uri)
            connection, _ = server.accept_websocket()
            sent = self.flood(connection, most)
            self.assertLess(sent, most)
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                resident = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
            rest = (-sent) % len(frame(TEXT, self.LINE))
            whole = frame(TEXT, self.LINE)
            count = (sent + rest) // len(whole)
            lines = 0
            if rest:  # the frame that was cut
                tail = threading.Thread(target=connection.send, args=(whole[-rest:],))
                tail.start()
            while lines < count:
                self.assertEqual(process.stdout.readline(), self.LINE + b"\n")
                lines += 1
            if rest:
                tail.join(SECONDS)
            close(connection)
            self.assertEqual(finish(process), (0, b"", b""))
        # The sanitizers keep memory of their own.
        if os.environ.get("UVWS_IS_SANITIZED") != "1":
            self.assertLess(resident, 24 * 1024)

    def test_control_frames_are_answered_until_a_megabyte_waits(self):
        with ScriptedServer() as server:
            process = start("connect", server.uri)
            connection, _ = server.accept_websocket()
            for number in range(4):
                connection.send(frame(TEXT, self.LINE) * 128 + frame(PING, b"%d" % number))
                self.assertEqual(connection.read_frame(), (PONG, b"%d" % number))
            process.kill()
            connection.close()
            finish(process)

    def test_second_interrupt_ends_it_while_output_is_stuck(self):
        with ScriptedServer() as server:
            process = start("connect", "--close-timeout", "600000", server.uri)
            connection, _ = server.accept_websocket()
            self.flood(connection, 64 * 1024 * 1024)
            process.send_signal(signal.SIGINT)
            self.assertEqual(connection.read_frame()[0], CLOSE)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(SECONDS), 130)
            finish(process)
            connection.close()

    def test_slow_reader_of_echoes_gets_them_all(self):
        lines = b"".join(b"%d %s\n" % (i, self.LINE) for i in range(8000))
        with EchoServer() as server:
            process = start("connect", server.uri, stdin=subprocess.PIPE)
            feeder = threading.Thread(target=lambda: (process.stdin.write(lines), process.stdin.close()))
            feeder.start()
            chunks = list(iter(lambda: os.read(process.stdout.fileno(), 4096), b""))
            feeder.join(SECONDS)
            self.assertEqual(process.wait(SECONDS), 0)
            self.assertEqual(process.stderr.read(), b"")
            process.stdout.close()
            process.stderr.close()
        self.assertEqual(b"".join(chunks), lines)


if __name__ == "__main__":
    tap.main()
