"""`uvws connect` at a terminal: lines are edited and remembered, messages come between."""

import os
import signal
import subprocess
import tempfile
import termios
import unittest

import tap
from peer import CLOSE, PING, PONG, SECONDS, TEXT, EchoServer, ScriptedServer, frame, run
from terminal import Terminal

HAS_EDITOR = os.environ.get("UVWS_HAS_EDITOR") == "1"


def close_frame(code, reason=b""):
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@unittest.skipUnless(HAS_EDITOR, "the build has no libedit")
class Editing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = EchoServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()

    def test_typed_line_is_sent_and_the_answer_is_marked(self):
        with Terminal("connect", self.server.uri) as terminal:
            terminal.wait_for_line(">")
            terminal.type("zwölf €\n")
            terminal.wait_for_line("< zwölf €")
            self.assertIn("> zwölf €", terminal.screen())
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)

    def test_line_is_edited_with_the_usual_keys(self):
        with Terminal("connect", self.server.uri) as terminal:
            terminal.wait_for_line(">")
            terminal.type(b"world\x01hello \x05!\x7f?\x1b[D\x1b[D\x04\n")
            terminal.wait_for_line("< hello worl?")
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)

    def test_arrow_up_and_search_bring_lines_back(self):
        with Terminal("connect", self.server.uri) as terminal:
            for word in ("first", "second"):
                terminal.type(word + "\n")
                terminal.wait_for_line("< " + word)
            terminal.type(b"\x1b[A\x1b[A!\n")
            terminal.wait_for_line("< first!")
            terminal.type(b"\x12seco\n")
            terminal.wait(lambda: terminal.screen().count("< second") == 2, "the line searched for")
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)

    def test_keys_are_left_to_the_editor_between_two_lines_too(self):
        with Terminal("connect", self.server.uri) as terminal:
            terminal.wait_for_line(">")
            seen = terminal.local_modes_until(lambda: terminal.local_modes() & termios.ICANON == 0, set())
            for i in range(50):
                terminal.type(f"line {i}\n")
                echo = f"line {i}\r".encode()  # behind both "> " and "< "
                terminal.local_modes_until(lambda: terminal.output.count(echo) >= 2, seen)
            self.assertEqual({mode & (termios.ICANON | termios.IEXTEN | termios.ECHO) for mode in seen}, {0})
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)

    def test_terminal_that_goes_away_closes_with_1001(self):
        with ScriptedServer() as server:
            with Terminal("connect", server.uri) as terminal:
                connection, _ = server.accept_websocket()
                terminal.wait_for_line(">")
                terminal.hang_up()
                opcode, payload = connection.read_frame()
                if opcode == PING:  # the end of the input was seen before the signal
                    opcode, payload = connection.read_frame()
                self.assertEqual((opcode, payload), (CLOSE, b"\x03\xe9"))
                connection.send(close_frame(1001))
                connection.close()
                self.assertEqual(terminal.process.wait(SECONDS), 0)

    def test_history_outlives_the_program_but_for_lines_behind_a_space(self):
        with tempfile.TemporaryDirectory() as folder:
            with Terminal("connect", self.server.uri, UVWS_HISTORY=f"{folder}/history") as terminal:
                for word in ("kept", " secret"):
                    terminal.type(word + "\n")
                    terminal.wait_for_line("< " + word)
                terminal.type(b"\x04")
                self.assertEqual(terminal.finish(), 0)
            self.assertEqual(os.stat(f"{folder}/history").st_mode & 0o777, 0o600)
            with Terminal("connect", self.server.uri, UVWS_HISTORY=f"{folder}/history") as terminal:
                terminal.wait_for_line(">")
                terminal.type(b"\x1b[A!\n")
                terminal.wait_for_line("< kept!")
                terminal.type(b"\x04")
                self.assertEqual(terminal.finish(), 0)

    def test_history_lies_in_the_folder_for_state(self):
        with tempfile.TemporaryDirectory() as folder:
            with Terminal("connect", self.server.uri, HOME=folder, UVWS_HISTORY=None,
                          XDG_STATE_HOME=None) as terminal:
                terminal.type("x\n")
                terminal.wait_for_line("< x")
                terminal.type(b"\x04")
                self.assertEqual(terminal.finish(), 0)
            self.assertTrue(os.path.exists(f"{folder}/.local/state/uvws/history"))

    def test_escape_key_alone_does_not_hold_up_messages(self):
        with ScriptedServer() as server, Terminal("connect", server.uri) as terminal:
            connection, _ = server.accept_websocket()
            terminal.wait_for_line(">")
            terminal.type(b"typing\x1b")
            terminal.wait_for_line("> typing")
            connection.send(frame(TEXT, b"message"))
            terminal.wait_for_line("< message")
            connection.send(close_frame(1000))
            connection.read_frame()
            connection.close()
            self.assertEqual(terminal.finish(), 0)

    def test_message_steps_in_front_of_a_line_of_three_rows(self):
        typed = "0123456789" * 14
        with ScriptedServer() as server, Terminal("connect", server.uri) as terminal:
            connection, _ = server.accept_websocket()
            terminal.wait_for_line(">")
            terminal.type(typed)
            rows = ["> " + typed[:58], typed[58:118], typed[118:]]
            terminal.wait(lambda: terminal.screen()[-3:] == rows, rows)
            connection.send(frame(TEXT, b"one") + frame(TEXT, b"two"))
            terminal.wait(lambda: terminal.screen()[-5:] == ["< one", "< two", *rows], "both")
            terminal.type("\n")
            self.assertEqual(connection.read_frame(), (TEXT, typed.encode()))
            connection.send(close_frame(1000))
            connection.read_frame()
            connection.close()
            self.assertEqual(terminal.finish(), 0)

    def test_window_may_change_its_size(self):
        typed = "0123456789" * 5
        with ScriptedServer() as server, Terminal("connect", server.uri) as terminal:
            connection, _ = server.accept_websocket()
            terminal.wait_for_line(">")
            terminal.type(typed)
            terminal.wait_for_line("> " + typed)
            terminal.set_size(30)
            terminal.type("!\n")
            self.assertEqual(connection.read_frame(), (TEXT, typed.encode() + b"!"))
            connection.send(close_frame(1000))
            connection.read_frame()
            connection.close()
            self.assertEqual(terminal.finish(), 0)

    def test_server_that_closes_gives_the_terminal_back(self):
        with ScriptedServer() as server, Terminal("connect", server.uri) as terminal:
            connection, _ = server.accept_websocket()
            terminal.wait_for_line(">")
            terminal.type("half a li")
            terminal.wait_for_line("> half a li")
            connection.send(close_frame(4000, b"enough"))
            connection.read_frame()
            connection.close()
            self.assertEqual(terminal.finish(), 0)
            self.assertEqual(terminal.screen()[-2:], ["uvws: closed: 4000 enough", ""])

    def test_interrupt_key_closes_with_1001(self):
        with ScriptedServer() as server, Terminal("connect", server.uri) as terminal:
            connection, _ = server.accept_websocket()
            terminal.wait_for_line(">")
            terminal.type(b"half\x03")
            self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe9"))
            connection.send(close_frame(1001))
            connection.close()
            self.assertEqual(terminal.finish(), 0)

    def test_second_interrupt_while_the_terminal_is_stopped_gives_it_back(self):
        with ScriptedServer() as server:
            with Terminal("connect", "--close-timeout", "600000", server.uri) as terminal:
                connection, _ = server.accept_websocket()
                terminal.wait_for_line(">")
                os.set_blocking(terminal.parent, False)
                for _ in range(8):  # more than a terminal holds, and nobody reads
                    connection.send(frame(TEXT, b"x" * 65000))
                connection.send(frame(PING, b"all"))
                self.assertEqual(connection.read_frame(), (PONG, b"all"))
                terminal.process.send_signal(signal.SIGINT)
                self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe9"))
                terminal.process.send_signal(signal.SIGINT)
                self.assertEqual(terminal.process.wait(10), 130)
                self.assertEqual(terminal.finish(), 130)
                connection.close()

    def test_dumb_terminal_is_left_alone(self):
        with Terminal("connect", self.server.uri, TERM="dumb") as terminal:
            terminal.type("plain\n")
            terminal.wait(lambda: terminal.output.count(b"plain\r\n") == 2, "echo and answer")
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)
            self.assertNotIn(b"\x1b", terminal.output)


class Colors(unittest.TestCase):
    MESSAGE = b'{"a":"b"}'

    def shown(self, **environment):
        with ScriptedServer() as server, Terminal("connect", "--json", server.uri,
                                                  **environment) as terminal:
            connection, _ = server.accept_websocket()
            connection.send(frame(TEXT, self.MESSAGE) + close_frame(4000, b"end"))
            connection.read_frame()
            connection.close()
            terminal.wait_for_line("uvws: closed: 4000 end")
            self.assertEqual(terminal.finish(), 0)
            self.assertIn('  "a": "b"', terminal.screen())
            return terminal.output

    def test_terminal_is_given_colors(self):
        output = self.shown()
        self.assertIn(b'\x1b[34m"a"\x1b[0m', output)
        self.assertIn(b"\x1b[2muvws: closed", output)

    def test_no_color_is_obeyed(self):
        self.assertNotIn(b"\x1b[34m", self.shown(NO_COLOR="1"))
        self.assertIn(b"\x1b[34m", self.shown(NO_COLOR=""))

    def test_pipe_is_given_none(self):
        with EchoServer() as server:
            result = run("connect", "--json", server.uri, stdin=self.MESSAGE)
        self.assertEqual(result.stdout, b'{\n  "a": "b"\n}\n')


class Password(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.cert, cls.key = f"{cls.folder.name}/cert.pem", f"{cls.folder.name}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-subj", "/CN=x", "-passout", "pass:ses@me\u20ac", "-keyout", cls.key, "-out", cls.cert],
                       check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
        cls.server = EchoServer("--tls")
        cls.addClassCleanup(cls.server.__exit__)

    def connect(self, *arguments):
        return Terminal("connect", "--insecure", "--cert", self.cert, "--key", self.key, *arguments, self.server.uri,
                        columns=200, TERM="dumb")

    def test_password_is_asked_for_and_not_shown(self):
        with self.connect() as terminal:
            terminal.wait_for_line(f"password of {self.key}:")
            terminal.type("no\x15ses@m\u20ac\x7fe\u20ac\n")
            terminal.wait(lambda: terminal.local_modes() & termios.ECHO, "the echo is on again")
            terminal.type("open\n")
            terminal.wait(lambda: terminal.output.count(b"open\r\n") == 2, "echo and answer")
            terminal.type(b"\x04")
            self.assertEqual(terminal.finish(), 0)
            self.assertNotIn(b"@m", terminal.output)

    def test_wrong_password_is_told(self):
        with self.connect() as terminal:
            terminal.wait_for_line(f"password of {self.key}:")
            terminal.type("wrong\n")
            terminal.wait_for_line(f"uvws: UVWS_ETLS: key_file {self.key}: the password from on_key_password does not "
                                   "open the key")
            self.assertEqual(terminal.finish(), 1)

    def test_question_can_be_broken_off(self):
        for key in (b"ab\x03", b"\x04"):
            with self.connect() as terminal:
                terminal.wait_for_line(f"password of {self.key}:")
                terminal.type(key)
                terminal.wait_for_line(f"uvws: UVWS_ETLS: key_file {self.key}: the key is encrypted, and its password "
                                       "was not given")
                self.assertEqual(terminal.finish(), 1)

    def test_nobody_is_asked_when_the_password_is_given(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write("ses@me\u20ac\n")
            file.flush()
            with self.connect("--key-password", "@" + file.name) as terminal:
                terminal.type(b"x\n\x04")
                self.assertEqual(terminal.finish(), 0)
                self.assertNotIn(b"password", terminal.output)

    def test_without_a_terminal_the_key_stays_closed(self):
        result = run("connect", "--insecure", "--cert", self.cert, "--key", self.key, self.server.uri,
                     start_new_session=True)
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertIn(b"the key is encrypted, and there is no key_password", result.stderr)


if __name__ == "__main__":
    tap.main()
