"""
tests/e2e/rotunda_vm.py: a machine starts although somebody takes its port at that moment, and the
log may come into what a command prints, and before it.
"""

import contextlib
import os
import shutil
import socket
import sys
import threading
import time
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


class Said(rotunda_vm.Machine):
    """A machine whose console says `says` to a typed line, (seconds, text) one after the other."""

    def __init__(self, *says):
        super().__init__()
        self.says = says

    def is_running(self):
        return True

    def send(self, data):
        self.listener = threading.Thread(target=self.say)
        self.listener.start()

    def say(self):
        for seconds, text in self.says:
            time.sleep(seconds)
            with self.news:
                self.pieces.append(text.encode())
                self.news.notify_all()


class Answers(unittest.TestCase):
    LOG = "[    3.120173] net: address fec0::77/64 from a router"
    LOGGED = f"\r{LOG}\r\nrotunda> "

    def answer(self, line, *says):
        with contextlib.closing(Said(*says)) as vm:
            return vm.command(line)

    def test_a_prompt_behind_the_log_is_no_answer(self):
        self.assertEqual(self.answer("date", (0, self.LOGGED),
                                     (2.5, "da" + self.LOGGED + "date\r\n"),
                                     (0.1, "2026-11-28\r\nrotunda> ")), "2026-11-28")

    def test_the_log_may_come_between_an_echo_and_its_newline(self):
        said = "date" + self.LOGGED + "date\r\n2026\r\nrotunda> "
        self.assertEqual(self.answer("date", (0, said)), "2026")

    def test_a_long_line_is_known_by_its_end(self):
        line = "echo " + "a" * 80 + "b" * 60
        said = "\rrotunda> " + line[-70:] + "\x1b[0K\r\x1b[79C\r\nb\r\nrotunda> "
        self.assertEqual(self.answer(line, (0, said)), "b")

    def test_what_is_typed_behind_a_control_character_is_echoed(self):
        self.assertEqual(self.answer("\x15mem", (0, "\rrotunda> mem\r\nin use\r\nrotunda> ")),
                         "in use")

    def test_a_row_that_the_log_comes_into_is_there_once(self):
        for piece in ("b", "b  ", "b  2"):
            self.assertEqual(rotunda_vm.without_log(["a  1", piece, self.LOG, self.LOG, "b  2 3"]),
                             ["a  1", "b  2 3"])

    def test_rows_that_it_comes_between_stay(self):
        rows = ["a  1", self.LOG, "b  2", "b  2", "", self.LOG, "c"]
        self.assertEqual(rotunda_vm.without_log(rows), ["a  1", "b  2", "b  2", "", "c"])


if __name__ == "__main__":
    unittest.main()
