"""tools/listing: listings in the documentation are compared with the image, and renewed."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "listing")

sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("listing", TOOL)
listing = importlib.util.module_from_spec(importlib.util.spec_from_loader("listing", loader))
loader.exec_module(listing)

DISASSEMBLY = """
Disassembly of section .text:

ffffffff80012000 <portal_call_path>:
ffffffff80012000:\tldr\tx9, [sp, #272]
ffffffff80012004:\tcmp\tx11, x8
ffffffff80012008:\tb.ne\tffffffff800124b0 <el0_slow>  // b.any
ffffffff8001200c:\tcbnz\tw9, ffffffff80012004 <portal_call_path+0x4>
ffffffff80012010:\teret

ffffffff80012014 <portal_return_path>:
ffffffff80012014:\tldr\tx10, [sp, #280]
ffffffff80012018:\teret
"""
CALL = ["ldr x9, [sp, #272]", "cmp x11, x8", "b.ne el0_slow", "cbnz w9, .-8", "eret"]
DOCUMENT = """before

<!-- PATH portal_call_path -->

*5 instructions*

```
ldr x9, [sp, #272]                          the domain
cmp x11, x8                                 the key
b.ne el0_slow                               "
cbnz w9, .-8                                again
eret                                        out
```

after
"""
PARSED = listing.parse(DISASSEMBLY)


def find(symbol, start, end):
    return listing.path(*PARSED, symbol, start, end)


class Paths(unittest.TestCase):
    def test_a_path_runs_from_its_symbol_to_its_end(self):
        self.assertEqual(find("portal_call_path", None, None), CALL)
        self.assertEqual(find("portal_call_path+0x4", None, "b.ne"), CALL[1:3])
        self.assertEqual(find("portal_call_path", "b.ne", None), CALL[2:])

    def test_a_path_without_symbol_or_end_is_an_error(self):
        for marker in (("nothing", None, None), ("portal_return_path", None, "b.ne")):
            with self.assertRaises(listing.ListingError):
                find(*marker)


class Comparing(unittest.TestCase):
    def test_a_true_listing_passes(self):
        self.assertEqual(listing.check(DOCUMENT, find), [])

    def test_operands_may_move(self):
        self.assertEqual(listing.check(DOCUMENT.replace("#272", "#280"), find), [])

    def test_another_mnemonic_is_told(self):
        said = listing.check(DOCUMENT.replace("cmp x11", "subs x11"), find)
        self.assertEqual(said, ["portal_call_path: listed: subs x11, x8",
                                "portal_call_path: image:  cmp x11, x8"])

    def test_a_missing_instruction_is_told_with_the_counts(self):
        said = "\n".join(listing.check(DOCUMENT.replace(
            'b.ne el0_slow                               "\n', ""), find))
        self.assertIn("4 instructions listed, 5 in the image", said)
        self.assertIn("image:  b.ne el0_slow", said)

    def test_an_instruction_without_a_word_is_told(self):
        for word in ("", "?"):
            said = listing.check(DOCUMENT.replace("the key", word), find)
            self.assertEqual(said, ["portal_call_path: no word on what it is for: cmp x11, x8"])

    def test_a_marker_that_names_nothing_is_told(self):
        self.assertIn("0 symbols", listing.check(DOCUMENT.replace("portal_call", "x"), find)[0])


class Renewing(unittest.TestCase):
    def test_a_true_document_stays_as_it_is(self):
        self.assertEqual(listing.write(DOCUMENT, find), DOCUMENT)

    def test_words_stay_with_their_instructions(self):
        old = DOCUMENT.replace("cmp x11, x8                                 the key\n",
                               "mrs x1, esr_el1                             gone\n"
                               "cbz x1, .+8                                 gone\n")
        new = listing.write(old.replace("*5", "*6").replace("#272", "#8"), find)
        self.assertEqual(new, DOCUMENT.replace("the key", "?"))

    def test_an_empty_block_is_filled(self):
        empty = "<!-- PATH portal_return_path -->\n\n```\n```\n"
        self.assertIn("*2 instructions*", listing.write(empty, find))


class Documents(unittest.TestCase):
    def test_what_is_listed_is_what_was_built(self):
        run = subprocess.run([sys.executable, TOOL, "check"], capture_output=True, text=True,
                             check=False)
        if run.returncode == listing.CANNOT_RUN:
            self.skipTest(run.stdout)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_the_crossing_is_listed(self):
        text = ""
        for name in listing.DOCUMENTS:
            with open(name, encoding="utf-8") as document:
                text += document.read()
        markers = [match.group(2) for match in listing.BLOCK.finditer(text)]
        self.assertIn("portal_call_path", markers)
        self.assertIn("portal_return_path", markers)


if __name__ == "__main__":
    unittest.main()
