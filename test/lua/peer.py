"""The peers of the Lua tests: what each does is told by the name of its port and the path asked for."""

import asyncio
import base64
import hashlib
import http
import json
import logging
import socket
import ssl
import urllib.parse

import websockets


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def first(ws):
    """A message that leaves right behind the 101."""
    await ws.send("welcome")
    await echo(ws)


async def head(ws):
    """The request's header fields, as the client sent them."""
    await ws.send("\n".join(f"{name}: {value}" for name, value in ws.request_headers.raw_items()))
    await echo(ws)


async def tls(ws):
    """The TLS version and the name that the client asked for."""
    connection = ws.transport.get_extra_info("ssl_object")
    await ws.send(f"{connection.version()} {connection.asked_name}")
    await echo(ws)


async def close(ws, code, reason=""):
    await ws.close(int(code), reason)


async def drop(ws):
    ws.transport.abort()


async def rpc(ws):
    """JSON-RPC with the methods add, whose answers come in reverse order, and never."""
    waiting = []
    async for message in ws:
        call = json.loads(message)
        if call["method"] == "add":
            waiting.append({"jsonrpc": "2.0", "id": call["id"], "result": sum(call["params"])})
        if len(waiting) == 5:
            for answer in reversed(waiting):
                await ws.send(json.dumps(answer))
            waiting = []


async def news(ws):
    """One message, and the server restarts."""
    await ws.send("something happened")
    await ws.close(1012, "restart")


async def protocol(ws, _name):
    await echo(ws)


ROUTES = {f.__name__: f for f in (echo, first, head, tls, close, drop, rpc, news, protocol)}


def split(path):
    return [urllib.parse.unquote(word) for word in path.split("/")[1:]]


async def handle(ws):
    route, *words = split(ws.path)
    try:
        await ROUTES[route](ws, *words)
    except websockets.ConnectionClosed:
        pass


class Server(websockets.WebSocketServerProtocol):
    async def process_request(self, path, headers):
        self.route, *self.words = split(path)
        if self.route in ROUTES:
            return None
        status = http.HTTPStatus(int(self.words[0]) if self.route == "refuse" else 404)
        fields = [("X-Twice", "one"), ("X-Twice", "two"), ("WWW-Authenticate", "Basic")]
        if status == 503:
            fields.append(("Retry-After", "2"))
        return status, fields, b"go away\n"

    def select_subprotocol(self, offered, available):
        if self.route == "protocol" and self.words[0] != "none":
            return self.words[0]
        return None


async def serve(context=None):
    server = await websockets.serve(
        handle, "127.0.0.1", 0, ssl=context, create_protocol=Server, compression=None,
        subprotocols=["any", "jsonrpc"], max_size=None, ping_interval=None)
    return server.sockets[0].getsockname()[1]


def note_name(connection, name, _context):
    connection.asked_name = name


def tls_context(certs, version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certs}/server.pem", f"{certs}/server.key")
    context.sni_callback = note_name
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    return context


async def answer_garbage(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    writer.close()


async def stay_silent(reader, _writer):
    """Takes the connection and answers nothing, until the client gives up."""
    await reader.read()


async def ignore_close(reader, writer):
    """A good handshake, and then nothing: no answer to a Close."""
    request = await reader.readuntil(b"\r\n\r\n")
    key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                 + base64.b64encode(digest) + b"\r\n\r\n")
    await reader.read()


async def serve_raw(handler):
    async def quiet_handler(reader, writer):
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(quiet_handler, "127.0.0.1", 0)
    return server.sockets[0].getsockname()[1]


# Bound and never listening: who connects is refused, and nobody else can get the port.
unheard = socket.socket()


async def start(certs):
    """Start all; answers the ports by name."""
    logging.disable()
    unheard.bind(("127.0.0.1", 0))
    versions = ssl.TLSVersion
    return {
        "PLAIN": await serve(),
        "TLS": await serve(tls_context(certs)),
        "TLS_1_0": await serve(tls_context(certs, versions.TLSv1)),
        "TLS_1_1": await serve(tls_context(certs, versions.TLSv1_1)),
        "TLS_1_2": await serve(tls_context(certs, versions.TLSv1_2)),
        "TLS_1_3": await serve(tls_context(certs, versions.TLSv1_3)),
        "GARBAGE": await serve_raw(answer_garbage),
        "SILENT": await serve_raw(stay_silent),
        "NO_CLOSE": await serve_raw(ignore_close),
        "REFUSED": unheard.getsockname()[1],
    }
