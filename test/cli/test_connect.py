"""`uvws connect`, against `uvws echo-server` and a scripted server."""

import os
import pty
import signal
import socket
import subprocess
import tempfile
import unittest

import tap
from peer import (BINARY, CLOSE, PING, PONG, SECONDS, TEXT, EchoServer, ScriptedServer, finish,
                  frame, run, start)


def close_frame(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


def answer_until_close(connection):
    """Answer pings and the Close; what came before, the Close included."""
    frames = []
    while not frames or frames[-1][0] != CLOSE:
        opcode, payload = connection.read_frame()
        if opcode == PING:
            connection.send(frame(PONG, payload))
        else:
            frames.append((opcode, payload))
    connection.send(frame(CLOSE, frames[-1][1]))
    return frames


class EchoedLines(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = EchoServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def echo(self, stdin, *arguments):
        result = run("connect", *arguments, self.server.uri, stdin=stdin)
        self.assertEqual(result.stderr, b"")
        self.assertEqual(result.returncode, 0)
        return result.stdout

    def test_each_line_is_a_message_and_each_message_is_a_line(self):
        self.assertEqual(self.echo("one\nzwölf €\n".encode()), "one\nzwölf €\n".encode())

    def test_empty_line_is_an_empty_message(self):
        self.assertEqual(self.echo(b"\n\na\n"), b"\n\na\n")

    def test_last_line_counts_without_a_newline(self):
        self.assertEqual(self.echo(b"a\nb"), b"a\nb\n")

    def test_no_input_closes_cleanly(self):
        self.assertEqual(self.echo(b""), b"")

    def test_binary_messages_carry_any_byte_but_the_newline(self):
        line = bytes(b for b in range(256) if b != 10)
        self.assertEqual(self.echo(line + b"\n", "--binary"), line + b"\n")

    def test_hundred_thousand_lines_come_back_in_order(self):
        lines = b"".join(b"%d\n" % i for i in range(100_000))
        self.assertEqual(self.echo(lines), lines)

    def test_line_of_three_megabytes_comes_back(self):
        line = b"0123456789" * 300_000 + b"\n"
        self.assertEqual(self.echo(line), line)

    def test_lines_above_the_librarys_high_water_mark_come_back(self):
        line = b"0123456789" * 1_200_000 + b"\n"
        self.assertEqual(self.echo(2 * line), 2 * line)

    def test_standard_input_may_be_a_file(self):
        with tempfile.TemporaryFile() as file:
            lines = b"".join(b"line %d\n" % i for i in range(50_000))
            file.write(lines)
            file.seek(0)
            process = start("connect", self.server.uri, stdin=file)
            self.assertEqual(finish(process), (0, lines, b""))

    def test_standard_input_and_output_may_be_one_socket(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.settimeout(SECONDS)
            process = start("connect", self.server.uri, stdin=theirs, stdout=theirs)
            ours.sendall(b"both\n")
            self.assertEqual(ours.recv(100), b"both\n")
            ours.shutdown(socket.SHUT_WR)
            self.assertEqual(finish(process)[0], 0)

    def test_pipe_is_blocking_again_behind_the_program(self):
        reader, writer = os.pipe()
        process = start("connect", self.server.uri, stdin=reader)
        os.write(writer, b"x\n")
        self.assertEqual(process.stdout.readline(), b"x\n")
        os.close(writer)
        self.assertEqual(finish(process)[0], 0)
        self.assertTrue(os.get_blocking(reader))
        os.close(reader)

    def test_closed_standard_input_is_empty(self):
        result = subprocess.run(["sh", "-c", 'exec "$0" connect "$1" <&-', os.environ["UVWS_PROGRAM"],
                                 self.server.uri], capture_output=True, timeout=SECONDS)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"", b""))

    def test_closed_standard_output_is_an_error(self):
        result = subprocess.run(["sh", "-c", 'echo a | "$0" connect "$1" >&-',
                                 os.environ["UVWS_PROGRAM"], self.server.uri],
                                capture_output=True, timeout=SECONDS)
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, b"uvws: EBADF: standard output cannot be written\n")

    def test_reader_that_goes_away_ends_it(self):
        process = start("connect", self.server.uri)
        process.stdin.write(b"first\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"first\n")
        process.stdout.close()
        process.stdin.write(b"second\n")
        process.stdin.flush()
        self.assertEqual(process.wait(SECONDS), 1)
        self.assertEqual(process.stderr.read(), b"")
        process.stdin.close()
        process.stderr.close()

    def test_terminal_is_read_by_the_line_until_its_end_of_file(self):
        parent, child = pty.openpty()
        process = start("connect", self.server.uri, stdin=child)
        os.close(child)
        os.write(parent, b"typed\n")
        self.assertEqual(process.stdout.readline(), b"typed\n")
        os.write(parent, b"\x04")
        self.assertEqual(finish(process), (0, b"", b""))
        os.close(parent)

    def test_terminal_is_shown_control_characters_as_text(self):
        parent, child = pty.openpty()
        process = start("connect", self.server.uri, stdout=child)
        os.close(child)
        process.stdin.write(b"a\x1b[31m\xc2\x9bb\tc\n")
        process.stdin.flush()
        seen = b""
        while not seen.endswith(b"\n"):
            seen += os.read(parent, 100)
        self.assertEqual(seen, b"a\\x1b[31m\\xc2\\x9bb\tc\r\n")
        self.assertEqual(finish(process)[0], 0)
        os.close(parent)


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.ca = os.path.join(cls.folder.name, "cert.pem")
        cls.server = EchoServer("--tls", "--write-cert", cls.ca)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()

    def test_certificate_given_by_ca_is_trusted(self):
        result = run("connect", "--ca", self.ca, self.server.uri, stdin=b"secret\n")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, b"secret\n", b""))

    def test_self_signed_certificate_is_refused(self):
        result = run("connect", self.server.uri, stdin=b"secret\n")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertRegex(result.stderr, rb"\Auvws: UVWS_ECERT_SELF_SIGNED: .*\n\Z")

    def test_insecure_accepts_any_certificate(self):
        result = run("connect", "--insecure", self.server.uri, stdin=b"secret\n")
        self.assertEqual((result.returncode, result.stdout), (0, b"secret\n"))

    def test_certificate_for_another_name_is_refused(self):
        result = run("connect", "--ca", self.ca, "--server-name", "example.org", self.server.uri)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rb"\Auvws: UVWS_ECERT_HOSTNAME: .*\n\Z")

    def test_tls_version_can_be_chosen(self):
        for version in ("1.2", "1.3"):
            result = run("connect", "--ca", self.ca, "--tls", version, self.server.uri, stdin=b"v\n")
            self.assertEqual((result.returncode, result.stdout), (0, b"v\n"))

    def test_missing_ca_file_is_named(self):
        result = run("connect", "--ca", "/nonexistent.pem", self.server.uri)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"/nonexistent.pem", result.stderr)


class ScriptedPeer(unittest.TestCase):
    def setUp(self):
        self.server = ScriptedServer()
        self.addCleanup(self.server.listener.close)

    def test_options_reach_the_request(self):
        process = start("connect", "-H", "X-One: 1", "--header=X-Two:2", "--origin", "http://o",
                        "--protocol", "p2", "--protocol", "p1", "-v", self.server.uri)
        connection, head = self.server.accept_websocket("Sec-WebSocket-Protocol: p1\r\n")
        process.stdin.close()
        process.stdin = None
        answer_until_close(connection)
        connection.close()
        status, _, err = finish(process)
        self.assertEqual(status, 0)
        lines = head.split("\r\n")
        for line in ("X-One: 1", "X-Two: 2", "Origin: http://o", "Sec-WebSocket-Protocol: p2, p1"):
            self.assertIn(line, lines)
        self.assertEqual(err, b"uvws: open, subprotocol p1\nuvws: closed: 1000\n")

    def test_port_wins_over_the_port_of_the_uri(self):
        port = self.server.listener.getsockname()[1]
        process = start("connect", "--port", str(port), "ws://127.0.0.1:1/")
        connection, _ = self.server.accept_websocket()
        process.stdin.close()
        process.stdin = None
        answer_until_close(connection)
        connection.close()
        self.assertEqual(finish(process)[0], 0)

    def exchange(self, stdin, *arguments):
        process = start("connect", *arguments, self.server.uri)
        connection, _ = self.server.accept_websocket()
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        frames = answer_until_close(connection)
        connection.close()
        self.assertEqual(finish(process)[0], 0)
        return frames

    def test_lines_are_text_and_binary_when_asked(self):
        end = (CLOSE, b"\x03\xe8")
        self.assertEqual(self.exchange(b"a\nb\n"), [(TEXT, b"a"), (TEXT, b"b"), end])
        self.assertEqual(self.exchange(b"a\n\n", "-b"), [(BINARY, b"a"), (BINARY, b""), end])

    def test_messages_behind_the_end_of_input_are_printed(self):
        process = start("connect", self.server.uri, stdin=subprocess.DEVNULL)
        connection, _ = self.server.accept_websocket()
        opcode, payload = connection.read_frame()
        self.assertEqual(opcode, PING)
        connection.send(frame(TEXT, b"before the pong") + frame(PONG, payload))
        self.assertEqual(connection.read_frame()[0], CLOSE)
        connection.send(frame(TEXT, b"before the close") + close_frame(1000))
        connection.close()
        self.assertEqual(finish(process), (0, b"before the pong\nbefore the close\n", b""))

    def test_linger_of_zero_closes_without_a_ping(self):
        process = start("connect", "--linger", "0", self.server.uri, stdin=subprocess.DEVNULL)
        connection, _ = self.server.accept_websocket()
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe8"))
        connection.send(close_frame(1000))
        connection.close()
        self.assertEqual(finish(process), (0, b"", b""))

    def test_server_that_answers_no_ping_is_closed_all_the_same(self):
        process = start("connect", self.server.uri, stdin=subprocess.DEVNULL)
        connection, _ = self.server.accept_websocket()
        self.assertEqual(connection.read_frame()[0], PING)
        self.assertEqual(connection.read_frame()[0], CLOSE)
        connection.send(close_frame(1000))
        connection.close()
        self.assertEqual(finish(process)[0], 0)

    def test_close_by_the_server_is_told_and_clean(self):
        process = start("connect", self.server.uri)
        connection, _ = self.server.accept_websocket()
        connection.send(close_frame(4000, b"enough\x1b"))
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x0f\xa0"))
        connection.close()
        self.assertEqual(process.wait(SECONDS), 0)
        self.assertEqual(finish(process)[1:], (b"", b"uvws: closed: 4000 enough\\x1b\n"))

    def test_lost_connection_is_an_error(self):
        process = start("connect", self.server.uri)
        connection, _ = self.server.accept_websocket()
        connection.close()
        self.assertEqual(process.wait(SECONDS), 1)
        self.assertRegex(finish(process)[2], rb"\Auvws: UVWS_ELOST: .*\n\Z")

    def test_refusal_shows_status_and_the_first_lines_of_the_body(self):
        process = start("connect", self.server.uri)
        connection = self.server.accept()
        connection.read_head()
        body = b"".join(b"line %d\n" % i for i in range(100))
        connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        status, out, err = finish(process)
        connection.close()
        self.assertEqual((status, out), (1, b""))
        self.assertRegex(err, rb"\Auvws: UVWS_EHTTP_STATUS: .*403.*\n"
                              rb"line 0\nline 1\nline 2\nline 3\nline 4\n\Z")

    def test_line_that_was_not_sent_is_a_failure(self):
        ours, theirs = socket.socketpair()
        with ours:
            process = start("connect", self.server.uri, stdin=theirs)
            theirs.close()
            connection, _ = self.server.accept_websocket()
            connection.send(close_frame(1000))
            connection.read_frame()
            try:
                ours.sendall(b"too late\n")
            except BrokenPipeError:
                pass
            connection.close()
            status, out, err = finish(process)
        # When the program has ended before it could read the line, nobody has lost it.
        self.assertIn((status, err), [(0, b""), (
            1, b"uvws: the connection ended before every line was sent\n")])
        self.assertEqual(out, b"")

    def test_interrupt_closes_with_1001(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = start("connect", self.server.uri)
            connection, _ = self.server.accept_websocket()
            connection.send(frame(TEXT, b"open"))
            self.assertEqual(process.stdout.readline(), b"open\n")
            process.send_signal(number)
            self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe9"))
            connection.send(close_frame(1001))
            connection.close()
            self.assertEqual(finish(process), (0, b"", b""))

    def test_second_interrupt_does_not_wait(self):
        process = start("connect", "--close-timeout", "600000", self.server.uri)
        connection, _ = self.server.accept_websocket()
        connection.send(frame(TEXT, b"open"))
        self.assertEqual(process.stdout.readline(), b"open\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(connection.read_frame()[0], CLOSE)
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process), (130, b"", b""))
        connection.close()

    def test_shell_may_repeat_the_hangup(self):
        process = start("connect", self.server.uri)
        connection, _ = self.server.accept_websocket()
        connection.send(frame(TEXT, b"open"))
        self.assertEqual(process.stdout.readline(), b"open\n")
        process.send_signal(signal.SIGHUP)
        self.assertEqual(connection.read_frame()[0], CLOSE)
        process.send_signal(signal.SIGHUP)
        connection.send(frame(TEXT, b"still here"))
        self.assertEqual(process.stdout.readline(), b"still here\n")
        connection.send(close_frame(1001))
        connection.close()
        self.assertEqual(finish(process), (0, b"", b""))

    def test_nohup_keeps_it_going(self):
        process = start("connect", self.server.uri, under=["nohup"])
        connection, _ = self.server.accept_websocket()
        process.send_signal(signal.SIGHUP)
        connection.send(frame(TEXT, b"still here"))
        self.assertEqual(process.stdout.readline(), b"still here\n")
        connection.send(close_frame(1000))
        self.assertEqual(connection.read_frame()[0], CLOSE)
        connection.close()
        self.assertEqual(finish(process)[0], 0)

    def test_interrupt_while_connecting_ends_it(self):
        process = start("connect", self.server.uri)
        connection = self.server.accept()
        connection.read_head()
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process), (1, b"", b""))
        connection.close()

    def test_input_waits_while_the_server_does_not_read(self):
        process = start("connect", self.server.uri)
        connection, _ = self.server.accept_websocket()
        connection.send(frame(TEXT, b"open"))
        self.assertEqual(process.stdout.readline(), b"open\n")
        os.set_blocking(process.stdin.fileno(), False)
        taken = self.feed_until_stuck(process.stdin.fileno(), 64 * 1024 * 1024)
        self.assertLess(taken, 64 * 1024 * 1024)
        process.kill()
        connection.close()
        process.wait(SECONDS)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()

    @staticmethod
    def feed_until_stuck(descriptor, most):
        """How much was taken until nothing more was for a second, or `most`."""
        import select
        line = b"x" * 1023 + b"\n"
        taken = 0
        while taken < most:
            if not select.select([], [descriptor], [], 1)[1]:
                break
            taken += os.write(descriptor, line * 32)
        return taken


class Misuse(unittest.TestCase):
    def test_refused_connection_is_one_line_and_status_1(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            result = run("connect", f"ws://127.0.0.1:{unused.getsockname()[1]}/")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertRegex(result.stderr, rb"\Auvws: ECONNREFUSED: .*\n\Z")

    def test_bad_uri_is_one_line_and_status_1(self):
        result = run("connect", "http://127.0.0.1/")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertRegex(result.stderr, rb"\Auvws: UVWS_EURI: .*\n\Z")

    def test_line_break_in_a_header_is_refused(self):
        result = run("connect", "-H", "A: b\r\nC: d", "ws://127.0.0.1:1/")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rb"\Auvws: UVWS_EOPTION: .*\n\Z")

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments in (["--bogus", "ws://h/"], ["--port"], ["--port", "70000", "ws://h/"],
                          ["--tls", "1.4", "ws://h/"], ["-H", "none", "ws://h/"], [],
                          ["ws://h/", "ws://i/"], ["--binary=1", "ws://h/"], ["-X"],
                          ["--linger", "-1", "ws://h/"]):
            result = run("connect", *arguments)
            self.assertEqual((result.returncode, result.stdout), (2, b""), arguments)
            self.assertRegex(result.stderr, rb"\Auvws: usage: .*\n\Z", arguments)

    def test_help_goes_to_standard_output(self):
        for arguments in (["--help"], ["connect", "--help"], ["echo-server", "-h"]):
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertTrue(result.stdout.startswith(b"usage: uvws "))

    def test_version_is_printed(self):
        result = run("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, rb"\Auvws \d+\.\d+\.\d+\n\Z")

    def test_unknown_command_is_status_2(self):
        self.assertEqual(run("dance").returncode, 2)
        self.assertEqual(run().returncode, 2)


if __name__ == "__main__":
    tap.main()
