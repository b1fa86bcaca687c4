# SPDX-License-Identifier: GPL-2.0-or-later
"""A log server for many messages: records the bytes of each connection as they come and looks at none of them.

    sink_main.py PORT PREFIX READ-BYTES PAUSE-MS [CERTIFICATE KEY]

Connection number N goes to the file PREFIX-N.received; beside it PREFIX-N.times has 16 bytes for each read: the monotonic
time in ns, and how many bytes it was. After each read it pauses.
Reads commands from stdin and answers each with "ok":
    serve               nothing; it listens by then
    end                 listen no more; end the own side of all connections, read until the client has ended its own
    close               listen no more; close each connection as soon as nothing of it is unread
    notify              listen no more; with TLS send close_notify; close, whatever is unread
    shutdown            the same, with shutdown() before close(), as syslog-ng does
    hold                listen no more; read on and record nothing
"""

import os
import socket
import ssl
import struct
import sys
import threading
import time

_IDLE_S = 0.05
_MOST_RECORD_BYTES = 1 << 14  # of text in a TLS record


class Plain:
    """A connection without TLS."""

    def __init__(self, connection: socket.socket, read_bytes: int) -> None:
        self._connection = connection
        self._read_bytes = read_bytes

    def read(self) -> bytes:
        """b"" at the end."""
        return self._connection.recv(self._read_bytes)

    def say_end(self) -> None:
        pass


class Tls:
    """A connection with TLS: one read is one of the socket, of however many records."""

    def __init__(self, connection: socket.socket, read_bytes: int, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._read_bytes = read_bytes
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False

    def read(self) -> bytes:
        while True:
            encrypted = self._connection.recv(self._read_bytes)
            if not encrypted:
                return b""
            self._incoming.write(encrypted)
            text = self._decrypt()
            self._send_own()
            if text:
                return text

    def say_end(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # the client has not said the same yet
        self._send_own()

    def _decrypt(self) -> bytes:
        parts: list[bytes] = []
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
            while part := self._tls.read(_MOST_RECORD_BYTES):
                parts.append(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return b"".join(parts)

    def _send_own(self) -> None:
        if self._outgoing.pending:
            self._connection.sendall(self._outgoing.read())


class Record:
    def __init__(self, prefix: str) -> None:
        self._received, self._times = (
            os.open(f"{prefix}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for kind in ("received", "times"))

    def add(self, text: bytes) -> None:
        """The time first, so that it is there as soon as the text is."""
        os.write(self._times, struct.pack("qq", time.monotonic_ns(), len(text)))
        unwritten = memoryview(text)
        while unwritten:
            unwritten = unwritten[os.write(self._received, unwritten) :]

    def close(self) -> None:
        os.close(self._received)
        os.close(self._times)


class Sink:
    """A thread for each connection."""

    def __init__(self, port: int, prefix: str, read_bytes: int, pause_s: float, tls: ssl.SSLContext | None) -> None:
        self._prefix = prefix
        self._read_bytes = read_bytes
        self._pause_s = pause_s
        self._tls = tls
        self._farewell = ""
        self._listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)

    def accept_all(self) -> None:
        count = 0
        while not self._farewell:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            count += 1
            connection.settimeout(_IDLE_S)
            threading.Thread(target=self._serve, args=(connection, f"{self._prefix}-{count}"), daemon=True).start()
        self._listener.close()

    def say_farewell(self, command: str) -> None:
        self._farewell = command
        self._listener.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection: socket.socket, prefix: str) -> None:
        stream = Tls(connection, self._read_bytes, self._tls) if self._tls else Plain(connection, self._read_bytes)
        record = Record(prefix)
        try:
            self._read_all(connection, stream, record)
        except (ConnectionError, ssl.SSLError):
            pass  # what came before is recorded
        connection.close()
        record.close()

    def _read_all(self, connection: socket.socket, stream: Plain | Tls, record: Record) -> None:
        ended = False
        while True:
            if self._farewell in ("notify", "shutdown"):
                stream.say_end()
                if self._farewell == "shutdown":
                    connection.shutdown(socket.SHUT_RDWR)
                return
            closing = self._farewell == "close"
            connection.settimeout(0 if closing else _IDLE_S)
            try:
                text = stream.read()
            except (BlockingIOError, TimeoutError):
                if closing:
                    return  # at once, so that nothing comes in between
                text = None
            if text == b"":
                return
            if text and self._farewell != "hold":
                record.add(text)
                time.sleep(self._pause_s)
            if self._farewell == "end" and not ended:
                ended = True
                stream.say_end()
                connection.shutdown(socket.SHUT_WR)


def _end_on_error(arguments: threading.ExceptHookArgs) -> None:
    """A receiver that cannot record must not look like a network that loses messages."""
    threading.__excepthook__(arguments)
    os._exit(1)


def main() -> None:
    port, prefix, read_bytes, pause_ms, *certificate = sys.argv[1:]
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate[0], certificate[1])
    threading.excepthook = _end_on_error
    sink = Sink(int(port), prefix, int(read_bytes), float(pause_ms) / 1000, tls)
    threading.Thread(target=sink.accept_all, daemon=True).start()
    for line in sys.stdin:
        command = line.strip()
        if command != "serve":
            sink.say_farewell(command)
        print("ok", flush=True)


if __name__ == "__main__":
    main()
