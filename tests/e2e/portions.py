"""
Long attacks in portions: machines side by side, as many as there are processors, and runs that are
made a part at a time: `--part 3/10` is the third of ten, which together are the whole.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import io
import os
import re
import traceback


class Part(collections.namedtuple("Part", "number of")):
    """The `number`-th of `of`, from 1."""

    def __str__(self):
        return f"part {self.number} of {self.of}"

    def share(self, total):
        """How many of `total` are this part's; all parts' are `total`."""
        return total * self.number // self.of - total * (self.number - 1) // self.of

    def seed(self, seed):
        """One of its own; that of a run in one part is `seed` itself."""
        return seed + 1000 * (self.number - 1)


WHOLE = Part(1, 1)


def part_from(text):
    """Of an argument."""
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"'{text}' is no part: 3/10 is the third of ten")
    return Part(int(found[1]), int(found[2]))


def part_argument(parser):
    parser.add_argument("--part", type=part_from, default=WHOLE, metavar="K/N",
                        help="only the K-th of N parts, with a seed of its own")


def heard(call):
    """What the call returns and what it printed; a failure nobody has caught is printed, too."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            result = call[0](*call[1:])
        except Exception:
            traceback.print_exc(file=out)
            result = 1
    return result, out.getvalue()


def side_by_side(calls, cpus=1):
    """
    Calls (function, arguments ...) in processes of their own, as many at a time as there are
    processors for `cpus` each.  What one prints stays together.  Exit status: 1 if any returned
    something else than 0.
    """
    status = 0
    with concurrent.futures.ProcessPoolExecutor(max(1, os.cpu_count() // cpus)) as executor:
        for done in concurrent.futures.as_completed([executor.submit(heard, call)
                                                     for call in calls]):
            result, text = done.result()
            print(text, end="", flush=True)
            status = status or int(result != 0)
    return status
