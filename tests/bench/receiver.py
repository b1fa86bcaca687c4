#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A log server for measurements: counts lines, and tells on standard output what happened and when.

Lines it prints: "listening", "first <ns>" at the first byte, "reached <ns>" when
--expect lines have arrived; times are CLOCK_MONOTONIC, so they compare with the
clock of other processes. SIGTERM closes in order: it listens no more, ends its
side of every connection and reads until the client has ended its own; a client
that does not within two seconds is cut off.
"""

import argparse
import contextlib
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from types import FrameType

_BUFFER_BYTES = 1 << 20
_DRAIN_S = 2.0
_MOST_RECORD_BYTES = 1 << 14  # of text in a TLS record


class PlainStream:
    """A connection without TLS."""

    def __init__(self, connection: socket.socket, read_bytes: int) -> None:
        self._connection = connection
        self._read_bytes = read_bytes

    def read_into(self, buffer: bytearray) -> int:
        """Wait for something; 0 at the end."""
        return self._connection.recv_into(buffer, self._read_bytes)

    def end_writing(self) -> None:
        self._connection.shutdown(socket.SHUT_WR)


class TlsStream:
    """A connection with TLS, many records a system call: senders of syslog make one of each message."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext, read_bytes: int) -> None:
        self._connection = connection
        self._received = bytearray(read_bytes)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = threading.Lock()  # around _tls: end_writing() is called by another thread
        self._ready = False

    def read_into(self, buffer: bytearray) -> int:
        while True:
            size = self._connection.recv_into(self._received)
            if not size:
                return 0
            with self._lock:
                self._incoming.write(memoryview(self._received)[:size])
                decrypted = self._decrypt(buffer)
                self._send_own()
            if decrypted:
                return decrypted

    def end_writing(self) -> None:
        with self._lock:
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                pass  # the client has not said the same yet
            self._send_own()
        self._connection.shutdown(socket.SHUT_WR)

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


class Receiver:
    """Reads every connection in a thread of its own."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._expect: int = arguments.expect
        self._read_bytes: int = arguments.read_bytes
        self._pause_s: float = arguments.pause_ms / 1000
        self._output = arguments.output.open("ab", buffering=0) if arguments.output else None
        self._times = arguments.times.open("ab", buffering=0) if arguments.times else None
        self._tls = self._tls_context(arguments.certificate, arguments.key)
        self._lock = threading.Lock()
        self._lines = 0
        self._streams: dict[PlainStream | TlsStream, threading.Thread] = {}
        self._closing = False
        self._listener = socket.create_server((arguments.address, arguments.port), backlog=64)

    def serve(self) -> None:
        """Until SIGTERM, and then until every client is gone or has had its time."""
        print("listening", flush=True)
        while not self._closing:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                break
            stream = (TlsStream(connection, self._tls, self._read_bytes) if self._tls
                      else PlainStream(connection, self._read_bytes))
            thread = threading.Thread(target=self._read, args=(stream, connection), daemon=True)
            with self._lock:
                self._streams[stream] = thread
            thread.start()
        self._listener.close()
        with self._lock:
            streams = dict(self._streams)
        for stream, thread in streams.items():
            with contextlib.suppress(OSError):  # the client was faster
                stream.end_writing()
            thread.join(_DRAIN_S)

    def stop(self, *_: int | FrameType | None) -> None:
        self._closing = True
        self._listener.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _tls_context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
        if not certificate:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def _read(self, stream: PlainStream | TlsStream, connection: socket.socket) -> None:
        # When the client breaks the connection, what it sent is counted already.
        with contextlib.suppress(ConnectionError, ssl.SSLError), connection:
            self._read_all(stream)
        with self._lock:
            del self._streams[stream]

    def _read_all(self, stream: PlainStream | TlsStream) -> None:
        # For what is left of a record by the read before.
        buffer = bytearray(self._read_bytes + _MOST_RECORD_BYTES)
        while size := stream.read_into(buffer):
            self._take(memoryview(buffer)[:size], buffer.count(b"\n", 0, size))
            if self._pause_s:
                time.sleep(self._pause_s)

    def _take(self, block: memoryview, lines: int) -> None:
        now = time.monotonic_ns()
        if self._output:
            self._output.write(block)
        if self._times:
            self._times.write(now.to_bytes(8, sys.byteorder))
        with self._lock:
            before, self._lines = self._lines, self._lines + lines
        if before == 0 and lines:
            print(f"first {now}", flush=True)
        if before < self._expect <= before + lines:
            print(f"reached {now}", flush=True)


def _end_on_error(arguments: threading.ExceptHookArgs) -> None:
    """A receiver that cannot record must not look like a network that loses messages."""
    threading.__excepthook__(arguments)
    os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--expect", type=int, default=0, metavar="LINES")
    parser.add_argument("--output", type=Path, metavar="FILE", help="append what is received to it")
    parser.add_argument("--times", type=Path, metavar="FILE", help="append the time of each read, 8 bytes each")
    parser.add_argument("--read-bytes", type=int, default=_BUFFER_BYTES, help="at most, in one read")
    parser.add_argument("--pause-ms", type=float, default=0, help="after each read")
    parser.add_argument("--certificate", type=Path, help="speak TLS")
    parser.add_argument("--key", type=Path)
    receiver = Receiver(parser.parse_args())
    threading.excepthook = _end_on_error
    signal.signal(signal.SIGTERM, receiver.stop)
    receiver.serve()


if __name__ == "__main__":
    main()
