"""
Breakpoints in a machine with one CPU, by QEMU's debugger port.

    with Breakpoints(vm) as breakpoints:
        breakpoints.set(address)
        if breakpoints.run(seconds=2):          # False: it wasn't reached
            breakpoints.register_set(0, 1)      # x0

The machine stands still between two calls of run().
"""

import socket
import time

from debugger import Debugger

REGISTERS = 33  # x0 to x30, sp, pc
PC = 32


class Breakpoints(Debugger):
    def __init__(self, vm):
        super().__init__(vm)
        self.addresses = set()

    def __exit__(self, *exception):
        for address in list(self.addresses):
            self.clear(address)
        super().__exit__(*exception)

    def set(self, address):
        assert self.request(f"Z0,{address:x},4") == "OK"
        self.addresses.add(address)

    def clear(self, address):
        assert self.request(f"z0,{address:x},4") == "OK"
        self.addresses.remove(address)

    def send(self, text):
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())

    def registers(self):
        words = bytes.fromhex(self.request("g"))
        return [int.from_bytes(words[8 * i:8 * i + 8], "little") for i in range(REGISTERS)]

    def register_set(self, number, value):
        words = bytearray.fromhex(self.request("g"))
        words[8 * number:8 * number + 8] = value.to_bytes(8, "little")
        assert self.request("G" + words.hex()) == "OK"

    def step_over(self, address):
        """From a breakpoint on, which would be hit at once again."""
        self.clear(address)
        self.request("s")
        self.set(address)

    def run(self, seconds, is_over=lambda: False):
        """Until a breakpoint, and that is true; or until the time, or `is_over`: false."""
        at = self.registers()[PC]
        if at in self.addresses:
            self.step_over(at)
        end = time.monotonic() + seconds
        self.send("c")
        self.socket.settimeout(0.1)
        try:
            while True:
                try:
                    self.answer()
                    return True
                except socket.timeout:
                    if time.monotonic() > end or is_over():
                        break
            self.socket.sendall(b"\x03")
            self.socket.settimeout(self.seconds)
            self.answer()
            return self.registers()[PC] in self.addresses
        finally:
            self.socket.settimeout(self.seconds)
