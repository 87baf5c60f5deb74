#!/usr/bin/env python3
"""
Out of quota at every allocation: for each domain of the running system and every n, the n-th time
that something is charged to it between its start and an answered HTTPS request is refused.

That is an error to this domain and nobody else: it gets along or dies and comes back, every other
domain goes on without a restart, a page is served in the end, and no frame is lost.  The refusals
are made through the debugger's port, in what ships: frames, objects (timers among them) and threads
by a charge that is too large, handles by a table that is full just then, the log's bytes and
connections by the answer that they give when there are no more.
"""
# timeout: 1800

import collections
import itertools
import os
import re
import sys
import threading
import time

import rotunda_vm

sys.path.insert(0, os.path.join(rotunda_vm.ROOT, "tools"))

from debugger import PC, Debugger  # noqa: E402
from post_mortem.elf import Elf, Types  # noqa: E402

DOMAINS = ("pl061", "pl031", "virtio-rng", "pl011", "virtio-net", "console", "net", "web", "shell")
COUNT_REGISTER = 2  # of quota_take(domain, kind, count)
LINK = 30
NAME_BYTES = 16
TOO_MANY = 0xffffffff
PHYSICAL = 0xffffffffffff
START_SECONDS = 20
SETTLE_SECONDS = 60
QUIET_SECONDS = 0.3
NOTHING_SECONDS = 3
TABLES_MORE = 24  # segments are placed at random, and need more tables here, fewer there


class Kernel:
    """Where things are in what was built, and what stands there."""

    def __init__(self):
        folder = rotunda_vm.build_folder()
        self.elf = Elf(os.path.join(folder, "rotunda.elf"))
        self.launcher = Elf(os.path.join(folder, "programs", "launcher.elf"))
        self.types = Types(self.elf, {"struct domain": ("name", "handles", "cross"),
                                      "struct handle_table": ("used", "limit"),
                                      "struct cpu": ("current",),
                                      "struct thread": ("cross.domain",)}, ("status",))
        self.out_of_quota = next(number for number, name in self.types.enums["status"].items()
                                 if name == "STATUS_OUT_OF_QUOTA")

    def offset(self, *names):
        return self.types[names].offset


def pointer_at(debugger, address):
    return int.from_bytes(debugger.read_seen(address, 8), "little")


def text_at(debugger, address, size):
    return debugger.read_seen(address, size).split(b"\0")[0].decode()


def answer(debugger, value):
    """Go back from the function that was just called."""
    debugger.register_set(0, value)
    debugger.register_set(PC, debugger.register(LINK))


class Charge:
    """One kind of charge: the function where it is made, for whom, and how it is refused there."""

    least = 10  # of them at each domain's start, or the test has lost its way
    least_in_all = 100

    def __init__(self, kernel, _vm):
        self.kernel = kernel
        self.address = kernel.elf.symbol(self.function)

    def domain(self, debugger):
        """The one that is charged, as an address in the kernel."""
        return debugger.register(0)

    def name(self, debugger):
        field = self.kernel.types["struct domain", "name"]
        return text_at(debugger, self.domain(debugger) + field.offset, field.size)


class Taking(Charge):
    what = "frames, objects and threads"
    function = "quota_take"

    def refuse(self, debugger, _reaches):
        debugger.register_set(COUNT_REGISTER, TOO_MANY)


class Slot(Charge):
    what = "handles"
    function = "slot_make"

    def domain(self, debugger):
        return debugger.register(0) - self.kernel.offset("struct domain", "handles")

    def refuse(self, debugger, reaches):
        table = debugger.register(0) & PHYSICAL
        limit_at = table + self.kernel.offset("struct handle_table", "limit")
        used = debugger.read(table + self.kernel.offset("struct handle_table", "used"), 4)
        limit = debugger.write(limit_at, used)
        back = debugger.register(LINK)
        debugger.breakpoint(back, True)
        assert reaches(debugger, back), "the call doesn't return"
        debugger.breakpoint(back, False)
        debugger.write(limit_at, limit)


class LogLine(Charge):
    what = "the log"
    function = "sys_log_write"
    least = 0  # who has nothing to say
    least_in_all = 4

    def domain(self, debugger):
        """Where the thread of the one CPU executes."""
        cpu = self.kernel.elf.symbol("boot_cpu")
        thread = pointer_at(debugger, cpu + self.kernel.offset("struct cpu", "current"))
        return (pointer_at(debugger, thread + self.kernel.offset("struct thread", "cross.domain"))
                - self.kernel.offset("struct domain", "cross"))

    def refuse(self, debugger, _reaches):
        answer(debugger, self.kernel.out_of_quota)


class Grant(Charge):
    """
    The launcher's own, for connections to services: its first argument is the client's struct
    child, which starts with its entry.
    """

    what = "connections"
    function = "grants_badge"
    least = 0  # drivers have none
    least_in_all = 5

    def __init__(self, kernel, vm):
        shown = vm.command("map app:App")
        text = re.search(r"(0x[0-9a-f]+) +\d+ KiB +r-x +r-x +text ", shown)
        assert text, shown
        self.kernel = kernel
        self.address = int(text[1], 16) + kernel.launcher.symbol(self.function)

    def name(self, debugger):
        entry = pointer_at(debugger, debugger.register(0))
        return text_at(debugger, pointer_at(debugger, entry), NAME_BYTES)

    def refuse(self, debugger, _reaches):
        answer(debugger, self.kernel.out_of_quota)


CHARGES = (Taking, Slot, LogLine, Grant)


class Request(threading.Thread):
    """A page is asked for until it comes, while the machine stops and goes on."""

    def __init__(self, vm):
        super().__init__(daemon=True)
        self.vm = vm
        self.is_answered = False

    def run(self):
        """Impatiently: the host's side of QEMU's network sends a lost SYN again after seconds."""
        for patience in itertools.cycle((0.3, 0.6, 1.5, 3)):
            if self.is_answered or not self.vm.is_running():
                break
            try:
                self.is_answered = self.vm.get("/", timeout=patience)[0] == 200
            except OSError:
                time.sleep(0.02)


class Round:
    """One start of a domain, with one refusal."""

    def __init__(self, vm, name, charge):
        self.vm = vm
        self.name = name
        self.charge = charge
        self.request = Request(vm)

    def reaches(self, debugger, address, is_over=lambda: False):
        """Run to this breakpoint; False: it took too long, or it was over before."""
        if debugger.register(PC) == address:  # where it would stop at once
            debugger.breakpoint(address, False)
            debugger.step()
            debugger.breakpoint(address, True)
        end = time.monotonic() + START_SECONDS
        debugger.go()
        while not debugger.has_stopped(0.1):
            if time.monotonic() > end or is_over():
                debugger.halt()
                return debugger.register(PC) == address
        return True

    def run(self, number):
        """Refuse the charge of that number; whether there was one, and whether help was needed."""
        address = self.charge.address
        hits = 0
        with Debugger(self.vm) as debugger:
            debugger.breakpoint(address, True)
            self.vm.send_line(f"restart {self.name}")
            while hits < number and self.reaches(debugger, address, self.is_quiet()):
                hits += self.charge.name(debugger) == self.name
                if hits == 1:
                    self.ask()  # the one before is gone
            debugger.breakpoint(address, False)
            if hits == number:
                self.charge.refuse(debugger, self.reaches)
        needs_help = not self.settles()
        if needs_help:
            self.help()
        return hits == number, needs_help

    def is_quiet(self):
        """Once the page is there; who is charged nothing of the kind for long is asked anyway."""
        begin = time.monotonic()

        def looks():
            seconds = time.monotonic() - begin
            if seconds > NOTHING_SECONDS * rotunda_vm.busy():
                self.ask()
            return self.request.is_answered and seconds > QUIET_SECONDS

        return looks

    def ask(self):
        if self.request.ident is None:
            self.request.start()

    def settles(self):
        """Whether it runs again and the page comes, without help."""
        end = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < end:
            state = self.state()
            if state == "failed" or state == "exited":
                return False
            if state == "running" and self.request.is_answered:
                return True
            time.sleep(0.02)
        return False

    def help(self):
        self.vm.command(f"restart {self.name}", 60)
        assert self.settles(), f"{self.name} is {self.state()} after `restart`, a page " + (
            "came" if self.request.is_answered else "didn't come")

    def state(self):
        """In the shell's words; None while the shell doesn't answer."""
        try:
            text = self.vm.command("domains", 5)
        except rotunda_vm.VmError:
            return None
        for row in text.split("\n"):
            words = row.split()
            if len(words) > 2 and words[1] == self.name:
                return words[2]
        return None


def each_refusal_harms_nobody_else(vm, kernel, name):
    """All of one domain; the report."""
    others = {other: count for other, count in vm.restarts().items() if other != name}
    counts = collections.Counter()
    for charge in (kind(kernel, vm) for kind in CHARGES):
        while True:
            hit, needed_help = Round(vm, name, charge).run(counts[charge.what] + 1)
            if not hit:
                break
            counts[charge.what] += 1
            assert not needed_help, \
                f"{name} without charge {counts[charge.what]} of {charge.what} needs help"
        assert counts[charge.what] >= charge.least, f"{counts} charges"
        after = {other: count for other, count in vm.restarts().items() if other != name}
        assert after == others, f"restarts of others: {others}, then {after}"
    print(f"{name}: refused " + ", ".join(f"{count} of {what}" for what, count in counts.items())
          + "; each time back without help")
    return counts


def frames_of(vm):
    """{"segments": frames, ...}"""
    rows = re.findall(r"^  ([a-z, ]+?) +([\d,]+) ", vm.command("mem"), re.MULTILINE)
    return {what: int(count.replace(",", "")) for what, count in rows}


def frames_at_rest(vm):
    """The same, once a second has changed nothing: requests take memory, and give it back."""
    end = time.monotonic() + SETTLE_SECONDS
    before = frames_of(vm)
    while True:
        time.sleep(1)
        now = frames_of(vm)
        if now["segments"] == before["segments"]:
            return now
        assert time.monotonic() < end, f"no rest: {before}, then {now}"
        before = now


def nothing_is_lost(vm, before):
    """Once everybody who was tried has started anew, as before, but for where segments lie."""
    end = time.monotonic() + SETTLE_SECONDS
    while (now := frames_of(vm))["segments"] != before["segments"]:
        assert time.monotonic() < end, f"{before}, then {now}"
        time.sleep(1)
    for what in ("tables", "kernel objects"):
        assert now[what] <= before[what] + TABLES_MORE, f"{before}, then {now}"
    assert vm.command("date").startswith("20")
    assert vm.wait_https()[0] == 200


def each_kind_was_refused(total):
    """More than a look at one domain can ask for."""
    print(f"     of {len(DOMAINS)} domains: " + ", ".join(
        f"{count} of {what}" for what, count in total.items()))
    for kind in CHARGES:
        assert total[kind.what] >= kind.least_in_all, total


def main():
    wanted = rotunda_vm.wanted_tests() or DOMAINS
    if not os.path.exists(rotunda_vm.default_image()):
        return rotunda_vm.CANNOT_RUN
    kernel = Kernel()
    total = collections.Counter()
    with rotunda_vm.Machine() as vm:
        vm.wait_prompt()
        vm.wait_https()
        for name in DOMAINS:  # so that each has what it has after a restart
            vm.command(f"restart {name}", 60)
        vm.wait_https()
        frames = frames_at_rest(vm)
        tests = {name: lambda vm, name=name: total.update(
            each_refusal_harms_nobody_else(vm, kernel, name)) for name in wanted}
        tests["nothing_is_lost"] = lambda vm: nothing_is_lost(vm, frames)
        if wanted == DOMAINS:
            tests["each_kind_was_refused"] = lambda vm: each_kind_was_refused(total)
        results = [rotunda_vm.run_test(test, vm, name) for name, test in tests.items()]
    return int(any(result.error for result in results))


if __name__ == "__main__":
    sys.exit(main())
