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


if __name__ == "__main__":
    tap.main()
