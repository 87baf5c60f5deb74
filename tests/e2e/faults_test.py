#!/usr/bin/env python3
"""
Faults on the running machine: a program that does what it may not is stopped, the launcher's
report says what it did, to whose memory, and where in its code; everything else goes on.

The program is tests/target/launcher/saboteur.c.
"""
# timeout: 900

import os
import re
import sys

import rotunda_vm

ADDRESS = r"0x[0-9a-f]{16}"
REGISTERS = [f"x{i}" for i in range(31)] + ["sp", "pc", "pstate", "esr"]

# verb: what the report says, and the function it happened in
KINDS = {
    "read=0x10": ("read where it may not read", "touch_read"),
    "write=0x10": ("wrote where it may not write", "touch_write"),
    "execute=0x7000000000": ("jumped where it may not execute", None),
    "text": ("wrote where it may not write", "touch_write"),
    "data": ("jumped where it may not execute", None),
    "stack": ("overflowed its stack into the guard page", "grow"),
    "unaligned": ("used an unaligned address", "on_unaligned"),
    "undefined": ("ran into an undefined or privileged instruction", "on_undefined"),
    "privileged": ("ran into an undefined or privileged instruction", "on_privileged"),
    "breakpoint": ("ran into a breakpoint", "on_breakpoint"),
    "denied": ("made a system call that its manifest entry doesn't allow", None),
    "return": ("returned from a portal call that it wasn't in", "on_return"),
}


def deed(vm, argument):
    """Let the saboteur do it; the lines that the launcher then logs, without times."""
    vm.drain()
    start = vm.seen = len(vm.text)
    vm.send_line(f"launch saboteur {argument}")
    vm.expect(r"saboteur: (stays down|survived)", 30)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 30)
    vm.drain()
    text = rotunda_vm.plain(vm.text[start:])
    return [re.sub(r"^.*?\] ", "", line) for line in text.split("\n") if "] " in line]


def report(vm, argument):
    lines = deed(vm, argument)
    lines = [line.removeprefix("app:App: ") for line in lines if line.startswith("app:App: ")]
    starts = [i for i, line in enumerate(lines) if line.startswith("fault: ")]
    assert len(starts) == 1, f"{argument}: {len(starts)} reports: {lines}"
    return lines[starts[0]:]


def assert_alive(vm):
    assert vm.command("echo still here").strip() == "still here"


def each_kind_of_fault_is_reported(vm):
    for argument, (words, function) in KINDS.items():
        lines = report(vm, argument)
        text = "\n".join(lines)
        assert lines[0] == f"fault: saboteur {words}", f"{argument}: {lines[0]}"
        if function is not None:
            assert re.search(rf"^  at {ADDRESS} {function}\+0x[0-9a-f]+ \(saboteur\)$", text,
                             re.MULTILINE), f"{argument}: {text}"
        if argument == "denied":
            assert "\n  call 40, log_read\n" in text, f"the call isn't named: {text}"
        for register in REGISTERS:
            assert re.search(rf"\b{register} +0x[0-9a-f]+", text), f"{argument}: no {register}"
        if argument == "stack":  # deeper than a report
            assert text.count(" grow+") >= 15, text
            continue
        assert re.search(rf"^  #\d+ {ADDRESS} start_program\+0x[0-9a-f]+ \(saboteur\)$", text,
                         re.MULTILINE), f"{argument}: no backtrace to the start: {text}"
    assert_alive(vm)


def a_null_pointer_is_called_so(vm):
    assert any("a null pointer, nobody owns it" in line for line in report(vm, "read=0x8"))


def the_kernel_is_out_of_reach(vm):
    for verb in ("read", "write", "execute"):
        for address in ("0xffffffff80000000", "0xffff000040000000"):
            text = "\n".join(report(vm, f"{verb}={address}"))
            assert "the kernel's, no domain sees it" in text, text
    assert_alive(vm)


def domains(vm):
    names = []
    for line in vm.command("domains").splitlines()[1:]:
        words = line.split()
        if len(words) > 2 and "running" in words:
            names.append(words[1])
    return names


def foreign_segments(vm):
    """(address, label, of domain) of every segment of everybody, each once."""
    found = {}
    for name in domains(vm):
        for line in vm.command(f"map {name}").splitlines():
            match = re.match(r"\s*(0x[0-9a-f]+)\s+\S+ \S+\s+\S+\s+\S+\s+(\S.*?)\s{2,}", line)
            if match:
                found[match.group(1)] = match.group(2)
    return found


def nobody_elses_memory_can_be_touched(vm):
    """Every segment of every domain: read, write and jump there; stopped each time."""
    segments = foreign_segments(vm)
    assert len(segments) > 30, f"only {len(segments)} segments found"
    verbs = {"read": "read where", "write": "wrote where", "execute": "jumped where"}
    for address, label in segments.items():
        for verb, words in verbs.items():
            # The first page of a stack is its guard, which belongs to nobody's data.
            offset = 0x1000 if "stack" in label else 0
            lines = report(vm, f"{verb}={int(address, 16) + offset:#x}")
            text = "\n".join(lines)
            assert words in lines[0], f"{verb} {address} {label}: {text}"
            assert f'in "{label}' in text, f"{verb} {address} {label}: {text}"
            assert "saboteur may do nothing there" in text, f"{verb} {address} {label}: {text}"
    assert_alive(vm)


def exit_code_is_reported_and_is_no_fault(vm):
    lines = deed(vm, "exit=3")
    assert "app:App: saboteur: ended with code 3" in lines, lines
    assert not any("fault:" in line for line in lines), lines


def division_by_zero_is_no_fault(vm):
    lines = deed(vm, "divide")
    assert "saboteur: 7 / 0 is 0" in lines and 'saboteur: survived "divide"' in lines, lines


def everybody_lives(vm):
    assert {"pl011", "console", "net", "web", "shell", "virtio-net"} <= set(domains(vm))
    assert vm.wait_https()[0] == 200


TESTS = [
    each_kind_of_fault_is_reported,
    a_null_pointer_is_called_so,
    the_kernel_is_out_of_reach,
    exit_code_is_reported_and_is_no_fault,
    division_by_zero_is_no_fault,
    nobody_elses_memory_can_be_touched,
    everybody_lives,
]

if __name__ == "__main__":
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(sys.argv[1])
    image = os.path.join(rotunda_vm.build_folder(), "rotunda-test.Image")
    sys.exit(rotunda_vm.run_tests(TESTS, image=image))
