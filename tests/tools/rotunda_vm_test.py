"""
tests/e2e/rotunda_vm.py: a machine starts although somebody takes its port at that moment, and the
log may come into what a command prints.
"""

import os
import shutil
import socket
import sys
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
sys.dont_write_bytecode = True

import rotunda_vm  # noqa: E402  (the path above comes first)


def machine():
    """One that stands still; no kernel is needed for what is tested here."""
    return rotunda_vm.Machine(image=os.path.abspath(__file__), options=["-S"])


@unittest.skipUnless(shutil.which("qemu-system-aarch64"), "no QEMU")
class Ports(unittest.TestCase):
    def setUp(self):
        self.taken = socket.create_server(("127.0.0.1", 0))
        self.port = self.taken.getsockname()[1]

    def tearDown(self):
        self.taken.close()

    def test_another_one_is_tried(self):
        ports = [self.port, rotunda_vm.free_port(), rotunda_vm.free_port(), self.port,
                 rotunda_vm.free_port(), rotunda_vm.free_port()]
        with mock.patch.object(rotunda_vm, "free_port", lambda: ports.pop(0)):
            with machine() as vm:
                self.assertEqual(vm.qmp("query-status")["status"], "prelaunch")
                self.assertNotIn(self.port, (vm.https_port, vm.http_port))

    def test_it_is_said_when_there_is_none(self):
        with mock.patch.object(rotunda_vm, "free_port", lambda: self.port):
            with self.assertRaisesRegex(rotunda_vm.VmError, f"forwarding rule.*{self.port}"):
                machine().start()

    def test_what_else_is_wrong_is_said_at_once(self):
        vm = machine()
        vm.options = ["-nonsense"]
        with mock.patch.object(rotunda_vm, "START_TRIES", 10 ** 6):
            with self.assertRaisesRegex(rotunda_vm.VmError, "nonsense"):
                vm.start()


class Answers(unittest.TestCase):
    LOG = "[    3.120173] net: address fec0::77/64 from a router"

    def test_a_row_that_the_log_comes_into_is_there_once(self):
        for piece in ("b", "b  ", "b  2"):
            self.assertEqual(rotunda_vm.without_log(["a  1", piece, self.LOG, self.LOG, "b  2 3"]),
                             ["a  1", "b  2 3"])

    def test_rows_that_it_comes_between_stay(self):
        rows = ["a  1", self.LOG, "b  2", "b  2", "", self.LOG, "c"]
        self.assertEqual(rotunda_vm.without_log(rows), ["a  1", "b  2", "b  2", "", "c"])


if __name__ == "__main__":
    unittest.main()
