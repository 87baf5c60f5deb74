#!/usr/bin/env python3
"""
Drivers on the running machine: pasted input arrives byte for byte, the log doesn't tear the line
being edited, and each driver comes back after it was ended.
"""
# timeout: 600

import re
import sys
import time

import rotunda_vm
from rotunda_vm import plain

DRIVERS = ("pl031", "virtio-rng", "virtio-net", "pl011", "console")


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


TESTS = [
    pasted_lines_all_arrive_in_order,
    pasted_line_of_4000_bytes_is_whole,
    log_lines_do_not_tear_the_prompt,
    drivers_come_back_after_their_end,
    network_works_after_its_driver_came_back,
]

if __name__ == "__main__":
    sys.exit(rotunda_vm.run_tests(TESTS))
