"""python3-websockets as a test server; README.md beside this file tells what each path does."""

import asyncio
import http
import logging
import os
import ssl
import sys
import threading
import urllib.parse

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def first(socket):
    await socket.send("welcome")
    await socket.send(bytes([0, 1, 2]))
    await echo(socket)


async def fragments(socket):
    async def pieces():
        yield "one "
        yield "two "
        await socket.ping("between")
        yield "three"

    await socket.send(pieces())
    await echo(socket)


async def ping(socket):
    pong = await socket.ping("are you there")
    await pong
    await socket.send("pong are you there")
    await socket.wait_closed()


async def close(socket, code, reason):
    await socket.close(int(code), reason)


async def drop(socket):
    socket.transport.abort()


async def protocol(socket, _name):
    await echo(socket)


ROUTES = {
    "echo": echo,
    "first": first,
    "fragments": fragments,
    "ping": ping,
    "close": close,
    "drop": drop,
    "protocol": protocol,
}


def split(path):
    return [urllib.parse.unquote(word) for word in path.split("/")[1:]]


async def handle(socket):
    route, *words = split(socket.path)
    try:
        await ROUTES[route](socket, *words)
    except websockets.ConnectionClosed:
        pass


class Server(websockets.WebSocketServerProtocol):
    async def process_request(self, path, headers):
        route, *words = split(path)
        self.route = (route, words)
        if route in ROUTES:
            return None
        status = http.HTTPStatus(int(words[0]) if route == "refuse" else 404)
        fields = [("X-Refused-By", "websockets"), ("Location", "/elsewhere")]
        return status, fields, f"refused with {int(status)}\n".encode()

    def select_subprotocol(self, offered, available):
        route, words = self.route
        if route == "protocol" and words[0] != "none":
            return words[0]
        return None


async def main(args):
    # A client that goes without a word is what some tests are about: not worth a traceback.
    logging.disable()
    context = None
    if "--tls" in args:
        files = args[args.index("--tls") + 1:]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(files[0], files[1])
    server = await websockets.serve(
        handle, "127.0.0.1", 0, ssl=context, create_protocol=Server, compression="deflate" if "--deflate" in args else None,
        subprotocols=["any"], max_size=None, ping_interval=None, backlog=2048)
    port = server.sockets[0].getsockname()[1]
    print(f"listening on {'wss' if context else 'ws'}://127.0.0.1:{port}/", flush=True)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    await asyncio.Future()


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


asyncio.run(main(sys.argv[1:]))
