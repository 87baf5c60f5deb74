"""Pages of docs/ that show code: what they show is what is built."""

import os
import re

from rotunda_vm import ROOT, VmError


def shows_the_code_that_is_built(name, least):
    """
    Each block of code on docs/`name` stands in the file that the block's first line names; a line
    "..." stands for what is left out.  There are `least` such blocks.
    """
    with open(os.path.join(ROOT, "docs", name), encoding="utf-8") as page:
        blocks = re.findall(r"```\w*\n(?:/\*|#|//) (\S+?)(?: \*/)?\n(.*?)```", page.read(), re.S)
    if len(blocks) < least:
        raise VmError(f"only {len(blocks)} blocks of code found in docs/{name}")
    for path, code in blocks:
        with open(os.path.join(ROOT, path), encoding="utf-8") as source:
            text = source.read()
        for piece in re.split(r"\n\s*(?:/\*|#|//) \.\.\.(?: \*/)?\n", code):
            lines = [line.strip() for line in piece.strip().splitlines()]
            wanted = re.compile(r"\s+".join(re.escape(line) for line in lines if line))
            if not wanted.search(text):
                raise VmError(f"docs/{name} shows code that is not in {path}:\n{piece}")
