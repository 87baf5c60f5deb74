"""tools/check: each rule finds what it is there to find, in a small tree made for it."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("check", os.path.join(ROOT, "tools", "check"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
loader.exec_module(check)

TREE = {
    "core/abi/include/abi/types.h": "",
    "core/base/include/base/list.h": '#include "abi/types.h"\n',
    "arch/aarch64/include/arch/mmu.h": "",
    "arch/aarch64/tables.h": "",
    "domains/include/domains/view.h": '#include "arch/mmu.h"\n#include <stdint.h>\n',
    "core/include/core/thread.h": '#include "domains/view.h"\n',
    "userland/runtime/include/rt/loop.h": '#include "abi/types.h"\n',
    "userland/net/include/net/protocol.h": '#include "rt/loop.h"\n',
    "userland/net/stack.h": "",
    "userland/web/web.c": '#include "net/protocol.h"\n#include "rt/loop.h"\n#include <stdio.h>\n',
}


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.folder_object = tempfile.TemporaryDirectory()
        check.ROOT = self.folder_object.name
        for path, text in TREE.items():
            self.write(path, text)

    def tearDown(self):
        self.folder_object.cleanup()

    def write(self, path, text):
        path = os.path.join(check.ROOT, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)

    def layers(self, path, text):
        self.write(path, text)
        return list(check.check_layers())

    def test_tree_that_keeps_the_rules_has_no_findings(self):
        self.assertEqual(list(check.check_layers()), [])
        self.assertEqual(list(check.check_text()), [])

    def test_include_upwards_is_found(self):
        self.assertEqual(self.layers("domains/asid.c", '#include "core/thread.h"\n'), [
            "domains/asid.c:1: domains must not include core (core/include/core/thread.h)"])

    def test_program_that_includes_the_kernel_is_found(self):
        self.assertIn("userland must not include domains",
                      self.layers("userland/web/x.c", '#include "domains/view.h"\n')[0])

    def test_private_header_of_another_folder_is_found(self):
        self.assertIn("private to arch",
                      self.layers("core/x.c", '#include "../arch/aarch64/tables.h"\n')[0])
        os.remove(os.path.join(check.ROOT, "core/x.c"))
        self.assertIn("private to userland/net",
                      self.layers("userland/web/x.c", '#include "../net/stack.h"\n')[0])

    def test_c_library_in_the_kernel_is_found(self):
        self.assertIn("the kernel has no stdio.h",
                      self.layers("core/x.c", "#include <stdio.h>\n")[0])

    def test_lines_against_the_rules_are_found(self):
        self.write("core/x.c", "\tint x;\nint y; \n/* TO" "DO */\n" + "x" * 101)
        kinds = [finding.split(": ", 1)[1] for finding in check.check_text()]
        self.assertEqual(kinds, ["no newline at the end", "tab", "trailing blank", "note to self",
                                 "longer than 100 columns"])


if __name__ == "__main__":
    unittest.main()
