"""
Booting: every machine that the README promises, and devicetrees that nobody should have.

A good machine reaches the shell's prompt and reports the memory and processors that it was given,
every one of them in use.  A processor that can't be started is left out by name.  A bad tree ends
in one sentence that names what is wrong, and "halted"; never in silence.
"""
# timeout: 900

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from rotunda_vm import CANNOT_RUN, Machine, VmError, default_image

RAM = 0x40000000
TREE = RAM + 0x8000000
IMAGE = RAM + 0x200000
TRAMPOLINE = RAM + 0x100000
HALT_SECONDS = 20.0  # wall clock on a busy host; the guest needs a fraction of a second

# QEMU, processor, GIC, memory in MiB, processors, whether EL2 is there.
MACHINES = [
    ("debian", "cortex-a72", 3, 512, 1, False),
    ("debian", "cortex-a72", 2, 128, 4, False),
    ("debian", "cortex-a72", 2, 512, 8, False),
    ("debian", "cortex-a72", 3, 512, 8, False),
    ("debian", "cortex-a53", 2, 128, 1, False),
    ("debian", "cortex-a76", 3, 1024, 2, False),
    ("debian", "neoverse-n1", 3, 4096, 4, True),
    ("debian", "cortex-a53", 2, 512, 2, True),
    ("debian", "max", 3, 512, 4, False),
    ("debian", "max", 2, 8192, 1, False),
    ("backports", "cortex-a72", 3, 512, 1, False),
    ("backports", "cortex-a72", 2, 4096, 4, False),
    ("backports", "cortex-a53", 3, 128, 8, True),
    ("backports", "cortex-a76", 2, 512, 1, False),
    ("backports", "neoverse-n1", 3, 512, 1, False),
    ("backports", "max", 3, 128, 4, True),
    ("backports", "max", 2, 512, 8, False),
]


def qemus():
    """The QEMUs to try, by name.  The one of backports is there once third-party code is."""
    found = {"debian": shutil.which(os.environ.get("ROTUNDA_QEMU", "qemu-system-aarch64"))}
    backports = os.path.join(os.environ.get("ROTUNDA_THIRD_PARTY", "build/third-party"),
                             "qemu-backports", "qemu-system-aarch64")
    found["backports"] = shutil.which(backports)
    return found


def boot(qemu, cpu, gic, memory, smp, virtualization):
    with Machine(qemu=qemu, cpu=cpu, gic=gic, memory=f"{memory}M", smp=smp,
                 virtualization=virtualization) as vm:
        vm.wait_prompt()
        if not re.search(rf"Rotunda: EL{2 if virtualization else 1}, devicetree at", vm.text):
            raise vm.failure("no greeting that names the exception level")
        if not re.search(rf": {smp} x .* \({smp} in use\), GICv{gic}, timer", vm.text):
            raise vm.failure(f"no line that has {smp} processors in use and GICv{gic}")
        # A row that a log line interrupts is shown again.
        row = r"^ *(\d+) .* 0x[0-9a-f]+ +in use +[\d.]+ %"
        cpus = set(re.findall(row, vm.command("cpus"), re.M))
        if len(cpus) != smp:
            raise vm.failure(f"`cpus` shows {len(cpus)} processors of {smp} in use")
        total = re.search(r"^all +[\d,]+ +([\d.]+) (MiB|GiB)", vm.command("mem"), re.M)
        if total is None:
            raise vm.failure("`mem` shows no total")
        mebibytes = float(total[1]) * (1024 if total[2] == "GiB" else 1)
        # The devicetree itself (1 MiB) stays reserved; GiB are shown with one decimal.
        if abs(mebibytes - memory) > max(2, memory * 0.01):
            raise vm.failure(f"`mem` shows {mebibytes} MiB of {memory}")
        domains = vm.command("domains")
        for name in ("pl011", "console", "net", "web", "shell"):
            if not re.search(rf"\b{name} +running", domains):
                raise vm.failure(f"{name} is not running:\n{domains}")


def source_without(node):
    """Cut a top-level node out of a tree's source."""
    return lambda text: re.sub(rf"\n\t{node} \{{.*?\n\t\}};\n", "\n", text, flags=re.S)


def source_replace(old, new):
    def change(text):
        changed = re.sub(old, new, text, count=1, flags=re.S)
        if changed == text:
            raise VmError(f"the tree has no {old!r} to replace")
        return changed
    return change


def bytes_at(offset, new):
    return lambda blob: blob[:offset] + new + blob[offset + len(new):]


# Name, what is done to the source or to the compiled tree, what the message must name.
BAD_TREES = [
    ("no memory", source_without(r"memory@40000000"), None, r"no memory"),
    ("no timer", source_without("timer"), None, r"timer"),
    ("no interrupt controller", source_without(r"intc@8000000"), None, r"interrupt|gic|intc"),
    ("no processors", source_without("cpus"), None, r"/cpus"),
    ("short memory reg", source_replace(r"(memory@40000000 \{.*?)reg = <[^>]*>", r"\1reg = <1>"),
     None, r"memory.*reg"),
    ("memory of no size", source_replace(r"(memory@40000000 \{.*?)reg = <[^>]*>",
                                         r"\1reg = <0 0x40000000 0 0>"), None, r"memory"),
    ("memory that wraps", source_replace(r"(memory@40000000 \{.*?)reg = <[^>]*>",
                                         r"\1reg = <0xffffffff 0xfffff000 0 0x10000>"), None,
     r"memory.*reg"),
    ("two timer interrupts", source_replace(r"(\ttimer \{.*?)interrupts = <[^>]*>",
                                            r"\1interrupts = <1 13 4 1 14 4>"), None,
     r"timer.*interrupts"),
    ("no magic", None, bytes_at(0, b"\0\0\0\0"), r"devicetree"),
    ("absurd size", None, bytes_at(4, struct.pack(">I", 0xffffffff)), r"devicetree"),
    ("structure outside", None, bytes_at(8, struct.pack(">I", 0x7fffffff)), r"devicetree"),
    ("cut off", None, lambda blob: blob[:200] + bytes(len(blob) - 200), r"devicetree"),
    ("all ones", None, lambda blob: b"\xff" * len(blob), r"devicetree"),
    ("all zeroes", None, lambda blob: bytes(len(blob)), r"devicetree"),
]


SECOND_CPU = "\\1\n\t\tcpu@1 { device_type = \"cpu\"; reg = <1>; %s};\n\t};\n"

# Name, what its node says, what the log must say.  The machine has one processor and goes on.
LACKING_CPUS = [
    ("a processor that the firmware doesn't know", 'enable-method = "psci"; ',
     r"the CPU at 0x1 can't be started \(.+\) and is left out"),
    ("a processor that no firmware starts", "",
     r"the CPU at 0x1 can't be started \(its enable-method isn't psci\) and is left out"),
]


def good_tree(qemu, folder, machine="virt"):
    blob = os.path.join(folder, "good.dtb")
    subprocess.run([qemu, "-M", f"{machine},dumpdtb={blob}", "-cpu", "cortex-a72", "-m", "512",
                    "-nic", "none"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", blob], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def trampoline(tree):
    """ldr x0, tree; ldr x1, image; br x1; and the two words."""
    return struct.pack("<IIIIQQ", 0x58000080, 0x580000a1, 0xd61f0020, 0, tree, IMAGE)


def boot_bare(qemu, folder, tree, tree_address=TREE, until="halted"):
    """What the console says when the kernel gets this tree, until it has said `until`."""
    paths = {name: os.path.join(folder, name) for name in ("tree", "start", "console")}
    for name, data in (("tree", tree), ("start", trampoline(tree_address)), ("console", b"")):
        with open(paths[name], "wb") as out:
            out.write(data)
    command = [qemu, "-M", "virt", "-cpu", "cortex-a72", "-m", "512", "-display", "none",
               "-nodefaults", "-serial", f"file:{paths['console']}"]
    for path, address in ((default_image(), IMAGE), (paths["tree"], TREE),
                          (paths["start"], TRAMPOLINE)):
        command += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    command += ["-device", f"loader,addr={TRAMPOLINE:#x},cpu-num=0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + HALT_SECONDS
        text = ""
        while until not in text and time.monotonic() < end and process.poll() is None:
            time.sleep(0.05)
            with open(paths["console"], encoding="ascii", errors="replace") as console:
                text = console.read()
        return text
    finally:
        process.kill()
        process.wait()


def refused(qemu, folder, source, name, change_source, change_blob, wanted):
    text = change_source(source) if change_source else source
    blob = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], check=True,
                          input=text.encode(), stdout=subprocess.PIPE).stdout
    if change_blob:
        blob = change_blob(blob)
    said = boot_bare(qemu, folder, blob)
    if not re.search(r"cannot boot: .*(" + wanted + ")", said) or "halted" not in said:
        raise VmError(f"a tree with {name}: no message that names {wanted!r}, but:\n{said}")


def without_second_cpu(qemu, folder, source, properties, wanted):
    text = source_replace(r"(\tcpus \{.*?)\n\t\};\n", SECOND_CPU % properties)(source)
    blob = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], check=True,
                          input=text.encode(), stdout=subprocess.PIPE).stdout
    said = boot_bare(qemu, folder, blob, until="memory: ")
    if not re.search(wanted, said) or not re.search(r": 2 x .* \(1 in use\)", said):
        raise VmError(f"neither {wanted!r} and one of two processors in use, but:\n{said}")


def main():
    available = qemus()
    if not available["debian"] or not os.path.exists(default_image()):
        print("skipped: needs QEMU and the image")
        return CANNOT_RUN
    failed, ran = [], 0
    for machine in MACHINES:
        qemu = available[machine[0]]
        if qemu is None:
            print(f"not run: no QEMU of {machine[0]}")
            failed += [machine] if os.environ.get("CI") else []
            continue
        ran += 1
        try:
            boot(qemu, *machine[1:])
            print("ok:", *machine, flush=True)
        except (AssertionError, OSError) as error:
            failed.append(machine)
            print("FAIL:", *machine, error, flush=True)
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        source = good_tree(available["debian"], folder)
        for bad in BAD_TREES:
            ran += 1
            try:
                refused(available["debian"], folder, source, *bad)
                print(f"ok: refused {bad[0]}", flush=True)
            except (AssertionError, OSError) as error:
                failed.append(bad[0])
                print("FAIL:", error, flush=True)
        for name, properties, wanted in LACKING_CPUS:
            ran += 1
            try:
                without_second_cpu(available["debian"], folder, source, properties, wanted)
                print(f"ok: goes on without {name}", flush=True)
            except (AssertionError, OSError) as error:
                failed.append(name)
                print("FAIL:", error, flush=True)
        ran += 1
        said = boot_bare(available["debian"], folder, b"\0" * 64, tree_address=0)
        if "cannot boot" not in said or "devicetree" not in said:
            failed.append("no tree")
            print(f"FAIL: x0 = 0 says:\n{said}")
    print(f"{ran - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
