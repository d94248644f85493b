"""`uvws echo-server`, against python3-websockets and scripted clients."""

import asyncio
import os
import signal
import socket
import ssl
import tempfile
import unittest

import tap
from peer import CLOSE, PING, PONG, TEXT, Connection, EchoServer, finish, frame, run

try:
    import websockets
except ImportError:
    websockets = None

HANDSHAKE = (b"GET /any HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n"
             b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p1, p2\r\n\r\n")
MASK = b"\x01\x02\x03\x04"


def connect(server):
    return Connection(socket.create_connection(("127.0.0.1", server.port)))


def closing(code):
    return frame(CLOSE, code.to_bytes(2, "big"), MASK)


class Scripted(unittest.TestCase):
    def setUp(self):
        self.server = EchoServer()
        self.addCleanup(self.server.__exit__)
        self.clients = []

    def open(self):
        connection = connect(self.server)
        self.clients.append(connection)
        connection.send(HANDSHAKE)
        return connection, connection.read_head()

    def tearDown(self):
        for client in self.clients:
            client.close()
        if self.server.process.poll() is None:
            self.assertEqual(self.server.stop(), (0, b"", b""))

    def test_first_protocol_offered_is_taken(self):
        _, head = self.open()
        self.assertIn("\r\nSec-WebSocket-Protocol: p1\r\n", head)
        self.assertIn("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", head)

    def test_message_is_answered_before_the_close_behind_it(self):
        connection, _ = self.open()
        connection.send(frame(TEXT, b"hi", MASK) + closing(1000))
        self.assertEqual(connection.read_frame(), (TEXT, b"hi"))
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe8"))
        self.assertEqual(connection.read_rest(), b"")

    def test_ping_between_fragments_is_answered(self):
        connection, _ = self.open()
        connection.send(frame(TEXT, b"a", MASK, fin=False) + frame(PING, b"p", MASK) +
                        frame(0, b"b", MASK))
        self.assertEqual(connection.read_frame(), (PONG, b"p"))
        self.assertEqual(connection.read_frame(), (TEXT, b"ab"))

    def test_input_byte_by_byte_is_the_same(self):
        connection = connect(self.server)
        connection.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HANDSHAKE + frame(TEXT, b"x" * 200, MASK) + closing(1000):
            connection.send(bytes([byte]))
        connection.read_head()
        self.assertEqual(connection.read_frame(), (TEXT, b"x" * 200))
        self.assertEqual(connection.read_frame(), (CLOSE, b"\x03\xe8"))
        connection.close()

    def test_broken_frames_are_closed_with_their_code(self):
        for data, code in ((frame(TEXT, b"unmasked"), b"\x03\xea"),
                           (frame(TEXT, b"\xff", MASK), b"\x03\xef")):
            connection, _ = self.open()
            connection.send(data)
            self.assertEqual(connection.read_frame(), (CLOSE, code))

    def test_what_is_no_handshake_is_refused(self):
        for data, status in ((b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"426"),
                             (b"garbage\r\n\r\n", b"400"),
                             (HANDSHAKE.replace(b"GET", b"PUT"), b"405"),
                             (HANDSHAKE.replace(b"sZSBub25jZQ==", b""), b"400"),
                             (b"GET / HTTP/1.1\r\nA: " + b"x" * 70000, b"431")):
            connection = connect(self.server)
            connection.send(data)
            self.assertTrue(connection.read_rest().startswith(b"HTTP/1.1 " + status), status)
            connection.close()

    def test_clients_that_vanish_anywhere_leave_nothing(self):
        data = HANDSHAKE + frame(TEXT, b"hi" * 100, MASK)
        for cut in range(0, len(data), 5):
            connection = connect(self.server)
            connection.send(data[:cut])
            connection.close()

    def test_signal_closes_every_client_with_1001(self):
        clients = [self.open()[0] for _ in range(5)]
        self.server.process.send_signal(signal.SIGINT)
        for client in clients:
            self.assertEqual(client.read_frame(), (CLOSE, b"\x03\xe9"))
            client.send(closing(1001))
            client.close()
        self.assertEqual(finish(self.server.process), (0, b"", b""))

    def test_second_signal_does_not_wait(self):
        client, _ = self.open()
        self.server.process.send_signal(signal.SIGINT)
        self.assertEqual(client.read_frame(), (CLOSE, b"\x03\xe9"))
        self.server.process.send_signal(signal.SIGINT)
        self.assertEqual(finish(self.server.process), (130, b"", b""))


class Program(unittest.TestCase):
    def test_once_ends_behind_the_first_client(self):
        with EchoServer("--once", "--verbose") as server:
            connection = connect(server)
            connection.send(HANDSHAKE + closing(1000))
            connection.read_rest()
            port = connection.stream.getsockname()[1]
            connection.close()
            said = f"127.0.0.1:{port} open\n127.0.0.1:{port} closed 1000\n"
            self.assertEqual(finish(server.process), (0, b"", said.encode()))

    def test_port_in_use_is_told(self):
        with EchoServer() as server:
            result = run("echo-server", "--port", str(server.port))
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertRegex(result.stderr, rb"\Auvws: EADDRINUSE: .*\n\Z")

    def test_certificate_that_cannot_be_written_is_told(self):
        result = run("echo-server", "--tls", "--write-cert", "/nonexistent/cert.pem")
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertRegex(result.stderr, rb"\Auvws: /nonexistent/cert.pem: .*\n\Z")

    def test_client_without_tls_is_dropped_by_a_server_with_tls(self):
        with EchoServer("--tls") as server:
            connection = connect(server)
            connection.send(HANDSHAKE)
            self.assertNotIn(b"HTTP", connection.read_rest())
            connection.close()
            self.assertEqual(server.stop(), (0, b"", b""))


@unittest.skipIf(websockets is None, "python3-websockets is not installed")
class Websockets(unittest.TestCase):
    MESSAGES = ["", "zwölf €", b"\0\1\2", "a" * 125, "b" * 126, "c" * 65535, "d" * 65536,
                b"e" * (1 << 20), b"f" * (16 << 20)]

    def over_both(self, talk):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "cert.pem")
            for arguments in ([], ["--tls", "--write-cert", path]):
                with EchoServer(*arguments) as server:
                    options = {"max_size": None, "compression": None}
                    if arguments:
                        options["ssl"] = ssl.create_default_context(cafile=path)
                        options["ssl"].verify_flags |= ssl.VERIFY_X509_STRICT
                    asyncio.run(asyncio.wait_for(talk(server.uri, options), 60))
                    self.assertEqual(server.stop(), (0, b"", b""))

    def test_messages_of_all_sizes_come_back(self):
        async def talk(uri, options):
            async with websockets.connect(uri, **options) as client:
                for message in self.MESSAGES:
                    await client.send(message)
                    self.assertEqual(await client.recv(), message)
                await (await client.ping(b"hello"))
            self.assertEqual(client.close_code, 1000)
        self.over_both(talk)

    def test_hundred_clients_at_once_are_served(self):
        async def one(uri, options):
            async with websockets.connect(uri, **options) as client:
                for i in range(10):
                    await client.send(f"message {i}")
                    self.assertEqual(await client.recv(), f"message {i}")

        async def talk(uri, options):
            await asyncio.gather(*[one(uri, options) for _ in range(100)])
        self.over_both(talk)

    def test_client_that_sends_much_before_it_reads_is_served(self):
        async def talk(uri, options):
            async with websockets.connect(uri, max_queue=None, **options) as client:
                for _ in range(200):
                    await client.send(b"x" * 100_000)
                for _ in range(200):
                    self.assertEqual(len(await client.recv()), 100_000)
        self.over_both(talk)


if __name__ == "__main__":
    tap.main()
