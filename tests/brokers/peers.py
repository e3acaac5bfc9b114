"""Servers that misbehave on purpose, one socket each, and remember every request they read."""

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class Request:
    """What a client sent, whole."""

    method: str
    target: str
    headers: dict
    body: bytes


@dataclass
class Peer:
    """A server on a free port of this machine; `behave` is called for each connection."""

    behave: Callable
    tls: ssl.SSLContext | None = None
    requests: list = field(default_factory=list)
    connections: int = 0

    def __post_init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def root(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.open.append(connection)
            self.behave(self, connection)
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    def read(self, connection):
        """Read one request, or None at the end."""
        stream = connection.makefile("rb")
        first = stream.readline().decode()
        if not first:
            return None
        headers = {}
        while line := stream.readline().decode().strip():
            name, value = line.split(":", 1)
            headers[name.strip().lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        method, target, _ = first.split()
        request = Request(method, target, headers, body)
        self.requests.append(request)
        return request

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self.listener.close()
        for connection in self.open:
            connection.close()
        self.thread.join(timeout=2)


def http(status, body=b"", kind="application/json", **headers):
    """Spell a whole HTTP answer; a kind of None leaves the content type out."""
    lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(body)}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def good(data):
    return http(200, json.dumps({"status": "success", "data": data}).encode())


def error(status, kind, message="no", **headers):
    body = {"status": "error", "message": message, "error_type": kind, "data": None}
    return http(status, json.dumps(body).encode(), **headers)


# What a peer may do with a connection -------------------------------------------------------------


def answers(*raw):
    """Answer one request after the other; the last answer is given again and again."""
    left = list(raw)

    def behave(peer, connection):
        while peer.read(connection):
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return behave


def silence(peer, connection):
    peer.read(connection)
    time.sleep(30)


def silent_from_the_start(peer, connection):
    time.sleep(30)


def plain_words(peer, connection):
    connection.recv(1)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    connection.recv(1000)


def reset_before_reading(peer, connection):
    connection.recv(1, socket.MSG_PEEK)  # it has begun to arrive, and is left unread
    reset(connection)


def reset_after_reading(peer, connection):
    peer.read(connection)
    reset(connection)


def close_after_reading(peer, connection):
    peer.read(connection)


def half_an_answer(peer, connection):
    peer.read(connection)
    whole = good({"order_id": "1"})
    connection.sendall(whole[:-10])


def drip(peer, connection):
    peer.read(connection)
    for byte in good({"order_id": "1"}):
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_headers_for_ever(peer, connection):
    peer.read(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.05)


def garbage(peer, connection):
    peer.read(connection)
    connection.sendall(b"\x00\x01 what is this\r\n\r\n")


def endless(peer, connection):
    peer.read(connection)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99000000\r\n\r\n"
    )
    while True:
        connection.sendall(b" " * 65536)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


# Addresses that do not even connect ---------------------------------------------------------------


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class FullQueue:
    """A listener whose queue is full: the kernel lets nobody else connect, and says nothing."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(self.listener.getsockname())
            self.waiting.append(one)
        time.sleep(0.05)

    @property
    def root(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def stop(self):
        for one in [*self.waiting, self.listener]:
            one.close()


def self_signed(folder):
    """Make a certificate that nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "peer.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
