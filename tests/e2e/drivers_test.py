#!/usr/bin/env python3
"""
Drivers on the running machine: pasted input arrives byte for byte, the log doesn't tear the line
being edited, each driver comes back after it was ended, and one that would be deaf from now on ends
by itself.
"""
# timeout: 600

import re
import sys
import time

import rotunda_vm
from debugger import Debugger
from outside import Outside
from rotunda_vm import plain

DRIVERS = ("pl031", "virtio-rng", "virtio-net", "pl011", "console")
# Where they keep the handle of their interrupt.
INTERRUPTS = {
    "pl031": ("rtc", "interrupt"),
    "virtio-rng": ("rng", "interrupt"),
    "virtio-net": ("interrupt", None),
    "pl011": ("port", "interrupt"),
}
NO_HANDLE = bytes(range(8))


def assert_alive(vm):
    answer = vm.command("echo alive and well")
    assert answer.strip() == "alive and well", f"echo answered {answer!r}"


def pasted_lines_all_arrive_in_order(vm):
    """300 commands at once, far more than any FIFO holds."""
    vm.drain()
    start = len(vm.text)
    vm.seen = start
    vm.send("".join(f"echo line-{i:04d}-{'x' * (i % 60)}-end\r" for i in range(300)))
    vm.expect(r"^line-0299-x+-end", 120)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z")
    answers = re.findall(r"^line-(\d{4})-(x*)-end$", plain(vm.text[start:]), re.MULTILINE)
    assert [int(number) for number, _ in answers] == list(range(300)), \
        f"{len(answers)} of 300 answers, or out of order"
    assert all(len(xs) == int(number) % 60 for number, xs in answers), "bytes were lost"


def pasted_line_of_4000_bytes_is_whole(vm):
    text = "".join(chr(ord("a") + i % 26) for i in range(4000))
    vm.drain()
    start = vm.seen = len(vm.text)
    vm.send("echo " + text + "\r")
    vm.expect(r"\n", 60)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    answer = plain(vm.text[start:]).replace("\n", "")
    assert text in answer, "the line came back changed"


def log_lines_do_not_tear_the_prompt(vm):
    """A restart writes to the log while a line is being edited; the line stays usable."""
    vm.drain()
    start = vm.seen = len(vm.text)
    vm.send("restart pl031\recho half of ")
    time.sleep(2)
    vm.pump(0)
    vm.send("it\r")
    vm.expect(r"^half of it", 30)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z")
    for line in plain(vm.text[start:]).split("\n"):
        assert not re.search(r"\S.*\[ *\d+\.\d{6}\]", line), f"a log line inside another: {line!r}"


def drivers_come_back_after_their_end(vm):
    for driver in DRIVERS:
        vm.send_line(f"restart {driver}")
        time.sleep(2)
        vm.send_line("")
        vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 30)
        assert_alive(vm)


def network_works_after_its_driver_came_back(vm):
    status, _, body = vm.wait_https()
    assert status == 200 and body, f"HTTPS answered {status}"
    before = body
    vm.command("restart virtio-net")
    status, _, body = vm.wait_https(timeout=30)
    assert status == 200 and body == before, f"HTTPS answered {status} after the restart"


def lose_interrupt(vm, driver):
    """Overwrite the handle; of pl031 in the second before its only interrupt."""
    outside = Outside(vm)
    while True:
        if driver == "pl031":
            vm.command("restart pl031")
        with Debugger(vm) as debugger:  # all stands still
            outside.refresh()
            done = outside.variable("pl031", "rtc", "is_precise")
            if driver != "pl031" or debugger.read(*done) == b"\0":
                place, size = outside.variable(driver, *INTERRUPTS[driver])
                debugger.write(place, NO_HANDLE[:size])
                return


def who_cannot_acknowledge_ends_and_is_back(vm):
    """It would answer heartbeats, and never hear of its device again."""
    for driver in INTERRUPTS:
        vm.wait_https()
        before = vm.restarts()
        vm.drain()
        vm.seen = len(vm.text)  # it may notice before lose_interrupt() is back
        lose_interrupt(vm, driver)
        if driver == "virtio-rng":
            vm.send_line("restart web")  # whose keys need entropy
        elif driver == "virtio-net":
            vm.send_line("ping 10.0.2.2 1")
        elif driver == "pl011":
            vm.send_line("")
        vm.expect(rf"{driver}: can't acknowledge its interrupt \(0x706050403020100\): bad handle")
        vm.expect(rf"{driver}: will be started again", 10)
        time.sleep(1)
        vm.send_line("")
        vm.wait_prompt()
        assert_alive(vm)
        assert vm.wait_https()[0] == 200
        changed = {name for name, count in vm.restarts().items() if count != before[name]}
        assert changed - {"web"} == {driver}, f"{sorted(changed)} were started again"


TESTS = [
    pasted_lines_all_arrive_in_order,
    pasted_line_of_4000_bytes_is_whole,
    log_lines_do_not_tear_the_prompt,
    drivers_come_back_after_their_end,
    network_works_after_its_driver_came_back,
    who_cannot_acknowledge_ends_and_is_back,
]

if __name__ == "__main__":
    sys.exit(rotunda_vm.run_tests(TESTS))
