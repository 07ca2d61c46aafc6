"""A server that answers like TabbyAPI and writes down every header it gets; standard library only.

`python program.py ROLE ADDRESS PORT RECORD [TARGET]`; `ready` on standard output once it listens.
"""

from __future__ import annotations

import array
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

API_KEY = "the-api-key-0123456789abcdef"
ADMIN_KEY = "the-admin-key-0123456789abcdef"
INFO: dict[str, object] = {"version": 0.1, "software": {"name": "TabbyAPI"}}
OPENAPI: dict[str, object] = {"openapi": "3.1.0", "info": {"title": "TabbyAPI"}}


def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
    """Status and document, as TabbyAPI has them."""
    if path == "/.well-known/serviceinfo":
        return 200, INFO
    if path == "/openapi.json":
        return 200, OPENAPI
    if path == "/health":
        return 200, {"status": "healthy", "issues": []}
    key = headers.get("authorization", "").removeprefix("Bearer ")
    if not key:
        return 401, {"detail": "Please provide an API key"}
    if key not in (API_KEY, ADMIN_KEY):
        return 401, {"detail": "Invalid API key"}
    return 200, {"permission": "admin" if key == ADMIN_KEY else "api", "id": "a-model"}


def head_of(connection: socket.socket) -> list[str]:
    """The lines of a request's head."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = connection.recv(65536)
        if not more:
            break
        read += more
    return read.decode("latin-1").split("\r\n")


def serve(
    connection: socket.socket, record: str, status: int | None = None, location: str = ""
) -> None:
    """Answer one request and hang up."""
    lines = head_of(connection)
    if not lines[0]:
        connection.close()
        return
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    with open(record, "a") as file:
        file.write(json.dumps({"line": lines[0], "headers": headers}) + "\n")
    found, document = answer(lines[0].split()[1].partition("?")[0], headers)
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 {status or found} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    head += f"Location: {location}\r\n" if location else ""
    connection.sendall(head.encode() + b"\r\n" + body)
    connection.close()


def listen(address: str, port: int) -> socket.socket:
    """Like a server that shares its port with others (SO_REUSEPORT), IPv4 and IPv6 at once."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, port))
    listener.listen(64)
    print(f"ready {listener.getsockname()[1]} {os.getpid()}", flush=True)
    return listener


def each(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    """Serve for ever, each connection in a thread of its own."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=behave, args=(connection,), daemon=True).start()


def hidden(connection: socket.socket, record: str) -> None:
    """Where no process has the socket open: on its way from one end of a pair to the other."""
    one, other = socket.socketpair()
    descriptors = array.array("i", [connection.fileno()])
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
    connection.close()
    time.sleep(0.1)  # it is looked for meanwhile
    _, control, _, _ = other.recvmsg(1, socket.CMSG_SPACE(4))
    back = array.array("i", control[0][2])[0]
    serve(socket.socket(fileno=back), record)


def first_then_stranger(listener: socket.socket, record: str) -> None:
    """TabbyAPI (a child) answers once and ends; its parent takes the socket over."""
    child = os.fork()
    if child == 0:
        print(f"child {os.getpid()}", flush=True)
        serve(listener.accept()[0], record + ".child")
        os._exit(0)
    os.waitpid(child, 0)
    each(listener, lambda connection: serve(connection, record))


def activated(listener: socket.socket, record: str) -> None:
    """The parent made the socket, as systemd does; the child serves on it."""
    child = os.fork()
    if child == 0:
        print(f"child {os.getpid()}", flush=True)
        each(listener, lambda connection: serve(connection, record))
    os.waitpid(child, 0)


def shared(listener: socket.socket, record: str) -> None:
    """The parent accepts, and its child has the accepted socket, too."""
    print(f"child {os.getpid()}", flush=True)
    while True:
        connection, _ = listener.accept()
        child = os.fork()
        if child == 0:
            serve(connection, record)
            os._exit(0)
        os.waitpid(child, 0)
        connection.close()


def lent(listener: socket.socket, record: str) -> None:
    """A stranger accepts and lets a TabbyAPI (its child) have the socket as well."""
    one, other = socket.socketpair()
    child = os.fork()
    if child == 0:
        print(f"child {os.getpid()}", flush=True)
        while True:
            _, control, _, _ = other.recvmsg(1, socket.CMSG_SPACE(4))
            held = socket.socket(fileno=array.array("i", control[0][2])[0])
            threading.Thread(target=serve, args=(held, record), daemon=True).start()
    kept = []
    while True:
        kept.append(listener.accept()[0])
        descriptors = array.array("i", [kept[-1].fileno()])
        one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])


def forward(connection: socket.socket, record: str, target: str) -> None:
    """Hand everything on, and write down what came."""
    host, _, port = target.rpartition(":")
    onward = socket.create_connection((host.strip("[]"), int(port)))
    request = connection.recv(65536)
    with open(record, "a") as file:
        file.write(json.dumps({"line": request.decode("latin-1"), "headers": {}}) + "\n")
    onward.sendall(request)
    while more := onward.recv(65536):
        connection.sendall(more)
    connection.close()


def main() -> None:
    role, address, port, record = sys.argv[1:5]
    target = sys.argv[5] if len(sys.argv) > 5 else ""
    listener = listen(address, int(port))
    if role == "plain":
        each(listener, lambda one: serve(one, record))
    elif role == "redirects":
        each(listener, lambda one: serve(one, record, 307, target))
    elif role == "hidden":
        each(listener, lambda one: hidden(one, record))
    elif role == "forwards":
        each(listener, lambda one: forward(one, record, target))
    else:
        {
            "first-then-stranger": first_then_stranger,
            "activated": activated,
            "shared": shared,
            "lent": lent,
        }[role](listener, record)


if __name__ == "__main__":
    main()
