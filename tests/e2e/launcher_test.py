#!/usr/bin/env python3
"""
The launcher on the running machine: what the manifest says happens, and nothing else.

Boots the image with a manifest of its own: the system's, with one permission taken away and some
domains more that can't live.  The guest's clock counts instructions, so a busy host doesn't make a
life longer.
"""
# timeout: 600

import http.client
import os
import re
import subprocess
import sys
import tempfile
import time

import rotunda_vm

SYSTEM = os.path.join(rotunda_vm.ROOT, "userland", "launcher", "manifest.dts")

# /chosen/bootargs.
BOOT_ARGUMENTS = ("web.https-port=12345 quiet nobody.x=y net.address=10.0.2.15/24 "
                  "net.gateway=10.0.2.2")

# Each runs bench-null, which does nothing and ends in order.
DOMAINS = """
        restless {
            program = "bench-null";
            priority = <10 10>;
            system-calls = "application";
            heap-bytes = <0x4000>;
            restart = "always";
            restart-delay-ms = <50>;
            restart-limit = <3>;
        };
        deviceless {
            program = "bench-null";
            system-calls = "application";
            offers = "nobody:Home";
            claims {
                thing {
                    compatible = "nobody,makes-this";
                };
            };
        };
        bodiless {
            program = "no-such-program";
            system-calls = "application";
        };
        penniless {
            program = "bench-null";
            system-calls = "application";
            quota-frames = <4>;
        };
"""


def manifest_text(changes):
    with open(SYSTEM, encoding="utf-8") as stream:
        text = stream.read()
    for old, new in changes:
        assert old in text, f"the system manifest has no {old!r} any more"
        text = text.replace(old, new)
    return text


def pack(text, folder, image="rotunda"):
    """An image of the build folder with another manifest."""
    arguments = "@" + os.path.join(rotunda_vm.build_folder(), image + ".pack")
    source = os.path.join(folder, "manifest.dts")
    blob = os.path.join(folder, "manifest.dtb")
    image = os.path.join(folder, "rotunda.Image")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(text)
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob, source], check=True)
    subprocess.run([sys.executable, os.path.join(rotunda_vm.ROOT, "tools", "pack"), arguments,
                    "--manifest", blob, "--output", image], check=True, stdout=subprocess.DEVNULL)
    return image


def run_with_domains(tests, path, **machine):
    """
    rotunda_vm.run_tests() on the test image with more domains: those of the manifest's part at
    `path`.
    """
    rotunda_vm.wanted_tests()  # says where the build is, too
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory() as folder, open(path, encoding="utf-8") as stream:
        text = manifest_text([("    domains {\n", "    domains {\n" + stream.read())])
        return rotunda_vm.run_tests(tests, image=pack(text, folder, "rotunda-test"), **machine)


def row(vm, verb, name):
    """The words of the line that `verb` shows about `name`."""
    for line in vm.command(verb).splitlines():
        words = line.split()
        if name in words:
            return words
    raise AssertionError(f"{verb} doesn't show {name}")


def wait_state(vm, name, state, seconds=20):
    end = time.monotonic() + seconds
    while state not in " ".join(row(vm, "domains", name)):
        assert time.monotonic() < end, f"{name} is not {state}: {row(vm, 'domains', name)}"
        time.sleep(0.2)


def log(vm):
    return vm.command("log", timeout=60)


def what_ends_too_often_is_given_up(vm):
    wait_state(vm, "restless", "failed")
    text = log(vm)
    pauses = re.findall(r"restless: will be started again in (\d+) ms \(failure (\d) of 3\)", text)
    assert pauses == [("50", "1"), ("100", "2"), ("200", "3")], pauses
    assert "restless: given up after 4 failures in a row" in text


def restart_by_hand_forgets_failures(vm):
    vm.command("restart restless")
    wait_state(vm, "restless", "failed")
    assert log(vm).count("restless: given up") >= 2


def what_lacks_its_device_is_not_started(vm):
    wait_state(vm, "deviceless", "no device")
    assert re.search(r'deviceless: this machine has no thing \(compatible "nobody,makes-this"\)',
                     log(vm))
    assert "down" in row(vm, "services", "nobody:Home")


def what_has_no_program_fails_by_name(vm):
    wait_state(vm, "bodiless", "failed")
    assert 'bodiless: there is no program "no-such-program" in the boot archive' in log(vm)


def what_has_no_memory_fails_alone(vm):
    wait_state(vm, "penniless", "failed")
    assert re.search(r"penniless: loading the (domain|text|data|stack) failed: out of quota",
                     log(vm))


def refused_connection_says_what_to_add(vm):
    vm.send_line("bench null_syscall")
    vm.expect(r"bench: may not connect to bench:Peer: add it to `connects` of its manifest entry")
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    words = row(vm, "audit bench", "bench:Peer")
    assert " ".join(words[2:]) == "bench connect to bench:Peer 1 refused by the manifest", words
    why = vm.command("why bench bench:Peer")
    assert "lacks bench:Peer in `connects`, so it may not connect to it" in why, why


def names_stay_reserved_while_the_owner_is_down(vm):
    vm.command("stop pl031")
    wait_state(vm, "pl031", "stopped")
    words = row(vm, "services", "rtc:Clock")
    assert "pl031" in words and "down" in words, words
    vm.command("launch pl031")
    wait_state(vm, "pl031", "running")
    time.sleep(0.5)
    assert "up" in row(vm, "services", "rtc:Clock")


def clients_are_those_connected_now(vm):
    """The shell's connection ends with the shell, and its next one is one, too."""
    before = row(vm, "services", "console:Tty")[3]
    vm.send_line("restart shell")
    vm.expect(r"shell: restarted on request", 30)
    vm.wait_prompt(30)
    after = row(vm, "services", "console:Tty")[3]
    assert before == after == "1", f"{before} clients before, {after} after"


def boot_arguments_reach_their_domains(vm):
    """Those of BOOT_ARGUMENTS: for the web server, for the stack, and for nobody."""
    text = log(vm)
    assert "boot argument 'nobody.x=y' names no domain: ignored" in text, text
    assert "boot argument 'quiet' names no domain: ignored" in text, text
    assert re.search(r"10\.0\.2\.15/24 \(static\)", vm.command("net")), vm.command("net")
    asked = http.client.HTTPConnection("127.0.0.1", vm.http_port, timeout=20)
    asked.request("GET", "/a", headers={"Host": f"localhost:{vm.http_port}"})
    assert asked.getresponse().headers["Location"] == "https://localhost:12345/a"


def addresses_have_owners(vm):
    start = re.search(r"^\s*(0x[0-9a-f]+).*pl031\.data", vm.command("map pl031"), re.MULTILINE)
    assert start, "no data segment in pl031's view"
    text = vm.command(f"map {start.group(1)}")
    assert "pl031" in text, text
    others = [name for name in ("pl011", "console", "net", "web", "shell")
              if re.search(rf"\b{name}\b", text)]
    assert not others, f"{others} may touch pl031's data: {text}"


def memory_comes_back(vm):
    """Lives of a driver leave nothing behind, but for the kernel's notes on used addresses."""
    def used(what):
        line = re.search(rf"^ *{what}\s+([\d,]+)", vm.command("mem"), re.MULTILINE)
        return int(line.group(1).replace(",", ""))

    for domain in ("web", "net"):  # their memory comes and goes with the network's traffic
        vm.command(f"stop {domain}")
    vm.command("restart pl031")
    time.sleep(1)
    kinds = ("segments", "kernel objects")
    before = [used(kind) for kind in kinds]
    for _ in range(20):
        vm.command("restart pl031")
        time.sleep(0.2)
    time.sleep(1)
    after = [used(kind) for kind in kinds]
    assert all(abs(a - b) <= 2 for a, b in zip(after, before)), \
        f"{kinds}: {before} frames in use before, {after} after 20 restarts"


def broken_manifest_is_named(folder):
    """Not a list of functions of one machine: this one never gets as far as a prompt."""
    text = manifest_text([("restart-limit = <20>;", "restart-limits = <20>;")])
    with rotunda_vm.Machine(pack(text, folder)) as vm:
        vm.expect(r"cannot start: pl011: restart-limits: is not a property that the manifest knows",
                  30)


TESTS = [
    what_ends_too_often_is_given_up,
    restart_by_hand_forgets_failures,
    what_lacks_its_device_is_not_started,
    what_has_no_program_fails_by_name,
    what_has_no_memory_fails_alone,
    refused_connection_says_what_to_add,
    names_stay_reserved_while_the_owner_is_down,
    clients_are_those_connected_now,
    boot_arguments_reach_their_domains,
    addresses_have_owners,
    memory_comes_back,
]


def main():
    if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]):
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(sys.argv[1])
    if not os.path.exists(rotunda_vm.default_image()):
        return rotunda_vm.CANNOT_RUN
    with tempfile.TemporaryDirectory() as folder:
        text = manifest_text([(', "bench:Peer"', ""),
                              ("    domains {\n", "    domains {" + DOMAINS)])
        status = rotunda_vm.run_tests(TESTS, image=pack(text, folder), append=BOOT_ARGUMENTS,
                                      icount="shift=2,sleep=on")
        if len(sys.argv) > 2:
            return status
        try:
            broken_manifest_is_named(folder)
            print("ok   broken_manifest_is_named")
        except AssertionError as error:
            print(f"FAIL broken_manifest_is_named: {error}")
            status = 1
        return status


if __name__ == "__main__":
    sys.exit(main())
