"""PostgreSQL wire protocol 3.0: framing of messages, nothing about their meaning.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence

PROTOCOL_3_0 = 196608
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
READ_BYTES = 65536
MAX_MESSAGE_BYTES = 1 << 28
MAX_STARTUP_BYTES = 10_000  # PostgreSQL's own limit
OID_JSONB, OID_SUPER = 3802, 4000


class ProtocolError(Exception):
    """The peer does not speak the protocol; the connection is closed."""


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Frame one typed message."""
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(parameters: dict[str, str]) -> bytes:
    """Frame a StartupMessage."""
    pairs = b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items())
    body = struct.pack("!I", PROTOCOL_3_0) + pairs + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def command_complete(tag: str) -> bytes:
    """Frame CommandComplete."""
    return message(b"C", tag.encode() + b"\0")


def ready(status: bytes) -> bytes:
    """Frame ReadyForQuery with a transaction status: I, T or E."""
    return message(b"Z", status)


def fields(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Encode the fields of an ErrorResponse or NoticeResponse."""
    return b"".join(f"{code}{value}\0".encode() for code, value in pairs) + b"\0"


def read_fields(body: bytes) -> list[tuple[str, str]]:
    """Decode the fields of an ErrorResponse or NoticeResponse."""
    parts = (part.decode(errors="replace") for part in body.split(b"\0") if part)
    return [(part[0], part[1:]) for part in parts]


def read_row(body: bytes) -> list[str | None]:
    """Decode a DataRow whose columns are all text."""
    (count,) = struct.unpack_from("!H", body)
    row: list[str | None] = []
    at = 2
    for _ in range(count):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        row.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return row


def read_description(body: bytes) -> list[tuple[str, int, int]]:
    """Decode a RowDescription: name, type number and type modifier of each column."""
    found, at = list[tuple[str, int, int]](), 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        name, at = cstring(body, at)
        kind, _, modifier = struct.unpack_from("!Ihi", body, at + 6)
        found.append((name, int(kind), int(modifier)))
        at += 18
    return found


def cstring(body: bytes, at: int = 0) -> tuple[str, int]:
    """Read a NUL-terminated string; return it with the position after it."""
    end = body.index(b"\0", at)
    return body[at:end].decode(), end + 1


def describe_super(body: bytes) -> bytes:
    """Give jsonb columns the type number of SUPER in a RowDescription."""
    if struct.pack("!I", OID_JSONB) not in body:
        return body
    out, at = bytearray(body), 2
    for _ in range(struct.unpack_from("!H", body)[0]):
        at = body.index(b"\0", at) + 1 + 6
        if struct.unpack_from("!I", body, at)[0] == OID_JSONB:
            struct.pack_into("!I", out, at, OID_SUPER)
        at += 12
    return bytes(out)


class MessageBuffer:
    """Bytes in, whole messages out. Holds at most one partial message."""

    def __init__(self) -> None:
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Add bytes as they arrived."""
        self._data += data

    def take(self) -> tuple[bytes, bytes] | None:
        """Return the next whole message, or None."""
        if len(self._data) < 5:
            return None
        end = self._end(0)
        if end > len(self._data):
            return None
        found = bytes(self._data[:1]), bytes(self._data[5:end])
        del self._data[:end]
        return found

    def runs(self, special: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield whole messages: those of a `special` kind one by one, all others as raw runs with kind b''."""
        start = at = 0
        data = self._data
        while len(data) - at >= 5:
            end = self._end(at)
            if end > len(data):
                break
            if data[at] in special:
                if at > start:
                    yield b"", bytes(data[start:at])
                yield bytes(data[at : at + 1]), bytes(data[at + 5 : end])
                start = end
            at = end
        if at > start:
            yield b"", bytes(data[start:at])
        del data[:at]

    def _end(self, at: int) -> int:
        size = int(struct.unpack_from("!I", self._data, at + 1)[0])
        if not 4 <= size <= MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message of {size} bytes")
        return at + 1 + size


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    """Read `count` bytes.

    Raises:
        EOFError: The peer closed first.
    """
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive_startup(sock: socket.socket) -> tuple[int, bytes]:
    """Read an untyped first message; return its code (a protocol version or a request) and the rest."""
    (size,) = struct.unpack("!I", receive_exactly(sock, 4))
    if not 8 <= size <= MAX_STARTUP_BYTES:
        raise ProtocolError("not a PostgreSQL client")
    body = receive_exactly(sock, size - 4)
    return int(struct.unpack_from("!I", body)[0]), body[4:]


def read_parameters(body: bytes) -> dict[str, str]:
    """Decode the name/value pairs of a StartupMessage."""
    parts = [part.decode() for part in body.rstrip(b"\0").split(b"\0")]
    return dict(zip(parts[::2], [*parts[1::2], ""], strict=False))
