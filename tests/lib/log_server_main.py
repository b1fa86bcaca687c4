# SPDX-License-Identifier: GPL-2.0-or-later
"""A log server for many messages: records the bytes of each connection as they come.

With --record PREFIX connection number N goes to the file PREFIX-N.received; beside it PREFIX-N.times has 16 bytes for each
read: the monotonic time in ns, and how many bytes it was. After each read it pauses.
Prints "listening", and with --expect LINES "first NS" at the first byte and "reached NS" when so many lines have come; these
times compare with the monotonic clock of other processes.
Reads commands from standard input and answers each with "ok":
    end                 listen no more; end the own side of all connections, read until the client has ended its own
    close               listen no more; close each connection as soon as nothing of it is unread
    notify              listen no more; with TLS send close_notify; close, whatever is unread
    shutdown            the same, with shutdown() before close(), as syslog-ng does
    hold                listen no more; read on and record nothing
SIGTERM does what "end" does, cuts off who has not ended within two seconds, and exits.
"""

import argparse
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path
from types import FrameType

_IDLE_S = 0.05
_DRAIN_S = 2.0
_MOST_RECORD_BYTES = 1 << 14  # of text in a TLS record


class Plain:
    """A connection without TLS."""

    def __init__(self, connection: socket.socket, read_bytes: int) -> None:
        self._connection = connection
        self._read_bytes = read_bytes

    def read_into(self, buffer: bytearray, flags: int) -> int:
        """0 at the end; BlockingIOError when nothing has come for a while."""
        return self._connection.recv_into(buffer, self._read_bytes, flags)

    def say_end(self) -> None:
        pass


class Tls:
    """A connection with TLS: one read is one of the socket, of however many records; syslog-ng makes one of each message."""

    def __init__(self, connection: socket.socket, read_bytes: int, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._received = bytearray(read_bytes)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._ready = False

    def read_into(self, buffer: bytearray, flags: int) -> int:
        while True:
            size = self._connection.recv_into(self._received, 0, flags)
            if not size:
                return 0
            self._incoming.write(memoryview(self._received)[:size])
            decrypted = self._decrypt(buffer)
            self._send_own()
            if decrypted:
                return decrypted

    def say_end(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # the client has not said the same yet
        self._send_own()

    def _decrypt(self, buffer: bytearray) -> int:
        """All that is complete now; the buffer has room for it."""
        view, size = memoryview(buffer), 0
        try:
            if not self._ready:
                self._tls.do_handshake()
                self._ready = True
            while got := self._tls.read(len(view) - size, view[size:]):
                size += got
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return size

    def _send_own(self) -> None:
        if self._outgoing.pending:
            self._connection.sendall(self._outgoing.read())


class Record:
    def __init__(self, prefix: str) -> None:
        self._received, self._times = (
            os.open(f"{prefix}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for kind in ("received", "times"))

    def add(self, now: int, text: memoryview) -> None:
        """The time first, so that it is there as soon as the text is."""
        os.write(self._times, struct.pack("qq", now, len(text)))
        while text:
            text = text[os.write(self._received, text) :]

    def close(self) -> None:
        os.close(self._received)
        os.close(self._times)


class Moments:
    """Prints when the first line has come, and when so many have."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._lines = 0
        self._lock = threading.Lock()

    def count(self, now: int, lines: int) -> None:
        with self._lock:
            before, self._lines = self._lines, self._lines + lines
        if before == 0 and lines:
            print(f"first {now}", flush=True)
        if before < self._expected <= before + lines:
            print(f"reached {now}", flush=True)


class LogServer:
    """A thread for each connection."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._prefix: str | None = arguments.record
        self._read_bytes: int = arguments.read_bytes
        self._pause_s: float = arguments.pause_ms / 1000
        self._moments = Moments(arguments.expect) if arguments.expect is not None else None
        self._tls = _tls_context(arguments.certificate, arguments.key)
        self._farewell = ""
        self._serving: list[threading.Thread] = []
        self._listener = (
            socket.create_server((arguments.address, arguments.port), backlog=64) if arguments.address else
            socket.create_server(("::", arguments.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64))

    def accept_all(self) -> None:
        count = 0
        while not self._farewell:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            count += 1
            # Not settimeout(): that is one more system call for each read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(_IDLE_S * 1e6)))
            self._serving.append(threading.Thread(target=self._serve, args=(connection, count), daemon=True))
            self._serving[-1].start()
        self._listener.close()

    def say_farewell(self, command: str) -> None:
        self._farewell = command
        self._listener.shutdown(socket.SHUT_RDWR)

    def stop(self, *_: int | FrameType | None) -> None:
        self.say_farewell("end")
        for thread in self._serving:
            thread.join(_DRAIN_S)
        sys.exit()

    def _serve(self, connection: socket.socket, number: int) -> None:
        stream = Tls(connection, self._read_bytes, self._tls) if self._tls else Plain(connection, self._read_bytes)
        record = Record(f"{self._prefix}-{number}") if self._prefix else None
        try:
            self._read_all(connection, stream, record)
        except (ConnectionError, ssl.SSLError):
            pass  # what came before is recorded
        connection.close()
        if record:
            record.close()

    def _read_all(self, connection: socket.socket, stream: Plain | Tls, record: Record | None) -> None:
        # For what is left of a TLS record by the read before.
        buffer = bytearray(self._read_bytes + _MOST_RECORD_BYTES)
        ended = False
        while True:
            if self._farewell in ("notify", "shutdown"):
                stream.say_end()
                if self._farewell == "shutdown":
                    connection.shutdown(socket.SHUT_RDWR)
                return
            closing = self._farewell == "close"
            try:
                size = stream.read_into(buffer, socket.MSG_DONTWAIT if closing else 0)
                if not size:
                    return
                self._take(buffer, size, record)
            except BlockingIOError:
                if closing:
                    return  # at once, so that nothing comes in between
            if self._farewell == "end" and not ended:
                ended = True
                stream.say_end()
                connection.shutdown(socket.SHUT_WR)

    def _take(self, buffer: bytearray, size: int, record: Record | None) -> None:
        if self._farewell == "hold":
            return
        now = time.monotonic_ns()
        if record:
            record.add(now, memoryview(buffer)[:size])
        if self._moments:
            self._moments.count(now, buffer.count(b"\n", 0, size))
        if self._pause_s:
            time.sleep(self._pause_s)


def _tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _end_on_error(arguments: threading.ExceptHookArgs) -> None:
    """A server that cannot record must not look like a network that loses messages."""
    threading.__excepthook__(arguments)
    os._exit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--address", help="IPv4 (default: all, IPv6 too)")
    parser.add_argument("--record", metavar="PREFIX", help="record what is received")
    parser.add_argument("--expect", type=int, metavar="LINES", help="tell when the first line came, and when so many")
    parser.add_argument("--read-bytes", type=int, default=1 << 18, help="at most, in one read")
    parser.add_argument("--pause-ms", type=float, default=0, help="after each read")
    parser.add_argument("--certificate", type=Path, help="speak TLS")
    parser.add_argument("--key", type=Path)
    return parser.parse_args()


def main() -> None:
    server = LogServer(_arguments())
    threading.excepthook = _end_on_error
    signal.signal(signal.SIGTERM, server.stop)
    threading.Thread(target=server.accept_all, daemon=True).start()
    print("listening", flush=True)
    for line in sys.stdin:
        server.say_farewell(line.strip())
        print("ok", flush=True)


if __name__ == "__main__":
    main()
