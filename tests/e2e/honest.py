"""
An honest client beside an attack: pages that it asks for, one after the other, each of which has to
come in time.
"""

import time

from rotunda_vm import busy

HONEST_SECONDS = 2.0  # that it waits at most, on an idle test machine
TRIES = 3  # a long wait or two are the machine's, three in a row aren't
LATE_SHARE = 10  # nor are those of more than one page in so many
LATE_ALWAYS = 2  # pages that may have been late, however few there were


class HonestClient:
    """What has become of its pages; `ask` gets one and may say itself how long that took."""

    def __init__(self, ask, forgiven=()):
        """`forgiven`: what `ask` may raise that is no worse than a long wait."""
        self.ask, self.forgiven = ask, forgiven
        self.forget()

    def forget(self):
        self.pages = self.tries = self.late = 0
        self.longest = 0.0  # of those in time

    def attempt(self):
        begin = time.monotonic()
        try:
            waited = self.ask()
        except self.forgiven as problem:
            return problem
        return time.monotonic() - begin if waited is None else waited

    def page(self):
        """Ask for one until it comes in time."""
        waits = []
        while len(waits) < TRIES:
            waits.append(self.attempt())
            if not isinstance(waits[-1], Exception) and waits[-1] <= HONEST_SECONDS * busy():
                break
        else:
            raise AssertionError(f"an honest client waited: {waits}; before: {self.said()}")
        self.pages += 1
        self.tries += len(waits)
        self.late += len(waits) > 1
        self.longest = max(self.longest, waits[-1])

    def said(self):
        return f"{self.pages} honest pages in {self.longest:.2f} s at most, {self.late} of them " \
               f"late at first, {self.tries} tries"

    def verdict(self, least=1):
        """The same at an attack's end: enough were asked for, and few were late."""
        assert self.pages >= least, f"too few to judge by, {least} at least: {self.said()}"
        allowed = max(LATE_ALWAYS, self.pages // LATE_SHARE)
        assert self.late <= allowed, f"too many late, {allowed} at most: {self.said()}"
        return self.said()
