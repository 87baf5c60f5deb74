"""tools/bench: reading the guest's lines, and what becomes of rows that fail."""

import importlib.machinery
import importlib.util
import os
import sys
import unittest
from xml.etree import ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


sys.dont_write_bytecode = True


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(ROOT, "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


bench = load("bench")

REQUIRED = """null_syscall portal_cross_0w portal_cross_8w portal_cross_fp portal_cross_handle
    portal_cross_timeout portal_same_0w portal_domains_10 portal_domains_10000 list_sum_handover
    list_sum_copy signal_nobody signal_wake_return event_ping_pong ring_msg_b1 ring_msg_b32
    ring_msg_running_b1 ring_msg_running_b32 fault_roundtrip thread_create domain_create
    domain_destroy segment_create_4k segment_create_2m segment_create_1g segment_grant_4k
    segment_grant_2m segment_grant_1g segment_revoke_4k segment_revoke_2m segment_revoke_1g
    irq_to_driver irq_masked_max irq_masked_worst wake_idle_p50 wake_idle_p99 wake_idle_max
    wake_loaded_p50 wake_loaded_p99 wake_loaded_max boot_first_user boot_first_https
    https_keepalive_1k https_handshake_full https_1m""".split()

COUNTED = ("unit=instructions median=61 mean=61.2 least=61 most=99 samples=256 aim=30 sel4=96 "
           "linux=310")
TIMED = "unit=ns median=900 mean=901.0 least=880 most=950 samples=256 aim=900 sel4=4301 linux=38572"
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
        self.assertEqual(rows["null_syscall"]["aim"], 30)
        self.assertEqual(rows["null_syscall"]["sel4"], 96)
        self.assertEqual(rows["null_syscall"]["linux"], 310)
        for name in wanted - {"null_syscall"}:
            self.assertIsNone(rows[name]["instructions"])
            self.assertTrue(rows[name]["failed"])
        self.assertIsNone(rows["https_1m"]["sel4"])

    def test_the_counter_may_wrap_around(self):
        self.assertEqual(bench.passed(10, 25), 15)
        self.assertEqual(bench.passed((1 << 32) - 5, 10), 15)


def row(name, instructions, **more):
    return {"id": name, "what": "something", "instructions": instructions, "aim": None,
            "sel4": None, "linux": None, **more}


BASELINE = {"compiler": "gcc", "left_out": {"https_1m": "the host"},
            "loose": {"irq_masked_max": 20},
            "rows": {"null_syscall": 30, "domain_create": 5000, "irq_masked_max": 3000}}


class Baseline(unittest.TestCase):
    def compare(self, *rows, compiler="gcc"):
        return bench.baseline.compare(BASELINE, rows, compiler)

    def test_equal_figures_pass_without_a_word(self):
        self.assertEqual(self.compare(row("null_syscall", 30), row("domain_create", 5000)),
                         ([], []))

    def test_a_row_may_move_by_two_instructions_or_three_percent(self):
        self.assertEqual(self.compare(row("null_syscall", 32), row("domain_create", 5150)),
                         ([], []))

    def test_a_worse_row_is_named_with_both_figures(self):
        problems, _ = self.compare(row("null_syscall", 33), row("domain_create", 5151))
        self.assertEqual(len(problems), 2)
        for word in ("domain_create", "5000", "5151"):
            self.assertIn(word, problems[1])

    def test_a_better_row_is_a_hint_and_no_problem(self):
        problems, hints = self.compare(row("null_syscall", 20))
        self.assertEqual(problems, [])
        self.assertIn("null_syscall: 30 -> 20", hints[0])

    def test_rows_that_look_for_the_worst_have_more_room(self):
        self.assertEqual(self.compare(row("irq_masked_max", 3600))[0], [])
        self.assertEqual(len(self.compare(row("irq_masked_max", 3601))[0]), 1)

    def test_rows_that_are_new_or_no_longer_measured_are_problems(self):
        problems, _ = self.compare(row("portal_cross_0w", 96), row("https_1m", 10 ** 9),
                                   row("null_syscall", None, failed="x"))
        self.assertEqual([line.split(":")[0] for line in problems],
                         ["portal_cross_0w", "null_syscall"])

    def test_another_compiler_is_not_compared(self):
        problems, hints = self.compare(row("null_syscall", 1000), compiler="clang")
        self.assertEqual(problems, [])
        self.assertIn("not compared", hints[0])

    def test_renewing_keeps_what_was_not_measured_and_drops_what_is_no_row(self):
        order = ["null_syscall", "portal_cross_0w", "irq_masked_max", "https_1m"]
        rows = [row("portal_cross_0w", 96), row("https_1m", 5), row("null_syscall", 29)]
        new = bench.baseline.renewed(BASELINE, rows, "gcc 2", order)
        self.assertEqual(new["rows"], {"null_syscall": 29, "portal_cross_0w": 96,
                                       "irq_masked_max": 3000})
        self.assertEqual((new["compiler"], new["left_out"]), ("gcc 2", BASELINE["left_out"]))

    def test_every_row_of_the_table_is_held_or_left_out(self):
        held = bench.baseline.load(bench.BASELINE)
        for name in [line[0] for line in bench.figure_lines()]:
            self.assertTrue((name in held["rows"]) != (name in held["left_out"]), name)


class Text(unittest.TestCase):
    REPORT = {"rows": [row("null_syscall", 47, aim=30, sel4=96),
                       row("https_1m", None, failed="x")],
              "conditions": {"measured": "2026-11-26T10:00:00Z", "qemu": "QEMU 7.2.22 (x 1:7.2)",
                             "cpu": "cortex-a72",
                             "compiler": "gcc (Debian 12.2.0-14) 12.2.0"}}
    ORDER = ["null_syscall", "https_1m", "https_keepalive_1k"]

    def test_an_aim_is_said_to_be_met_or_not(self):
        self.assertIn(" 30 no ", bench.table.line(row("null_syscall", 47, aim=30)) + " ")
        self.assertIn(" 30 yes ", bench.table.line(row("null_syscall", 30, aim=30)) + " ")
        self.assertNotIn("yes", bench.table.line(row("null_syscall", 30)))

    def test_blocks_are_refreshed_and_the_rest_stays(self):
        before = ("# Title\n\n<!-- BENCH -->\n\n```\nid what\nnull_syscall old\n"
                  "https_1m kept\ngone 1\n```\n\nmore\n")
        after = bench.table.refreshed(before, self.REPORT, self.ORDER)
        self.assertTrue(after.startswith("# Title\n\n<!-- BENCH -->\n\nMeasured on 2026-11-26"))
        self.assertTrue(after.endswith("```\n\nmore\n"))
        self.assertIn("with QEMU 7.2.22, cortex-a72, gcc 12.2.0.\n", after)
        self.assertIn("2.0x", after)
        self.assertIn("\nhttps_1m kept\n", after)
        self.assertNotIn("gone", after)
        self.assertEqual(bench.table.refreshed(after, self.REPORT, self.ORDER), after)

    def test_a_block_shows_the_rows_that_it_names(self):
        before = "<!-- BENCH https -->\n\n```\nhttps_1m kept\n```\n"
        after = bench.table.refreshed(before, self.REPORT, self.ORDER)
        self.assertNotIn("null_syscall", after)
        self.assertIn("https_1m kept", after)

    def test_the_documents_have_blocks(self):
        for name in bench.DOCUMENTS:
            with open(os.path.join(ROOT, name), encoding="utf-8") as document:
                self.assertTrue(bench.table.BLOCK.search(document.read()), name)


class Plot(unittest.TestCase):
    def test_it_is_drawn_from_the_figures(self):
        rows = {name: row(name, 100 + i, sel4=414, linux=11565)
                for i, name in enumerate(bench.plot.needed())}
        drawing = bench.plot.svg(rows)
        ElementTree.fromstring(drawing)
        for name in ("portal_domains_10", "portal_domains_10000"):
            self.assertIn(f">{rows[name]['instructions']}<", drawing)
        self.assertNotEqual(drawing, bench.plot.svg({**rows, "segment_grant_2m": row("", 5000)}))


if __name__ == "__main__":
    unittest.main()
