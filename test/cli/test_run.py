"""`uvws run` and signals, against a scripted server that sees the closing handshake."""

import signal
import unittest

import tap
from peer import CLOSE, TEXT, ScriptedServer, finish, frame, start

LISTENER = """
local WebSockets = require("plugin.websockets")
local ws = WebSockets.new()
ws:addEventListener(ws.WSEVENT, function(event)
  if event.type == ws.ONOPEN then print("open") end
  if event.type == ws.ONCLOSE then print("closed", event.code) end
  io.stdout:flush()
end)
ws:connect("%s", { close_timeout_ms = 60000 })
"""

COROUTINE = """
local uvws = require("uvws")
uvws.run(function()
  local ws = assert(uvws.connect("%s"))
  print("open")
  io.stdout:flush()
  print(ws:receive())
end)
print("not reached")
"""

LUV = 'local uv = require("luv")\nuv.new_timer():start(3600000, 0, function() end)\n'

RECONNECTING = LISTENER.replace("close_timeout_ms = 60000", "reconnect = { delay_ms = 1 }")


class Signals(unittest.TestCase):
    def setUp(self):
        self.server = ScriptedServer()
        self.addCleanup(self.server.__exit__)

    def begin(self, script, under=()):
        process = start("run", "-", under=under)
        process.stdin.write((script % self.server.uri).encode())
        process.stdin.close()
        process.stdin = None
        connection, _ = self.server.accept_websocket()
        self.assertEqual(process.stdout.readline(), b"open\n")
        return process, connection

    def end_by(self, number, script):
        """What the program printed behind "open" when the signal ended it politely."""
        process, connection = self.begin(script)
        process.send_signal(number)
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe9"))
        connection.send(frame(CLOSE, b"\x03\xe9"))
        connection.close()
        status, out, err = finish(process)
        self.assertEqual((status, err), (128 + number, b""))
        return out

    def test_signal_ends_the_connections_of_a_listener_with_1001(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.assertEqual(self.end_by(number, LISTENER), b"closed\t1001\n")
            self.assertEqual(self.end_by(number, LUV + LISTENER), b"closed\t1001\n")

    def test_signal_ends_a_coroutine_and_the_script_does_not_go_on(self):
        self.assertNotIn(b"not reached", self.end_by(signal.SIGTERM, COROUTINE))

    def test_signal_ends_a_script_whose_luv_has_more_to_do(self):
        self.assertEqual(self.end_by(signal.SIGINT, LUV + LISTENER), b"closed\t1001\n")
        self.assertEqual(self.end_by(signal.SIGINT, LISTENER + LUV), b"closed\t1001\n")

    def test_signal_ends_a_client_that_would_connect_again(self):
        self.assertEqual(self.end_by(signal.SIGINT, RECONNECTING), b"closed\t1001\n")

    def test_second_signal_does_not_wait(self):
        for script in (LISTENER, LUV + LISTENER):
            process, connection = self.begin(script)
            process.send_signal(signal.SIGINT)
            self.assertEqual(connection.read_frame()[0], CLOSE)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(finish(process), (128 + signal.SIGTERM, b"", b""))
            connection.close()

    def test_shell_may_repeat_the_hangup_and_nohup_keeps_it_going(self):
        for script in (LISTENER, LUV + LISTENER):
            process, connection = self.begin(script)
            process.send_signal(signal.SIGHUP)
            self.assertEqual(connection.read_frame()[0], CLOSE)
            process.send_signal(signal.SIGHUP)
            connection.send(frame(CLOSE, b"\x03\xe9"))
            connection.close()
            self.assertEqual(finish(process), (128 + signal.SIGHUP, b"closed\t1001\n", b""))
            process, connection = self.begin(script, under=["nohup"])
            process.send_signal(signal.SIGHUP)
            connection.send(frame(CLOSE, b"\x03\xe8"))
            self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe8"))
            connection.close()
            self.assertEqual(process.stdout.readline(), b"closed\t1000\n")
            process.kill()
            finish(process)

    def test_signal_is_the_scripts_own_when_it_watches_it_with_luv(self):
        process, connection = self.begin(
            LUV + 'local s = uv.new_signal()\n'
            's:start("sigint", function() print("mine") io.stdout:flush() end)\n' + LISTENER)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stdout.readline(), b"mine\n")
        connection.send(frame(TEXT, b"x"))
        connection.send(frame(CLOSE, b"\x03\xe8"))
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe8"))
        connection.close()
        self.assertEqual(process.stdout.readline(), b"closed\t1000\n")
        process.kill()
        finish(process)

    def test_signal_before_the_loop_turns_has_its_usual_effect(self):
        process = start("run", "-")
        process.stdin.write(b'require("uvws") print("busy") io.stdout:flush() while true do end')
        process.stdin.close()
        process.stdin = None
        self.assertEqual(process.stdout.readline(), b"busy\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process), (-signal.SIGINT, b"", b""))


if __name__ == "__main__":
    tap.main()
