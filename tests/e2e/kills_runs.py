"""
Every service killed over and over, in the middle of what it does, while honest clients ask for
pages over HTTPS; and downloads on one connection whose network driver is killed every second.

The guest's clock counts instructions, and what QEMU writes down of the cable's frames carries the
same clock: so a time without service is guest time, whatever else the host does.
"""

import collections
import contextlib
import math
import os
import queue
import random
import re
import statistics
import struct
import tempfile
import threading
import time

import https_test
import rotunda_vm
from debugger import Debugger
from outside import Outside, asids_of
from rotunda_vm import busy

# The clock: 2 ns an instruction, a processor of 500 MIPS.
ICOUNT = "shift=1,sleep=on"
# Who is killed, in turn: every domain of the system but the launcher.
DOMAINS = ("virtio-net", "net", "web", "console", "pl011", "pl031", "virtio-rng", "pl061", "shell")
CARRIERS = ("virtio-net", "net", "web")  # without whom no page is served
ENDS_OF_CONNECTIONS = ("net", "web")
OFFER_NOTHING = ("web", "pl061", "shell")
TOGETHER = (("virtio-rng", "web"), ("virtio-rng", "net"), ("virtio-net", "net"), ("net", "web"),
            ("pl031", "web"), ("pl011", "console"), ("console", "shell"),
            ("virtio-net", "net", "web", "virtio-rng"))
# How many more there may be afterwards, if it isn't two, for what is on its way.
SLACK = {"ASIDs": 0, "names down": 0}
# Whose faults are real ones, after so many instructions of their own since they woke up.
CRASHING = ("virtio-net", "net", "web", "console", "pl011")
STUMBLE_AFTER, STEPS_MAX = 300, 20000
PC = slice(32 * 8, 33 * 8)  # in the debugger's registers
# What the shell asks of whom, and how it looks if that one serves; of all others, an echo.
USES = {"pl031": ("date", r"20\d\d-\d\d-\d\d"), "net": ("net", r"10\.0\.2\.15/24"),
        "virtio-net": ("ping 10.0.2.2 1", "1 sent, 1 answered")}
GOOD_LIFE = 0.55  # guest seconds after which who is killed is back at once
ROUNDS_OF_A_MACHINE = 100
DELAY_MS = 8  # a kill comes at any instant up to so long after it is asked for

MEDIAN, P99 = 0.050, 0.200  # guest seconds within which a service is back
KEEPERS = 3  # clients that keep their connections
MAKERS = 100  # that make new ones
AT_ONCE = 4  # clients that wait for an answer, and don't do so for long
SOON = 0.1  # host seconds
PACE = 0.01  # host seconds between requests, at most
PROBE = 0.02  # and between those that come on top while others may be cut off
PATIENCE = 5  # host seconds that a client waits for an answer
PAGE_BYTES = 12 << 10
# A download's clock: 256 ns an instruction, so that some seconds pass meanwhile.
DOWNLOAD, DOWNLOAD_BYTES, DOWNLOAD_ICOUNT = "10m.bin", 10 << 20, "shift=8,sleep=on"
EVERY_MS, KILLS_OF_A_DOWNLOAD = 1000, 5
REQUEST_PAD = 1600  # more than a client sends for a handshake: tells requests from handshakes

Amounts = collections.namedtuple("Amounts", "rounds seed")
# Guest seconds: when it died, how long it was away by the launcher's word, for how long no page was
# to be had, when the next one came.
Kill = collections.namedtuple("Kill", "name at serves gone page")


def wait_until(is_so, what, seconds):
    end = time.monotonic() + seconds * busy()
    while not is_so():
        assert time.monotonic() < end, what()
        time.sleep(0.05)


# The load.

class Load:
    """
    Clients that keep their connections, and a few new ones at a time.  Who isn't served soon may
    have been cut off by a death: he waits for his answer, and others come.
    """

    def __init__(self, vm, page):
        self.vm, self.page = vm, page
        self.context = https_test.tls_context()
        self.lock = threading.Lock()
        self.answered, self.failed, self.wrong, self.connected = 0, 0, 0, 0
        self.asking = {}  # by the turn: since when
        self.turns, self.idle = queue.SimpleQueue(), 0
        self.is_on, self.has_ended = True, False
        self.is_probing, self.probe_at = False, 0.0
        self.threads = [threading.Thread(target=run, daemon=True)
                        for run in [self.keep] * KEEPERS + [self.make] * MAKERS + [self.give_turns]]
        for thread in self.threads:
            thread.start()

    def has_place(self, now):
        """While those who ask may be cut off, one more comes from time to time."""
        youngest = now - SOON * busy()
        if not self.is_on:
            return False
        if sum(since > youngest for since in self.asking.values()) < AT_ONCE:
            return True
        if not self.is_probing or now < self.probe_at:
            return False
        self.probe_at = now + PROBE * busy()
        return True

    def give_turns(self):
        """To those who wait for one; at the end None, to everybody."""
        number = 0
        while not self.has_ended:
            with self.lock:
                now = time.monotonic()
                is_due = self.idle > 0 and self.has_place(now)
                if is_due:
                    self.idle -= 1
                    self.asking[number] = now
                    self.turns.put(number)
                    number += 1
            if not is_due:
                time.sleep(PACE / 2)
        for _ in self.threads:
            self.turns.put(None)

    def begin(self):
        """Wait for one's turn; None: the load is over."""
        with self.lock:
            self.idle += 1
        return self.turns.get()

    def finish(self, turn):
        with self.lock:
            del self.asking[turn]

    def connect(self):
        stream = https_test.connect_tls(self.vm, self.context, timeout=PATIENCE * busy())
        with self.lock:
            self.connected += 1
        return stream

    def ask(self, stream):
        stream.sendall(https_test.request("/", Padding="x" * REQUEST_PAD))
        status, _, body = https_test.Answers(stream).next()
        is_right = status == 200 and body == self.page
        with self.lock:
            self.answered += is_right
            self.wrong += not is_right

    def one(self):
        with self.connect() as stream:
            self.ask(stream)

    def many(self):
        with self.connect() as stream:
            while self.is_on and not self.has_ended:
                self.ask(stream)
                time.sleep(PACE)

    def run(self, ask):
        while (turn := self.begin()) is not None:
            try:
                ask()
            except (OSError, AssertionError):
                with self.lock:
                    self.failed += 1
            self.finish(turn)

    def make(self):
        self.run(self.one)

    def keep(self):
        self.run(self.many)

    def pause(self):
        self.is_on = False
        wait_until(lambda: not self.asking, lambda: f"{len(self.asking)} clients hang",
                   3 * PATIENCE)

    def end(self):
        self.has_ended = True
        for thread in self.threads:
            thread.join(3 * PATIENCE * busy())
            assert not thread.is_alive(), "a client hangs"


# What went over the cable, and when.

class Cable:
    """Follows the file into which QEMU writes the frames."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.file.seek(24)
        self.rest, self.start, self.now = b"", None, 0.0
        self.first, self.had = {}, {}  # by the client's port: sequence number, bytes of requests
        self.waiting = {}  # by the client's port: the request that isn't answered yet
        self.said = {}  # by the client's port: when the guest last said something
        # [when it came, or the SYN before it, when the answer began or None, seconds in which it
        # was the client's turn]: a client that the host keeps waiting isn't the guest's delay.
        self.requests = []

    def follow(self):
        data, at = self.rest + self.file.read(), 0
        while at + 16 <= len(data):
            seconds, micros, length = struct.unpack_from("<III", data, at)
            if at + 16 + length > len(data):
                break
            if self.start is None:
                self.start = seconds  # the first frame goes in the machine's first second
            self.now = seconds - self.start + micros / 1e6
            self.on_frame(data[at + 16:at + 16 + length])
            at += 16 + length
        self.rest = data[at:]
        return self.now

    def on_frame(self, frame):
        if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            return
        tcp = 14 + 4 * (frame[14] & 15)
        source, target, sequence = struct.unpack_from(">HHI", frame, tcp)
        size = struct.unpack_from(">H", frame, 16)[0] - (tcp - 14) - 4 * (frame[tcp + 12] >> 4)
        self.follow_turns(source, target, size > 0 or bool(frame[tcp + 13] & 2))
        if target == 443 and frame[tcp + 13] & 2:
            self.first[source], self.had[source] = sequence, 0
            self.ask(source)
        elif target == 443 and size > 0 and source in self.first:
            self.on_client(source, (sequence + size - self.first[source]) & 0xffffffff)
        elif source == 443 and size > 0 and self.had.get(target) and target in self.waiting:
            request = self.waiting.pop(target)
            request[1] = self.now - request[2]

    def follow_turns(self, source, target, says_something):
        """The host's acknowledgements are nobody's turn."""
        if source == 443 and says_something:
            self.said[target] = self.now
        elif target == 443 and says_something and source in self.said:
            since = self.said.pop(source)
            if source in self.waiting:
                self.waiting[source][2] += self.now - since

    def ask(self, port):
        self.waiting[port] = [self.now, None, 0.0]
        self.requests.append(self.waiting[port])

    def on_client(self, port, sent):
        if sent < self.had[port] + REQUEST_PAD:
            return
        if self.had[port] > 0:
            self.ask(port)
        self.had[port] = sent

    def pages_after(self, when):
        """(when asked for, when it came) of the pages asked for after `when`, in their order."""
        self.follow()
        return sorted(((asked, came) for asked, came, _ in self.requests
                       if asked >= when and came is not None), key=lambda page: page[1])

    def gone(self, when):
        """
        For how long no page was to be had: until the last that was asked for in vain, and then as
        long as the first took that wasn't.  Nobody is to blame for a time when nobody asked.  And
        after how long the first page came.
        """
        good, came = self.pages_after(when)[0]
        in_vain = [asked for asked, _, _ in self.requests if when <= asked < good]
        self.requests = [request for request in self.requests if request[0] >= when]
        return max(in_vain, default=when) - when + came - good, came - when


# Kills.

class Killer:
    """Kills by the shell's verb, and reads the launcher's log on the console."""

    def __init__(self, vm, cable, load, rng):
        self.vm, self.cable, self.load, self.rng = vm, cable, load, rng
        self.kills = []
        self.last = collections.defaultdict(float)  # when each was killed
        self.lost = 0  # commands that a dying console took along

    def said(self, pattern, after):
        """When the launcher logged it first after `after`, and the match; None: not yet."""
        text = rotunda_vm.plain(self.vm.text[-20000:])
        found = [(float(match[1]), match)
                 for match in re.finditer(r"\[ *(\d+\.\d+)\] app:App: " + pattern, text)]
        return min((one for one in found if one[0] >= after), default=None, key=lambda one: one[0])

    def await_said(self, pattern, after, seconds):
        """What a dying serial port didn't show, the log still has."""
        end = time.monotonic() + seconds * busy()
        while (found := self.said(pattern, after)) is None and time.monotonic() < end:
            self.vm.pump(0.02)
        if found is None:
            with contextlib.suppress(rotunda_vm.VmError):  # it may die with this line, too
                self.vm.command("\x15log", 60 * busy())
            found = self.said(pattern, after)
        return found

    def wait_time(self, when):
        wait_until(lambda: self.cable.follow() >= when, lambda: "nothing goes over the cable", 60)

    def ask_to_die(self, name, delay_ms):
        """When it did; asked again if the console took the words along."""
        while True:
            self.vm.send(f"\x15kill {name} {delay_ms}\r")
            died = self.await_said(rf"{name}: was killed", self.last[name] + 1e-6, 8)
            if died is not None:
                return died[0]
            self.lost += 1
            assert self.lost < 20, self.vm.failure(f"{name} can't be killed")

    def kill(self, name):
        if name in self.last:
            self.wait_time(self.last[name] + GOOD_LIFE)
        self.load.is_probing = name in ENDS_OF_CONNECTIONS
        died = self.last[name] = self.ask_to_die(name, self.rng.randrange(DELAY_MS + 1))
        back = self.await_said(rf"{name}: " + (r"started again, restart" if name in OFFER_NOTHING
                                               else r"serves again, (\d+\.\d+) ms"), died, 30)
        assert back is not None, self.vm.failure(f"{name} is not back")
        after = back[0] - died if name in OFFER_NOTHING else float(back[1][2]) / 1e3
        wait_until(lambda: self.cable.pages_after(died),
                   lambda: f"no page after {name}'s death", 30)
        self.load.is_probing = False
        self.kills.append(Kill(name, died, after, *self.cable.gone(died)))
        self.see_clients_go_on(name)

    def kill_together(self, names):
        """Within a few milliseconds; the order is chance."""
        for name in names:
            self.wait_time(self.last[name] + GOOD_LIFE)
        waits = [30 + self.rng.randrange(DELAY_MS + 1) for _ in names]
        before = {name: self.last[name] + 1e-6 for name in names}
        self.load.is_probing = any(name in ENDS_OF_CONNECTIONS for name in names)
        self.vm.send("".join(f"\x15kill {name} {wait}\r" for name, wait in zip(names, waits)))
        for name in names:
            died = self.await_said(rf"{name}: was killed", before[name], 5)
            self.last[name] = died[0] if died is not None else self.ask_to_die(name, 0)
        latest = max(self.last[name] for name in names)
        wait_until(lambda: self.cable.pages_after(latest),
                   lambda: f"no page after the death of {names}", 60)
        self.load.is_probing = False
        for name in names:
            self.see_clients_go_on(name)
        return self.cable.gone(latest)[0]

    def stumble(self, debugger, text, loop):
        """From where its loop wakes up, some instructions of its own on, it jumps to address 0."""
        left = self.rng.randrange(STUMBLE_AFTER)
        while True:
            assert debugger.request(f"Z1,{loop:x},4") == "OK"
            self.vm.send("\r")  # the serial port and the console would wake up for nothing else
            stopped = debugger.request("c")
            assert stopped.startswith("T"), stopped
            assert debugger.request(f"z1,{loop:x},4") == "OK"
            for _ in range(STEPS_MAX):  # it may sleep again before
                registers = bytes.fromhex(debugger.request("g"))
                is_inside = int.from_bytes(registers[PC], "little") in text
                if left <= 0 and is_inside:
                    registers = registers[:PC.start] + bytes(8) + registers[PC.stop:]
                    assert debugger.request("G" + registers.hex()) == "OK"
                    return
                left -= is_inside
                debugger.request("s")

    def crash(self, name):
        """A fault in the middle of its work."""
        self.wait_time(self.last[name] + GOOD_LIFE)
        found = re.search(r"(0x[0-9a-f]+) +(\d+) KiB +r-x +r-x +\S*text",
                          self.vm.command(f"map {name}", 60))
        text = range(int(found[1], 16), int(found[1], 16) + int(found[2]) * 1024)
        loop = int(self.vm.command(f"threads {name}", 60).split()[-1], 16)
        before = self.cable.follow()
        with Debugger(self.vm, 60 * busy()) as debugger:
            self.stumble(debugger, text, loop)
        ended = self.await_said(rf"{name}: will be started again", before, 20)
        assert ended is not None, self.vm.failure(f"{name} didn't crash")
        self.last[name] = ended[0]
        back = self.await_said(rf"{name}: (?:serves again|started again)", ended[0], 20)
        assert back is not None, self.vm.failure(f"{name} is not back")
        wait_until(lambda: self.cable.pages_after(ended[0]),
                   lambda: f"no page after {name}'s crash", 60)
        self.see_clients_go_on(name)

    def see_clients_go_on(self, name):
        """What its clients do with it, they can do again."""
        verb, answer = USES.get(name, (f"echo {name} lives", f"{name} lives"))
        # Nobody sends a datagram again: one may be lost, three in a row may not.
        for _ in range(3 if name == "virtio-net" else 1):
            shown = self.vm.command(verb, 30 * busy())
            if re.search(answer, shown):
                return
        raise self.vm.failure(f"after {name}'s death: {shown!r}")


def figures(values):
    values = sorted(values)
    p99 = values[max(0, math.ceil(0.99 * len(values)) - 1)]
    return statistics.median(values), p99, values[-1]


def said_figures(values):
    return "median {:.2f}, p99 {:.2f}, max {:.2f} ms".format(*(1e3 * x for x in figures(values)))


class System:
    """The machine under load, with what the tests compare at the end."""

    def __init__(self, vm, page, pcap, seed, delays):
        self.vm = vm
        self.delays = delays  # until who was killed was back, by name, of all machines
        self.cable = Cable(pcap)
        self.load = Load(vm, page)
        self.killer = Killer(vm, self.cable, self.load, random.Random(seed))
        self.outside = Outside(vm)

    def state(self):
        """What must be the same before and after, once nobody asks for anything."""
        self.load.pause()
        wait_until(lambda: not re.search(r"^ *\d+  (?!listening)\w+ .*\b443\b",
                                         self.vm.command("net", 30), re.M),
                   lambda: "connections are left:\n" + self.vm.command("net", 30), 60)
        shown = self.vm.command("mem", 30)
        out = {kind: int(re.search(rf"^ *{kind} +([\d,]+)", shown, re.M)[1].replace(",", ""))
               for kind in ("segments", "kernel objects")}
        for name in DOMAINS + ("app:App",):
            out[f"handles of {name}"] = len(re.findall(
                r"^0x", self.vm.command(f"handles {name}", 30), re.M))
        self.outside.refresh()
        out["ASIDs"] = asids_of(self.outside.kernel)
        rows = [row.split() for row in self.vm.command("services", 30).splitlines()[1:]]
        out["names down"] = sum(row[2] != "up" for row in rows)
        self.load.is_on = True
        return out


def who_closed_first_listens_again(system, _amounts):
    """The stack remembers such connections for a while; the port is free all the same."""
    for scheme in ("http", "https"):
        vm = system.vm
        with (https_test.connect_tls(vm) if scheme == "https" else
              https_test.connect(vm.http_port)) as stream:
            asked = https_test.request("/", Connection="close")
            assert https_test.converse(stream, asked).startswith(b"HTTP/1.1 ")
    system.killer.kill("web")
    assert vm.wait_https()[0] == 200
    assert "no listening" not in vm.text, vm.tail()


def all_die_and_come_back(system, amounts):
    killer, load, cable = system.killer, system.load, system.cable
    for name in DOMAINS:  # once, so that all have the memory that they ever need
        killer.kill(name)
    restarts = system.vm.restarts()
    before = system.state()
    killer.kills.clear()
    answered, failed, begin = load.answered, load.failed, cable.follow()
    for _ in range(amounts.rounds):
        order = list(DOMAINS)
        killer.rng.shuffle(order)
        for name in order:
            killer.kill(name)
        killer.wait_time(max(killer.last.values()) + 0.1)
    report(killer, system.delays)
    print(f"     meanwhile {load.answered - answered} pages answered, {load.failed - failed} "
          f"asked for in vain, {load.wrong} wrong, in {cable.now - begin:.1f} s of guest time")
    assert load.wrong == 0, f"{load.wrong} wrong pages"
    assert load.answered > answered
    after = system.state()
    told = {name: (before[name], after[name]) for name in before}
    print("     before and after: " + ", ".join(f"{a} {b}->{c}" for a, (b, c) in told.items()))
    assert all(b <= a + SLACK.get(name, 2) for name, (a, b) in told.items()), told
    died = collections.Counter(kill.name for kill in killer.kills)
    now = system.vm.restarts()
    extra = {name: now[name] - restarts[name] - died[name] for name in now}
    assert not any(extra.values()), f"others died, too: {extra}"


def who_needs_each_other_may_die_together(system, amounts):
    killer = system.killer
    gone = [killer.kill_together(killer.rng.sample(pair, len(pair)))
            for _ in range(-(-amounts.rounds // 10)) for pair in TOGETHER]
    print(f"     {len(gone)} times two or more died together; pages were there again after "
          f"{said_figures(gone)}")
    assert max(gone) <= 2 * P99, "back too late"


def a_fault_in_the_middle_is_no_worse(system, amounts):
    killer = system.killer
    for _ in range(-(-amounts.rounds // 10)):
        for name in CRASHING:
            killer.crash(name)
    crashes = system.vm.command("crashes", 60)
    assert re.search(r"forbidden \w+ ", crashes), crashes
    print(f"     {-(-amounts.rounds // 10)} faults each of {', '.join(CRASHING)}")


def report(killer, delays):
    """Whoever carries pages is back when there is one.  `delays` gets, by name, how long it was."""
    for name in DOMAINS:
        kills = [kill for kill in killer.kills if kill.name == name]
        back = [max(kill.gone, kill.serves) if name in CARRIERS else kill.serves for kill in kills]
        after = "" if name not in CARRIERS else \
            f"; it said so after {said_figures([kill.serves for kill in kills])}; the next page " \
            f"came after {said_figures([kill.page for kill in kills])}"
        print(f"     {name}: {len(kills)} kills, back after {said_figures(back)}{after}")
        delays[name] += back
    if killer.lost:
        print(f"     {killer.lost} commands were lost with a console")


def are_late(delays):
    """Over all machines: of fewer than a hundred values the 99th percentile is the largest."""
    late = []
    for name, values in delays.items():
        median, p99, _ = figures(values)
        print(f"{name}: {len(values)} kills in all, back after {said_figures(values)}")
        if median > MEDIAN or p99 > P99:
            late.append(name)
    if late:
        print(f"FAIL back too late: {', '.join(late)}")
    return bool(late)


def nothing_was_seeded_badly(system, _amounts):
    text = rotunda_vm.plain(system.vm.text)
    for bad in ("NO TLS", "no entropy source", "panic", "given up", "silence:"):
        assert bad not in text, f"the log says {bad!r}"


def all_serve_in_the_end(system, _amounts):
    vm = system.vm
    system.load.end()
    for row in vm.command("domains", 30).split("\n")[1:]:
        assert "running" in row or " idle " in row, row
    assert vm.wait_https()[0] == 200
    assert re.search(r"20\d\d-\d\d-\d\d", vm.command("date"))
    vm.qmp("system_powerdown")  # the button: pl061 still sees it
    assert vm.wait_exit(30 * busy()) == 0


# Downloads.

class Download(threading.Thread):
    """One request on one connection; says at the end whether all its bytes are right."""

    def __init__(self, vm, scheme, content):
        super().__init__(daemon=True)
        port = vm.https_port if scheme == "https" else vm.http_port
        self.stream = https_test.connect(port, 600)
        if scheme == "https":
            self.stream = https_test.tls_context().wrap_socket(self.stream,
                                                               server_hostname="localhost")
        self.content, self.got, self.error = content, b"", None

    def run(self):
        try:
            with self.stream as stream:
                stream.sendall(https_test.request("/" + DOWNLOAD))
                status, _, self.got = https_test.Answers(stream).next()
                assert status == 200, status
        except (OSError, AssertionError) as error:
            self.error = error

    def check(self):
        assert self.error is None, f"cut off: {self.error!r}"
        assert self.got == self.content, f"{len(self.got)} bytes, and not those"


def last_said(vm, pattern):
    times = re.findall(r"\[ *(\d+\.\d+)\] app:App: " + pattern,
                       rotunda_vm.plain(vm.text[-20000:]))
    return max(map(float, times), default=0.0)


def download_survives(vm, scheme, content):
    """The launcher's clock kills the driver EVERY_MS after the last command was understood."""
    download = Download(vm, scheme, content)
    died = []
    download.start()
    while download.is_alive():
        vm.send(f"\x15kill virtio-net {EVERY_MS}\r")
        end = time.monotonic() + 60 * busy()
        while download.is_alive():
            vm.pump(0.05)
            if (when := last_said(vm, "virtio-net: serves again")) > max(died, default=0.0):
                died.append(when)
                break
            assert time.monotonic() < end, vm.failure("the driver isn't killed")
    download.check()
    between = [b - a for a, b in zip(died, died[1:])]
    print(f"     {len(content)} bytes by {scheme} on one connection, exact; the driver killed "
          f"{len(died)} times" + (f", every {statistics.mean(between):.2f} s of guest time, "
                                  f"{max(between):.2f} s at most" if between else ""))
    assert len(died) >= KILLS_OF_A_DOWNLOAD, f"only {len(died)} kills"


TESTS = [
    who_closed_first_listens_again,
    all_die_and_come_back,
    who_needs_each_other_may_die_together,
    a_fault_in_the_middle_is_no_worse,
    nothing_was_seeded_badly,
    all_serve_in_the_end,
]


def site_image(folder, files):
    """The build's image with these files to be served."""
    site, image = os.path.join(folder, "site"), os.path.join(folder, "Image")
    os.makedirs(site)
    for name, data in files.items():
        with open(os.path.join(site, name), "wb") as out:
            out.write(data)
    rotunda_vm.pack_image(site, image)
    return image


def machine(folder, image):
    """A machine that writes down what goes over its cable, and where to."""
    pcap = os.path.join(folder, "cable")
    dump = f"filter-dump,id=cable,netdev=net0,maxlen=96,file={pcap}"
    return pcap, rotunda_vm.Machine(image, icount=ICOUNT, options=["-object", dump])


def run_kills(folder, amounts, delays):
    page = random.Random(amounts.seed).randbytes(PAGE_BYTES)
    pcap, vm = machine(folder, site_image(folder, {"index.html": page}))
    with vm:
        vm.wait_prompt()
        vm.wait_https()
        system = System(vm, page, pcap, amounts.seed, delays)
        results = []
        for test in TESTS:
            results.append(rotunda_vm.run_test(lambda _: test(system, amounts), vm, test.__name__))
            if results[-1].error is not None:
                break
    return [result.error for result in results]


def run_downloads(folder, amounts, _delays):
    content = random.Random(amounts.seed).randbytes(DOWNLOAD_BYTES)
    image = site_image(folder, {"index.html": b"here", DOWNLOAD: content})
    errors = []
    for scheme in ("https", "http"):
        with rotunda_vm.Machine(image, icount=DOWNLOAD_ICOUNT, append="web.plain") as vm:
            vm.wait_prompt()
            vm.wait_https()
            errors.append(rotunda_vm.run_test(
                lambda vm: download_survives(vm, scheme, content), vm,
                f"{scheme}_download_survives_its_driver").error)
    return errors


def portions(amounts):
    """Many rounds are spread over several machines."""
    for first in range(0, amounts.rounds, ROUNDS_OF_A_MACHINE):
        rounds = min(ROUNDS_OF_A_MACHINE, amounts.rounds - first)
        yield Amounts(rounds, amounts.seed + first)


def run_all(amounts):
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        return rotunda_vm.CANNOT_RUN
    errors = []
    delays = collections.defaultdict(list)
    for run, portion in [(run_kills, portion) for portion in portions(amounts)] + \
            [(run_downloads, amounts)]:
        with tempfile.TemporaryDirectory(prefix="rotunda-kills-") as folder:
            errors += run(folder, portion, delays)
    return int(are_late(delays) or any(errors))
