"""
QEMU's debugger port, from Python: memory and registers of a machine that stands still.

    with Debugger(vm) as debugger:
        before = debugger.write(physical, b"...")
        debugger.go()
        debugger.halt()

Addresses of memory are physical, but for read_seen(); those of breakpoints virtual.  When it is
left, the machine goes on.  Standard library only.
"""

import os
import re
import socket

PIECE = 1024
SP, PC = 31, 32  # registers; x0 to x30 before them


class Debugger:
    def __init__(self, vm, seconds=20):
        self.vm = vm
        self.seconds = seconds
        self.socket = None

    def __enter__(self):
        path = os.path.join(self.vm.folder, "gdb")
        self.command(f"gdbserver unix:{path},server=on,wait=off")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(self.seconds)
        self.socket.connect(path)
        assert self.answer().startswith("T")  # the machine stands still
        assert self.request("Qqemu.PhyMemMode:1") == "OK"
        # QEMU shows single registers to those only who have asked how they are numbered.
        assert self.request("qXfer:features:read:target.xml:0,ffb")
        return self

    def __exit__(self, *exception):
        try:
            assert self.request("D") == "OK"
        finally:
            self.socket.close()
            self.command("gdbserver none")

    def command(self, line):
        self.vm.qmp("human-monitor-command", **{"command-line": line})

    def answer(self):
        """One packet; that it came is said with the next request, which spares QEMU a turn."""
        answer = b""
        while not re.search(rb"#[0-9a-f]{2}$", answer):
            data = self.socket.recv(4096)
            assert data, "QEMU's debugger port closed"
            answer += data
        return answer.lstrip(b"+")[1:-3].decode()

    def request(self, text):
        self.socket.sendall(f"+${text}#{sum(text.encode()) % 256:02x}".encode())
        return self.answer()

    # Stopping and going on; it stands still where nothing else is said.

    def go(self):
        self.socket.sendall(b"+$c#63")

    def halt(self):
        self.socket.sendall(b"\x03")
        assert self.answer().startswith("T")

    def has_stopped(self, seconds):
        """Whether it comes to a breakpoint in that time."""
        self.socket.settimeout(seconds)
        try:
            return self.answer().startswith("T")
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(self.seconds)

    def step(self):
        assert self.request("s").startswith("T")

    def breakpoint(self, address, is_set):
        assert self.request(f"{'Z' if is_set else 'z'}1,{address:x},4") == "OK"

    # What it stands still with.

    def register(self, number):
        text = self.request(f"p{number:x}")
        assert len(text) == 16, f"register {number}: {text!r}"
        return int.from_bytes(bytes.fromhex(text), "little")

    def register_set(self, number, value):
        text = value.to_bytes(8, "little").hex()
        wrote = self.request(f"P{number:x}={text}")
        assert wrote == "OK", f"register {number}: {wrote!r}"

    def read(self, physical, length):
        out = ""
        for at in range(0, length, PIECE):
            out += self.request(f"m{physical + at:x},{min(PIECE, length - at):x}")
        return bytes.fromhex(out)

    def read_seen(self, address, length):
        """By the virtual address, as who executes sees it."""
        assert self.request("Qqemu.PhyMemMode:0") == "OK"
        try:
            return self.read(address, length)
        finally:
            assert self.request("Qqemu.PhyMemMode:1") == "OK"

    def write(self, physical, data):
        """New contents; what was there before."""
        before = self.read(physical, len(data))
        for at in range(0, len(data), PIECE):
            piece = data[at:at + PIECE]
            wrote = self.request(f"M{physical + at:x},{len(piece):x}:{piece.hex()}")
            assert wrote == "OK", wrote
        return before


def overwrite(vm, physical, data):
    """New contents for the machine's memory, while it stands still; what was there before."""
    with Debugger(vm) as debugger:
        return debugger.write(physical, data)


def text_of(vm, name):
    """Where the code of a domain is in the machine's memory, and how long it is."""
    shown = vm.command(f"map {name}")
    found = re.search(r"(\d+) KiB +r-x +r-x +\S*text .* (0x[0-9a-f]+) +memory", shown)
    assert found, shown
    return int(found[2], 16), int(found[1]) * 1024
