"""Changes that a claim must not survive: reading <subject>.changes and applying them.

A stanza per change, with an empty line between two:

    # what goes wrong with it
    prove_narrow: narrowing adds nothing
    arch/aarch64/include/arch/pagetable.h
    -    the old lines
    +    the new lines

The second line says where (a proof, or the model) and which claim has to fail.  The old lines must
be in the file, once.
"""

import os
from dataclasses import dataclass

SKIPPED = 77
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Wrong(Exception):
    """The test fails, and this says why."""


@dataclass
class Change:
    what: str
    where: str
    claim: str
    path: str
    old: str
    new: str

    def applied(self):
        """The text of the changed file."""
        with open(os.path.join(ROOT, self.path), encoding="utf-8") as stream:
            text = stream.read()
        if text.count(self.old) != 1:
            raise Wrong(f"'{self.what}': its old lines are {text.count(self.old)} times in "
                        f"{self.path}; the code has changed, so the change has to")
        return text.replace(self.old, self.new)


def read(path):
    with open(path, encoding="utf-8") as stream:
        stanzas = [s.split("\n") for s in stream.read().strip("\n").split("\n\n")]
    for lines in stanzas:
        what = " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
        where, path, *edits = [line for line in lines if not line.startswith("#")]
        where, _, claim = where.partition(": ")
        old = "".join(line[1:] + "\n" for line in edits if line.startswith("-"))
        new = "".join(line[1:] + "\n" for line in edits if line.startswith("+"))
        if not old or len(edits) != sum(line[0] in "-+" for line in edits):
            raise Wrong(f"'{what}': not a change")
        yield Change(what, where, claim, path, old, new)
