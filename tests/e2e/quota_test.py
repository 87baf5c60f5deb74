#!/usr/bin/env python3
"""
Out of quota at every allocation: for each domain of the running system and every n, the n-th time
that something is charged to it between its start and an answered HTTPS request is refused.

That is an error to this domain and nobody else: it gets along or dies and comes back, every other
domain goes on without a restart, a page is served in the end, and no frame is lost.  The refusals
are made through the debugger's port, in the kernel that ships: frames, objects and threads by a
charge that is too large, handles by a table that is full just then.
"""
# timeout: 600

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
KINDS = {"quota_take": "frames, objects and threads", "slot_make": "handles"}
COUNT_REGISTER = 2  # of quota_take(domain, kind, count)
LINK = 30
TOO_MANY = 0xffffffff
PHYSICAL = 0xffffffffffff
START_SECONDS = 20
SETTLE_SECONDS = 60
QUIET_SECONDS = 0.3
TABLES_MORE = 24  # segments are placed at random, and need more tables here, fewer there


class Kernel:
    """Where things are in the kernel that was built."""

    def __init__(self):
        elf = Elf(os.path.join(rotunda_vm.build_folder(), "rotunda.elf"))
        self.address = {name: elf.symbol(name) for name in KINDS}
        self.types = Types(elf, {"struct domain": ("name", "handles"),
                                 "struct handle_table": ("used", "limit")}, ())

    def offset(self, *names):
        return self.types[names].offset


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

    def __init__(self, vm, kernel, name, kind):
        self.vm = vm
        self.kernel = kernel
        self.name = name
        self.kind = kind
        self.request = Request(vm)

    def is_charged(self, debugger, pointer):
        """Whether it is this domain that is charged at the breakpoint."""
        if self.kind == "slot_make":
            pointer -= self.kernel.offset("struct domain", "handles")
        at = (pointer & PHYSICAL) + self.kernel.offset("struct domain", "name")
        name = debugger.read(at, self.kernel.types["struct domain", "name"].size)
        return name.split(b"\0")[0].decode() == self.name

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

    def refuse(self, debugger, pointer):
        if self.kind == "quota_take":
            debugger.register_set(COUNT_REGISTER, TOO_MANY)
            return
        table = pointer & PHYSICAL
        limit_at = table + self.kernel.offset("struct handle_table", "limit")
        used = debugger.read(table + self.kernel.offset("struct handle_table", "used"), 4)
        limit = debugger.write(limit_at, used)
        back = debugger.register(LINK)
        debugger.breakpoint(back, True)
        assert self.reaches(debugger, back), "the call doesn't return"
        debugger.breakpoint(back, False)
        debugger.write(limit_at, limit)

    def run(self, number):
        """Refuse the charge of that number; whether there was one, and whether help was needed."""
        address = self.kernel.address[self.kind]
        hits = 0
        with Debugger(self.vm) as debugger:
            debugger.breakpoint(address, True)
            self.vm.send_line(f"restart {self.name}")
            while hits < number and self.reaches(debugger, address, self.is_quiet()):
                pointer = debugger.register(0)
                hits += self.is_charged(debugger, pointer)
                if hits == 1 and not self.request.is_alive():
                    self.request.start()  # the one before is gone
            debugger.breakpoint(address, False)
            if hits == number:
                self.refuse(debugger, pointer)
        needs_help = not self.settles()
        if needs_help:
            self.help()
        return hits == number, needs_help

    def is_quiet(self):
        end = time.monotonic() + QUIET_SECONDS
        return lambda: self.request.is_answered and time.monotonic() > end

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
    counts = []
    for kind, what in KINDS.items():
        tried = 0
        while True:
            hit, needed_help = Round(vm, kernel, name, kind).run(tried + 1)
            if not hit:
                break
            tried += 1
            assert not needed_help, f"{name} without charge {tried} of {what} needs help"
        counts.append(f"{tried} of {what}")
        assert tried >= 10, f"only {tried} charges of {what}"
        after = {other: count for other, count in vm.restarts().items() if other != name}
        assert after == others, f"restarts of others: {others}, then {after}"
    print(f"{name}: refused {' and '.join(counts)}, each time back without help")


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


def main():
    wanted = rotunda_vm.wanted_tests() or DOMAINS
    if not os.path.exists(rotunda_vm.default_image()):
        return rotunda_vm.CANNOT_RUN
    kernel = Kernel()
    with rotunda_vm.Machine() as vm:
        vm.wait_prompt()
        vm.wait_https()
        for name in DOMAINS:  # so that each has what it has after a restart
            vm.command(f"restart {name}", 60)
        vm.wait_https()
        frames = frames_at_rest(vm)
        results = []
        for name in wanted:
            results.append(rotunda_vm.run_test(
                lambda vm, name=name: each_refusal_harms_nobody_else(vm, kernel, name), vm, name))
        results.append(rotunda_vm.run_test(lambda vm: nothing_is_lost(vm, frames), vm,
                                           "nothing_is_lost"))
    return 1 if any(result.error for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
