"""tests/teeth.changes: every fault can still be seeded, and docs/teeth.md tells what caught it."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
import teeth

PAGE = os.path.join(ROOT, "docs", "teeth.md")


class Teeth(unittest.TestCase):
    def test_there_are_enough(self):
        self.assertGreaterEqual(len(teeth.listed()), 20)

    def test_every_fault_is_in_the_tree_exactly_once(self):
        for change in teeth.listed():
            with self.subTest(change.what):
                self.assertNotEqual(change.applied(), "")

    def test_every_fault_names_a_test_that_exists(self):
        for change in teeth.listed():
            with self.subTest(change.what):
                self.assertTrue(teeth.exists(change), f"{change.where}: {change.claim}")

    def test_the_page_lists_what_is_seeded(self):
        with open(PAGE, encoding="utf-8") as page:
            rows = [line.split(" | ") for line in page if line.startswith("| ")]
        shown = {row[0].removeprefix("| "): row for row in rows if len(row) == 3}
        for change in teeth.listed():
            with self.subTest(change.what):
                self.assertIn(change.what, shown)
                _, path, caught = shown[change.what]
                self.assertEqual(path, f"`{change.path}`")
                self.assertIn(f"`{change.where}`: `{change.claim}`", caught)


if __name__ == "__main__":
    unittest.main()
