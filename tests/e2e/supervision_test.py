#!/usr/bin/env python3
"""
Supervision on the running machine: what dies comes back, what dies at every start is given up and
says so, and `crashes` tells of it.

Boots the test image with the system's manifest and a few saboteurs more
(tests/target/launcher/saboteur.c).  The guest's clock counts instructions, so a busy host doesn't
change what the guest sees of time.
"""
# timeout: 300

import os
import re
import sys
import tempfile

import rotunda_vm
from launcher_test import log, manifest_text, pack, row, wait_state

DOMAINS = """
        clumsy {
            program = "saboteur";
            argument = "chatter=0x40";
            start = "on-demand";
            priority = <8 8>;
            system-calls = "application";
            heap-bytes = <0x4000>;
            stack-bytes = <0x4000>;
            restart = "on-fault";
            restart-delay-ms = <50>;
            restart-limit = <3>;
        };
        saboteur {
            start = "on-demand";
            priority = <8 8>;
            system-calls = "application";
            heap-bytes = <0x4000>;
            stack-bytes = <0x4000>;
        };
"""


def assert_contains(text, pattern):
    assert re.search(pattern, text, re.MULTILINE), f"no {pattern!r} in:\n{text}"


def without_deaths_there_is_nothing_to_tell(vm):
    assert vm.command("crashes").strip() == "nobody has died"
    assert vm.command("crashes clumsy").strip() == "clumsy has not died"
    assert_contains(vm.command("crashes nosuch"), r'no domain "nosuch"')
    assert_contains(vm.command("help crashes"), r"^ *crashes \[domain\] +\S")


def a_crash_at_every_start_is_given_up(vm):
    vm.command("launch clumsy")
    wait_state(vm, "clumsy", "failed", 60)
    text = log(vm)
    pauses = re.findall(r"clumsy: will be started again in (\d+) ms \(failure (\d) of 3\)",
                        text)
    assert pauses == [("50", "1"), ("100", "2"), ("200", "3")], pauses
    assert_contains(text, r"clumsy: given up after 4 failures in a row; `restart clumsy` tries")


def crashes_tells_who_died_of_what(vm):
    lines = [line for line in vm.command("crashes").split("\n") if " clumsy " in line]
    assert len(lines) == 4, lines
    outcomes = ("again in 50.0 ms", "again in 100 ms", "again in 200 ms", "given up after 4")
    for line, outcome in zip(lines, outcomes):
        assert_contains(line, r"^ *[\d.]+ m?s +clumsy +forbidden write +0x40 of nobody "
                              r"+touch_write\+0x[0-9a-f]+ \(saboteur\) +" + outcome + r" *$")


def crashes_tells_the_whole_story(vm):
    stories = vm.command("crashes clumsy").split("\n\n")
    assert len(stories) == 4, f"{len(stories)} stories"
    for restarts, story in enumerate(stories):
        assert_contains(story, rf"^clumsy died at [\d.]+ m?s after {restarts} restarts: "
                               r"forbidden write, ")
        assert_contains(story, r"^fault: clumsy wrote where it may not write$")
        assert_contains(story, r"address 0x0+40: a null pointer, nobody owns it$")
        assert_contains(story, r"^  x30 is 0x[0-9a-f]{16} stumble\+0x[0-9a-f]+ \(saboteur\)")
        for frame, function in enumerate(("touch_write", "on_chatter", "main", "start_program")):
            assert_contains(story, rf"^  #{frame} 0x[0-9a-f]{{16}} {function}\+0x[0-9a-f]+ "
                                   r"\(saboteur\)$")
        words = re.findall(r"^  \[ *[\d.]+\] clumsy: word (\d+)$", story, re.MULTILINE)
        assert words == [str(word) for word in range(13, 21)], words
        assert "app:App: " not in story, story


def an_exit_code_is_a_death_too(vm):
    vm.command("launch saboteur exit=3")
    wait_state(vm, "saboteur", "failed", 30)
    assert_contains(vm.command("crashes"), r"saboteur +ended with code 3 +- +- +stays down *$")
    vm.command("launch saboteur divide")
    wait_state(vm, "saboteur", "exited", 30)
    assert vm.command("crashes").count(" saboteur ") == 1, "an end in order is no death"


def everybody_else_is_unaffected(vm):
    for name in ("pl011", "console", "virtio-net", "net", "web", "shell"):
        words = row(vm, "domains", name)
        assert "running" in words and words[-1] == "0", words
    assert vm.wait_https()[0] == 200


TESTS = [
    without_deaths_there_is_nothing_to_tell,
    a_crash_at_every_start_is_given_up,
    crashes_tells_who_died_of_what,
    crashes_tells_the_whole_story,
    an_exit_code_is_a_death_too,
    everybody_else_is_unaffected,
]


def main():
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(sys.argv[1])
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory() as folder:
        text = manifest_text([("    domains {\n", "    domains {" + DOMAINS)])
        return rotunda_vm.run_tests(TESTS, image=pack(text, folder, "rotunda-test"),
                                    icount="shift=3,sleep=on")


if __name__ == "__main__":
    sys.exit(main())
