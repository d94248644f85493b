"""The C example, run as a person would."""

import os
import subprocess
import unittest

import tap
from peer import SECONDS, EchoServer


class Embed(unittest.TestCase):
    def test_embed_sends_from_its_timer_and_its_thread(self):
        with EchoServer() as server:
            result = subprocess.run([os.environ["UVWS_EMBED"], server.uri], capture_output=True,
                                    timeout=SECONDS)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            lines = result.stdout.decode().splitlines()
            self.assertEqual((lines[0], lines[-1].strip()), ("open", "closed: 1000"))
            self.assertEqual(sorted(lines[1:-1]), ["text: the sum is 500500", "text: tick 1",
                                                   "text: tick 2", "text: tick 3"])
            self.assertEqual(server.stop(), (0, b"", b""))

    def test_embed_tells_why_it_cannot_connect(self):
        result = subprocess.run([os.environ["UVWS_EMBED"], "ws://[/"], capture_output=True,
                                timeout=SECONDS)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"UVWS_EURI", result.stderr)



class Threads(unittest.TestCase):
    def test_threads_of_their_own_loops_and_one_without(self):
        with EchoServer() as server:
            result = subprocess.run([os.environ["UVWS_THREADS"], server.uri], capture_output=True,
                                    timeout=SECONDS)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            expected = [f"loop 0: message {i} of another thread" for i in range(1, 6)]
            expected += [f"loop {n}: message {i} of loop {n}" for n in (1, 2) for i in range(1, 6)]
            self.assertEqual(sorted(result.stdout.decode().splitlines()), sorted(expected))
            self.assertEqual(server.stop(), (0, b"", b""))

    def test_threads_come_to_an_end_without_a_server(self):
        result = subprocess.run([os.environ["UVWS_THREADS"], "ws://127.0.0.1:1/"],
                                capture_output=True, timeout=SECONDS)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"ECONNREFUSED", result.stderr)


@unittest.skipUnless("UVWS_WRAPPER" in os.environ, "there is no C++ compiler")
class Wrapper(unittest.TestCase):
    def test_wrapper_says_hello(self):
        with EchoServer() as server:
            result = subprocess.run([os.environ["UVWS_WRAPPER"], server.uri], capture_output=True,
                                    timeout=SECONDS)
            self.assertEqual((result.returncode, result.stderr), (0, b""))
            self.assertEqual(result.stdout, b"text: hello from C++\nclosed: 1000\n")

    def test_wrapper_throws_what_the_library_returns(self):
        result = subprocess.run([os.environ["UVWS_WRAPPER"], "ws://[/"], capture_output=True,
                                timeout=SECONDS)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"bad WebSocket URI", result.stderr)


if __name__ == "__main__":
    tap.main()
