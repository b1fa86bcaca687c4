# SPDX-License-Identifier: GPL-2.0-or-later
"""The log server: accepts connections and writes down what arrives, as a process of its own.

    receiver_main.py PORT EVENTS [CERTIFICATE KEY]

Appends one line an event to the file EVENTS, each begun by the monotonic time in seconds:
    listening
    accept CONNECTION PEER-IP PEER-PORT LOCAL-IP
    message CONNECTION NUMBER FRAMING       (FRAMING: lines or octets)
    end CONNECTION HOW                      (HOW: closed, reset or tls)
Reads commands from stdin and answers each with "ok":
    serve | close | reset | greet           what to do with connections accepted from now on; greet: talk first, then serve
    talk                                    send something on every open connection
    drop                                    close every open connection
"""

import asyncio
import os
import re
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator

_NUMBER = re.compile(rb"\bseq=(\d+)\b")
_COUNT = re.compile(rb"(\d+)(?: |\Z)")  # and the end of what has come: the rest of the digits may follow
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def split_frames(buffer: bytearray) -> Iterator[tuple[str, bytes]]:
    """Take the complete frames off the buffer: octet-counted ones begin with their length, lines with anything else."""
    while buffer:
        if counted := _COUNT.match(buffer):
            start, end = counted.end(), counted.end() + int(counted[1])
            if buffer[start - 1 : start] != b" " or len(buffer) < end:
                return
            frame = bytes(buffer[start:end])
            del buffer[:end]
            yield "octets", frame
        else:
            line, newline, _ = buffer.partition(b"\n")
            if not newline:
                return
            del buffer[: len(line) + 1]
            yield "lines", bytes(line)


class Events:
    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *words: object) -> None:
        line = " ".join(str(word) for word in (f"{time.monotonic():.6f}", *words)) + "\n"
        os.write(self._file, line.encode())


class Connection(asyncio.Protocol):
    def __init__(self, server: "Server", name: str) -> None:
        self._server = server
        self._name = name
        self._buffer = bytearray()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._server.open[self._name] = self
        if self._server.behaviour == "greet":
            self.talk()

    def talk(self) -> None:
        assert self.transport
        self.transport.write(b"220 ready\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for framing, frame in split_frames(self._buffer):
            number = _NUMBER.search(frame)
            if number:
                self._server.events.write("message", self._name, int(number[1]), framing)

    def connection_lost(self, exc: Exception | None) -> None:
        del self._server.open[self._name]
        self._server.events.write("end", self._name, "reset" if exc else "closed")


class Server:
    def __init__(self, port: int, events: Events, tls: ssl.SSLContext | None) -> None:
        self.events = events
        self.open: dict[str, Connection] = {}
        self.behaviour = "serve"
        self._count = 0
        self._tls = tls
        self._handlers: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        self._listener.setblocking(False)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(sys.stdin.fileno(), self._read_commands)
        self.events.write("listening")
        while True:
            connection, peer = await loop.sock_accept(self._listener)
            handler = loop.create_task(self._handle(connection, peer))
            self._handlers.add(handler)
            handler.add_done_callback(self._handlers.discard)

    async def _handle(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        self._count += 1
        name = f"{os.getpid()}.{self._count}"
        addresses = [ip.removeprefix("::ffff:") for ip in (peer[0], connection.getsockname()[0])]
        self.events.write("accept", name, addresses[0], peer[1], addresses[1])
        if self.behaviour in ("close", "reset"):
            self._turn_away(connection, name)
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: Connection(self, name), connection, ssl=self._tls)
        except (ssl.SSLError, OSError):
            self.events.write("end", name, "tls")

    def _turn_away(self, connection: socket.socket, name: str) -> None:
        if self.behaviour == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        connection.close()
        self.events.write("end", name, "closed")

    def _read_commands(self) -> None:
        data = os.read(sys.stdin.fileno(), 4096)
        if not data:
            sys.exit(0)
        for command in data.decode().split():
            self._obey(command)
            sys.stdout.write("ok\n")
            sys.stdout.flush()

    def _obey(self, command: str) -> None:
        if command == "drop":
            for connection in self.open.values():
                assert connection.transport
                connection.transport.close()
        elif command == "talk":
            for connection in self.open.values():
                connection.talk()
        else:
            assert command in ("serve", "close", "reset", "greet"), command
            self.behaviour = command


def main() -> None:
    port, events, *certificate = sys.argv[1:]
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate[0], certificate[1])
    asyncio.run(Server(int(port), Events(events), tls).run())


if __name__ == "__main__":
    main()
