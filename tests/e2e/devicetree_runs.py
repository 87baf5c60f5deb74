"""
Devicetrees that nobody should have, by the hundred: flipped, truncated, looping, absurd, with parts
missing.  Each boots a machine of its own and ends in one of these ways, in 2 s of the guest's time:

  booted      domains run: the tree was good enough, or only some device was lied about
  refused     "cannot boot", with what is wrong, and "halted"; or the launcher says so
  stopped     a report by the kernel on itself and "halted", or on the launcher and "reboot": memory
              and registers that aren't there can't be told from others before they are touched
  speechless  not one word, since the tree has its console where the machine has none; all
              processors wait, none runs wild

Everything else is wrong: also a claim that has failed, of the kernel's or a program's; silence
after the first words; and silence with a console that is where it was, or none, for then the
kernel takes the one that the board is known to have.
"""

import collections
import concurrent.futures
import contextlib
import os
import random
import re
import shutil
import struct
import subprocess
import tempfile
import threading
import time

import boot_test
import rotunda_vm

GUEST_SECONDS = 2.0
WALL_SECONDS = 30.0  # on a busy host; until then nobody is called hung
QUIET_SECONDS = 2.0  # without a word, before the processors are looked at
WATCHED_SECONDS = 2.0
LOOK_SECONDS = 0.05
LOOKS_MIN = 20  # meanwhile, however busy the host
IDLE_SHARE = 0.03  # of a host's processor: a guest that runs takes more on the busiest host
BOOTED = r"app:App: \d+ of \d+ domains started"
REFUSED = r"cannot boot: [ -~]{8,}[\s\S]*halted|app:App: cannot start: [ -~]{8,}"
STOPPED = r"kernel panic: [ -~]{8,}[\s\S]*halted|the launcher stopped: [ -~]{8,}[\s\S]*reboot"
CLAIM = r"assertion [ -~]*failed"  # core/base/assert.c, __assert_func() of programs

NODE, END_NODE, PROPERTY, NOP = 1, 2, 3, 4  # tags of a tree's structure
MAGIC = 0xd00dfeed
DEPTH_MAX = 16  # DEVICETREE_DEPTH_MAX of core/devicetree.h
UARTS = {b"arm,pl011", b"arm,sbsa-uart"}
PLACED_BY = (b"reg", b"ranges", b"#address-cells", b"#size-cells")

Case = collections.namedtuple("Case", "way what tree")


# Ways to spoil a tree.  Each takes a generator, the good tree's source and its blob; the blob of a
# spoilt one, and a word on what it has.

def compiled(source):
    done = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], input=source.encode(),
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout


def flipped(rng, _source, blob):
    out, count = bytearray(blob), rng.choice((1, 1, 2, 8, 64))
    start = rng.choice((0, 0, 40, len(blob) // 2))
    for _ in range(count):
        at = rng.randrange(start, len(out) if start else rng.choice((40, len(out))))
        out[at] ^= 1 << rng.randrange(8)
    return bytes(out), f"{count} bits from {start} on"


def truncated(rng, _source, blob):
    size = rng.randrange(len(blob))
    rest = rng.choice((0, 0xff))
    out = bytearray(blob[:size])
    if size >= 8 and rng.random() < 0.5:
        out[4:8] = struct.pack(">I", size)  # and it says so itself
    return bytes(out) + bytes([rest]) * (len(blob) - size), f"cut at {size}, {rest:#x} behind"


def nodes_of(source):
    """(indentation, name) of every node below the root."""
    return re.findall(r"^(\t+)([\w@,.-]+) \{$", source, re.M)


def insert_into(source, node, text):
    return re.sub(rf"(^\t+{re.escape(node)} \{{$)", lambda m: m[1] + "\n" + text, source, count=1,
                  flags=re.M)


def looping(rng, source, _blob):
    kind = rng.randrange(7)
    phandle = re.search(r"intc@8000000 \{[\s\S]*?\n\t\tphandle = <(0x\w+)>", source)[1]
    if kind == 0:
        # Interrupt parents in a circle: the controller is its own.
        return compiled(insert_into(source, "intc@8000000", f"interrupt-parent = <{phandle}>;")), \
            "an interrupt controller that is its own parent"
    if kind == 1:
        others = re.sub(r"interrupt-parent = <0x\w+>;", "interrupt-parent = <0x7777>;", source)
        return compiled(others.replace("\ttimer {", "\ttimer {\n\t\tphandle = <0x7777>;", 1)), \
            "devices whose interrupt parent is the timer"
    if kind == 2:
        depth = rng.choice((60, 300, 5000))
        nest = "".join(f"n{i} {{ interrupts = <1 2 3>;" for i in range(depth)) + "};" * depth
        return compiled(insert_into(source, "/", nest) if depth < 300 else
                        source.rstrip()[:-2] + nest + "};\n"), f"{depth} nodes in each other"
    if kind == 3:
        return compiled(re.sub(r'stdout-path = "[^"]*"', 'stdout-path = "loop"', source)
                        .replace("\tchosen {", '\taliases { loop = "loop"; };\n\tchosen {', 1)), \
            "a console whose alias is its own name"
    if kind == 4:
        handle = rng.choice((phandle, "0", "0xffffffff"))
        return compiled(re.sub(r"\tphandle = <0x\w+>", f"\tphandle = <{handle}>", source)), \
            f"one phandle, {handle}, for all"
    if kind == 5:
        return begin_nodes(rng), "nodes that begin and never end"
    return compiled(re.sub(r"(cpu-map|psci|timer) \{", r"\1 { interrupt-controller; "
                           rf"#interrupt-cells = <3>; interrupt-parent = <{phandle}>;", source)), \
        "controllers on a controller on themselves"


def begin_nodes(rng):
    """A structure block of nothing but beginnings, with the strings and the map of a good one."""
    body = struct.pack(">I", 1) + b"\0\0\0\0"
    structure = body * rng.choice((100, 10000, 60000))
    if rng.random() < 0.5:
        structure += struct.pack(">I", 9)
    head = struct.pack(">10I", MAGIC, 56 + len(structure), 56, 56 + len(structure), 40, 17, 16,
                       0, 0, len(structure))
    return head + bytes(16) + structure


ABSURD_NUMBERS = ("0", "1", "0x7fffffff", "0x80000000", "0xffffffff", "0xfffffff0", "0x40000000",
                  "0x1000", "0xfff", "0x08000000")


def absurd(rng, source, _blob):
    kind = rng.randrange(6)
    if kind <= 2:
        # Numbers of some property, of those that the kernel or the launcher reads.
        name = rng.choice(("reg", "reg", "reg", "interrupts", "#address-cells", "#size-cells",
                           "#interrupt-cells", "interrupt-parent", "phandle", "ranges",
                           "#redistributor-regions", "clock-frequency"))
        places = list(re.finditer(rf"(?<=\t){re.escape(name)} = <([^>]*)>", source))
        if not places:
            return compiled(source), f"no {name}"
        place = rng.choice(places)
        cells = place[1].split()
        for _ in range(rng.randrange(1, 4)):
            cells[rng.randrange(len(cells))] = rng.choice(ABSURD_NUMBERS)
        text = f"{name} = <{' '.join(cells)}>"
        return compiled(source[:place.start()] + text + source[place.end():]), text
    if kind == 3:
        count = rng.choice((9, 100, 2000))
        nodes = "".join(f'\tmemory@{i:x} {{ device_type = "memory"; reg = <0 {i * 0x1000:#x} 0 '
                        f'{rng.choice(ABSURD_NUMBERS)}>; }};\n' for i in range(count))
        return compiled(source.replace("\ttimer {", nodes + "\ttimer {", 1)), \
            f"{count} memories more"
    if kind == 4:
        count = rng.choice((9, 257, 5000))
        cpus = "".join(f'\t\tcpu@{i:x} {{ device_type = "cpu"; reg = <{i:#x}>; '
                       f'enable-method = "psci"; }};\n' for i in range(1, count))
        return compiled(re.sub(r"(\tcpus \{[\s\S]*?)(\n\t\tcpu@0)",
                               lambda m: m[1] + "\n" + cpus + m[2], source, count=1)), \
            f"{count} processors"
    base, size = (rng.choice(ABSURD_NUMBERS) for _ in range(2))
    reserve = f"/memreserve/ {base} {size};\n"
    changed = source.replace("/dts-v1/;", "/dts-v1/;\n" + reserve * rng.choice((1, 500)), 1)
    return compiled(changed), f"{base} and {size} reserved"


def lacking(rng, source, _blob):
    if rng.random() < 0.5:
        indent, name = rng.choice(nodes_of(source))
        changed = re.sub(rf"\n{indent}{re.escape(name)} \{{[\s\S]*?\n{indent}\}};\n", "\n", source,
                         count=1)
        return compiled(changed), f"no {name}"
    lines = source.split("\n")
    places = [i for i, line in enumerate(lines) if re.match(r"\t+[^{}]+;$", line)]
    what = []
    for i in sorted(rng.sample(places, rng.choice((1, 1, 3, 10))), reverse=True):
        what.append(lines.pop(i).strip().split(" ")[0].rstrip(";"))
    return compiled("\n".join(lines)), "no " + ", ".join(what)


def elsewhere(_rng, source, _blob):
    """The console's registers where nothing answers, not even by silence."""
    return compiled(source.replace("reg = <0x00 0x9000000 0x00 0x1000>",
                                   "reg = <0x04 0x9000000 0x00 0x1000>", 1)), "a console in a hole"


WAYS = [flipped, truncated, looping, absurd, lacking]


def cases(seed, count, source):
    """One that is known, and `count` in turn of each way: the same for the same seed."""
    blob = compiled(source)
    yield Case("elsewhere", *elsewhere(None, source, blob)[::-1])
    for number in range(count):
        way = WAYS[number % len(WAYS)]
        tree, what = way(random.Random(seed * 1000003 + number), source, blob)
        yield Case(way.__name__, what, tree)


# Where a tree has its console.

def chains_in(blob):
    """
    The properties of each node, behind those of all above it; as far as the tree is whole, and as
    deep as the kernel looks.
    """
    if len(blob) < 40 or struct.unpack_from(">I", blob)[0] != MAGIC:
        return []
    total, at, strings, _, version, _, _, names, size = struct.unpack_from(">9I", blob, 4)
    structure = blob[:at + size if version > 16 else total]
    names = blob[strings:strings + names]
    out, here = [], []
    while at + 4 <= len(structure):
        tag, = struct.unpack_from(">I", structure, at)
        at += 4
        if tag == NODE:
            here.append({})
            if len(here) <= DEPTH_MAX:
                out.append(here[:])
            at = structure.find(b"\0", at) + 1 or len(structure)
        elif tag == PROPERTY and here and at + 8 <= len(structure):
            length, name = struct.unpack_from(">2I", structure, at)
            here[-1].setdefault(names[name:].partition(b"\0")[0],
                                structure[at + 8:at + 8 + length])
            at += 8 + length
        elif tag == END_NODE and here:
            here.pop()
        elif tag != NOP:
            break
        at += -at % 4
    return out


def is_uart(node):
    return not UARTS.isdisjoint(node.get(b"compatible", b"").split(b"\0")) \
        and not {b"ok", b"okay"}.isdisjoint(node.get(b"status", b"okay").split(b"\0"))


def consoles(blob):
    """What says where each UART's registers are."""
    return [[node.get(name) for node in chain for name in PLACED_BY] for chain in chains_in(blob)
            if is_uart(chain[-1])]


# Booting.

def command(qemu, folder, tree):
    paths = {name: os.path.join(folder, name) for name in ("tree", "start")}
    for name, data in (("tree", tree), ("start", boot_test.trampoline(boot_test.TREE))):
        with open(paths[name], "wb") as out:
            out.write(data)
    out = [qemu, "-M", "virt", "-cpu", "cortex-a72", "-m", "512", "-display", "none", "-nodefaults",
           "-icount", "shift=1", "-serial", "stdio"]
    for path, address in ((rotunda_vm.default_image(), boot_test.IMAGE),
                          (paths["tree"], boot_test.TREE), (paths["start"], boot_test.TRAMPOLINE)):
        out += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    return out + ["-device", f"loader,addr={boot_test.TRAMPOLINE:#x},cpu-num=0"]


def seconds_used(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads_sleep(process):
    """None of QEMU's executes, is about to, or waits for the host's disk."""
    folder = f"/proc/{process.pid}/task"
    for thread in os.listdir(folder):
        with contextlib.suppress(OSError), \
                open(os.path.join(folder, thread, "stat"), encoding="ascii") as stat:
            if stat.read().rpartition(") ")[2][0] != "S":
                return False
    return True


def processors_wait(process):
    """
    Do all processors wait for an interrupt?  Then QEMU has nothing to do.  That it gets nothing
    done proves little where the host lets it wait, but then it doesn't sleep.
    """
    before, looks = seconds_used(process), 0
    end = time.monotonic() + WATCHED_SECONDS
    while time.monotonic() < end or looks < LOOKS_MIN:
        if process.poll() is not None or not threads_sleep(process):
            return False
        looks += 1
        time.sleep(LOOK_SECONDS)
    return seconds_used(process) - before < IDLE_SHARE * WATCHED_SECONDS


class Console(threading.Thread):
    """Takes in what the machine says."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.text = stream, ""
        self.news = threading.Event()
        self.start()

    def run(self):
        while data := os.read(self.stream.fileno(), 1 << 12):
            self.text += data.decode("ascii", "replace")
            self.news.set()
        self.news.set()


def outcome(text):
    """How it ended, and what was said until then; None while it goes on."""
    for name, pattern in (("a claim failed", CLAIM), ("booted", BOOTED), ("refused", REFUSED),
                          ("stopped", STOPPED)):
        if match := re.search(pattern, text):
            return name, text[:match.end()]
    return None


def boot(qemu, case):
    """How it ended, and what the machine said until then."""
    folder = tempfile.mkdtemp(prefix="rotunda-tree-")
    process = subprocess.Popen(command(qemu, folder, case.tree), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    console = Console(process.stdout)
    begin = heard = time.monotonic()
    try:
        while time.monotonic() - begin < WALL_SECONDS * rotunda_vm.busy():
            ended = outcome(console.text)
            if ended is not None:
                return ended
            if console.news.wait(0.2):
                console.news.clear()
                heard = time.monotonic()
            if process.poll() is not None:
                return "QEMU ended", console.text
            if time.monotonic() - heard > QUIET_SECONDS and processors_wait(process) \
                    and not console.news.is_set():
                return "silent" if console.text.strip() else "speechless", console.text
        return "hung", console.text
    finally:
        process.kill()
        process.wait()
        console.join(5)
        process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def judge(qemu, case, consoles_there):
    """How it ended, and what is wrong with that or None; `consoles_there`: of the good tree."""
    ended, text = boot(qemu, case)
    times = [float(t) for t in re.findall(r"^\[ *(\d+\.\d+)\]", text, re.M)]
    if ended in ("a claim failed", "silent", "hung", "QEMU ended"):
        return ended, f"{case.way}: {case.what}: {ended}:\n{text[-2000:]}"
    if ended == "speechless" and consoles(case.tree) in ([], consoles_there):
        return ended, f"{case.way}: {case.what}: speechless, though the console is as it was"
    if times and times[-1] > GUEST_SECONDS:
        return ended, f"{case.way}: {case.what}: {ended} only after {times[-1]:.2f} s"
    return ended, None


def run_all(seed, count):
    """Exit status for sys.exit."""
    rotunda_vm.wanted_tests()
    qemu = boot_test.qemus()["debian"]
    if not qemu or not os.path.exists(rotunda_vm.default_image()):
        print("skipped: needs QEMU and the image")
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        source = boot_test.good_tree(qemu, folder)
    consoles_there = consoles(compiled(source))
    assert len(consoles_there) == 1, consoles_there
    ends, wrong = collections.Counter(), []
    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        # In portions: ten thousand trees at once would not fit.
        trees = cases(seed, count, source)
        while portion := [case for _, case in zip(range(100), trees)]:
            for case, (ended, problem) in zip(portion, pool.map(
                    lambda c: judge(qemu, c, consoles_there), portion)):
                ends[case.way, ended] += 1
                if problem:
                    wrong.append(problem)
                    print("FAIL", problem, flush=True)
    for way in [elsewhere, *WAYS]:
        said = ", ".join(f"{number} {ended}" for (name, ended), number in sorted(ends.items())
                         if name == way.__name__)
        print(f"{way.__name__}: {said}")
    seconds = time.monotonic() - begin
    print(f"{ends.total()} devicetrees tried in {seconds:.0f} s, {len(wrong)} wrong")
    return 1 if wrong else 0
