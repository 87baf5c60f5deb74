#!/usr/bin/env python3
"""Clients that ask the web server for much and read nothing of it, beside honest ones."""

import shutil
import socket
import sys
import tempfile
import time

import rotunda_vm
from honest import HonestClient
from https_test import Answers, connect, content, pack_image, request

CROWD = 40  # whose full send buffers would be twice the stack's memory
FILLING = 3.0  # seconds in which the host's own buffers fill up
SECONDS = 10  # in which the server has enough of the crowd


def ask(vm):
    """An honest client gets all of an answer that is the last of its connection."""
    with connect(vm.http_port) as stream:
        stream.sendall(request("/64k.bin", Connection="close"))
        status, _, body = Answers(stream).next()
    assert status == 200 and body == content("64k.bin"), "not what is in the file"


def reader_of_nothing(vm):
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stream.connect(("127.0.0.1", vm.http_port))
    stream.sendall(request("/100m.bin"))
    return stream


def readers_of_nothing_leave_memory_to_others(vm):
    """However much lies about in the stack, there is room for others' answers at once."""
    vm.wait_https()
    streams = [reader_of_nothing(vm) for _ in range(CROWD)]
    time.sleep(FILLING)
    honest = HonestClient(lambda: ask(vm), (TimeoutError, ConnectionResetError))
    begin = time.monotonic()
    while time.monotonic() - begin < SECONDS:
        honest.page()
        time.sleep(0.1)
    for stream in streams:
        stream.close()
    print(f"     {honest.verdict()}, beside {CROWD} that nobody reads")


def main():
    folder = tempfile.mkdtemp(prefix="rotunda-site-")
    try:
        rotunda_vm.wanted_tests()
        return rotunda_vm.run_tests([readers_of_nothing_leave_memory_to_others],
                                    image=pack_image(folder), memory="1G", append="web.plain")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
