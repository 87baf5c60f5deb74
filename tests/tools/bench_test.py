"""tools/bench: reading the guest's lines, and what becomes of rows that fail."""

import importlib.machinery
import importlib.util
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


sys.dont_write_bytecode = True


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(ROOT, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


bench = load("bench")

REQUIRED = """null_syscall portal_cross_0w portal_cross_8w portal_same_0w signal_wake_return
    ring_msg_b1 ring_msg_b32 fault_roundtrip thread_create domain_create domain_destroy
    segment_create_4k segment_create_2m segment_create_1g segment_grant_4k segment_grant_2m
    segment_grant_1g segment_revoke_4k segment_revoke_2m segment_revoke_1g irq_to_driver
    boot_first_user boot_first_https https_keepalive_1k https_handshake_full https_1m""".split()

COUNTED = "unit=instructions median=61 mean=61.2 least=61 most=99 samples=256 sel4=96 linux=310"
TIMED = "unit=ns median=900 mean=901.0 least=880 most=950 samples=256 sel4=4301 linux=38572"
CONSOLE = f"""rotunda> bench machine
bench-row id=null_syscall {COUNTED}
bench-row id=segment_create_1g failed="out of memory"
bench-row id=thread_create {TIMED}
bench-end failures=1
"""


class Rows(unittest.TestCase):
    def test_every_required_row_is_in_the_table(self):
        names = [line[0] for line in bench.figure_lines()]
        self.assertEqual(len(names), len(set(names)))
        for name in REQUIRED:
            self.assertIn(name, names)

    def test_lines_of_the_guest_are_read(self):
        rows = bench.parse_rows(CONSOLE)
        self.assertEqual(rows["null_syscall"]["median"], "61")
        self.assertEqual(rows["segment_create_1g"]["failed"], "out of memory")

    def test_rows_are_numbers_or_say_why_not(self):
        wanted = {"null_syscall", "segment_create_1g", "thread_create", "https_1m", "irq_to_driver"}
        rows = {row["id"]: row for row in
                bench.assemble(bench.parse_rows(CONSOLE), {"https_1m": "refused"}, wanted)}
        self.assertEqual(set(rows), wanted)
        self.assertEqual(rows["null_syscall"]["instructions"], 61)
        self.assertEqual(rows["null_syscall"]["sel4"], 96)
        self.assertEqual(rows["null_syscall"]["linux"], 310)
        for name in wanted - {"null_syscall"}:
            self.assertIsNone(rows[name]["instructions"])
            self.assertTrue(rows[name]["failed"])
        self.assertIsNone(rows["https_1m"]["sel4"])

    def test_the_counter_may_wrap_around(self):
        self.assertEqual(bench.passed(10, 25), 15)
        self.assertEqual(bench.passed((1 << 32) - 5, 10), 15)


if __name__ == "__main__":
    unittest.main()
