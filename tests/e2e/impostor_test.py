#!/usr/bin/env python3
"""
A domain that wants what is others': it offers their names, tries to launch, stop and restart them,
asks without end, and takes all the connections and rings that it gets.

Boots the test image with the system's manifest and the domains of impostor.dtsi.  Each refusal is
held against the answer that the domain got, the audit log, and the log, of which such a domain may
have a few lines only; and after each attack an honest client uses the real service.  The guest's
clock counts instructions, so a busy host doesn't change what a refusal costs.
"""
# timeout: 300

import os
import re
import sys
import time

import rotunda_vm
from launcher_test import log, row, run_with_domains, wait_state
from rotunda_vm import wait_equal
from supervision_test import assert_contains, wait_event

DOMAINS = os.path.join(rotunda_vm.ROOT, "tests", "target", "launcher", "impostor.dtsi")
DATE = r"20\d\d-\d\d-\d\d"
REFUSAL_US_MAX = 200  # on average; it is 36, or 1,401 if the launcher looks each time
FLOOD_TIMES = 1000  # of each of the eight kinds, as in impostor.c
OVERSTEPS = 3  # calls outside its mask, as in impostor.c
QUOTA = 5  # `quota-connections` of the hoarder, in impostor.dtsi
LINES_OF_A_LIFE = 8 + 1 + 2 + 1  # refusals and last words, of known names and of others


def do(vm, deed, who="impostor", seconds=90):
    """Have it do something; what it said about it, by what it asked for."""
    vm.drain()
    start = len(rotunda_vm.plain(vm.text))
    vm.command(f"launch {who} {deed}")
    end = time.monotonic() + seconds
    while f"{who}: is done with {deed}" not in rotunda_vm.plain(vm.text)[start:]:
        assert time.monotonic() < end, f"not done with {deed}:\n{vm.tail()}"
        vm.pump(0.1)
    vm.command(f"stop {who}")
    said = re.findall(rf"\] {who}: ([^\n:]+(?::\w+)?): ([^\n]+)$",
                      rotunda_vm.plain(vm.text)[start:], re.MULTILINE)
    return dict(said)


def audited(vm, domain, only=""):
    """(asked to, what) -> (how often, what was decided); of such decisions only."""
    found = {}
    for line in vm.command(f"audit {domain}").splitlines()[1:]:
        cells = re.split(r"  +", line.strip())
        if len(cells) == 6 and cells[5].startswith(only):
            found[cells[2], cells[3]] = int(cells[4].replace(",", "")), cells[5]
    return found


def assert_offers_are_refused(vm):
    said = do(vm, "offers")
    own = said.pop("offer test:Own")
    assert own == "ok", own
    assert len(said) == 6 and set(said.values()) == {"denied"}, said
    notes = audited(vm, "impostor")
    for asked in said:
        times, decision = notes["offer", asked.split()[1]]
        assert times >= 1 and decision == "refused by the manifest", notes
    assert notes["offer", "test:Own"][1] == "granted", notes
    assert "impostor: WRONG" not in vm.text, vm.tail()


def others_names_are_refused_while_they_serve(vm):
    assert_offers_are_refused(vm)
    assert_contains(log(vm), r"app:App: impostor: may not offer rtc:Clock: its manifest entry "
                             r'lacks offers = "rtc:Clock"$')
    assert re.search(DATE, vm.command("date"))
    assert row(vm, "services", "rtc:Clock")[1:3] == ["pl031", "up"]


def others_names_are_refused_while_they_are_stopped(vm):
    vm.command("stop pl031")
    assert_offers_are_refused(vm)
    assert row(vm, "services", "rtc:Clock")[1:3] == ["pl031", "down"]
    vm.command("launch pl031")
    wait_state(vm, "pl031", "running")
    assert re.search(DATE, vm.command("date"))


def others_names_are_refused_between_death_and_return(vm):
    vm.command("launch dier")
    wait_state(vm, "dier", "backing off")
    assert_offers_are_refused(vm)
    wait_state(vm, "dier", "backing off")
    assert row(vm, "services", "test:Dier")[1:3] == ["dier", "down"]
    assert_contains(vm.command("domains"), r"^dier starts again in \d\d\.\d s$")
    assert_contains(vm.command("quotas dier"),
                    r"^dier isn't running: it starts again in \d\d\.\d s$")
    vm.command("stop dier")
    assert "starts again" not in vm.command("domains")
    assert vm.command("quotas dier") == "dier isn't running"


def nobody_is_steered_without_permission(vm):
    before = vm.restarts()
    said = do(vm, "steers")
    assert len(said) == 3 * 5 + 1 and set(said.values()) == {"denied"}, said
    notes = audited(vm, "impostor")
    for name in ("pl031", "web", "dier"):
        assert notes["launch or stop", name] == (3, "refused by the manifest"), notes
    assert notes["switch off", "the machine"] == (1, "refused by the manifest"), notes
    after = vm.restarts()
    assert after == before, f"{before} before, {after} after"
    assert_contains(log(vm), r"app:App: impostor: may not launch or stop pl031: "
                             r"add it to `launches` of its manifest entry$")
    assert re.search(DATE, vm.command("date"))


def what_cannot_be_launched_is_told_once(vm):
    assert do(vm, "poor") == {"launch poor": "out of quota"}
    assert audited(vm, "impostor")["launch or stop", "poor"] == (3, "out of quota")
    told = log(vm).count("app:App: impostor: asked for poor to be launched or stopped: "
                         "out of quota")
    assert told == 1, f"{told} lines"


def asking_without_end_costs_the_log_a_few_lines(vm):
    """Nothing that others said is pushed out, nor what is known about the impostor itself."""
    before = log(vm)
    do(vm, "flood")
    text = log(vm)
    assert_contains(text, rf"impostor: was refused {8 * FLOOD_TIMES} times$")
    for line in before.splitlines():
        assert line in text, f"the log has lost {line!r}"
    told = text.count("app:App: impostor: ") - before.count("app:App: impostor: ")
    assert 3 <= told <= LINES_OF_A_LIFE + 1, f"{told} lines"  # and that it was stopped
    assert_contains(text, r"app:App: impostor: more such refusals stand in the audit log only$")
    notes = audited(vm, "impostor")
    for asked in (("connect to", "uart:Port"), ("offer", "rtc:Clock"), ("launch or stop", "pl031"),
                  ("switch off", "the machine")):
        times, decision = notes[asked]
        assert times >= FLOOD_TIMES and decision == "refused by the manifest", notes
    assert ("offer", "uart:Port") in notes, f"made up names have pushed that out: {notes}"
    assert [asked for asked in notes if asked[1].startswith("made:Up")], notes


def a_request_without_a_name_is_noted(vm):
    do(vm, "nameless")
    notes = audited(vm, "impostor")
    assert notes.get(("offer", "what is no name"), (0, ""))[1] == "bad argument", notes


def connections(vm, name):
    """That it has, and may have."""
    return row(vm, "quotas", name)[-2]


def connections_have_a_quota(vm):
    """
    Five of them; one that was closed may be had again, and nobody else has fewer.  To be refused
    costs little, though the launcher would have a thousand handles to look through.
    """
    before = int(row(vm, "services", "rtc:Clock")[3])
    vm.command("launch hoarder")
    wait_event(vm, r"hoarder: has 5 connections, then: out of quota")
    wait_event(vm, r"hoarder: has 5 again, then: out of quota")
    wait_event(vm, r"hoarder: is done with hoard")
    assert int(row(vm, "services", "rtc:Clock")[3]) == before + 5
    took_us = int(re.search(r"hoarder: \d+ more refusals took (\d+) us each", vm.text)[1])
    assert took_us < REFUSAL_US_MAX, f"{took_us} us for a refusal"
    times, _ = audited(vm, "hoarder", "out of quota")["connect to", "rtc:Clock"]
    assert times == FLOOD_TIMES + 2, times
    told = log(vm).count("app:App: hoarder: gets no connection to rtc:Clock: it has all that "
                         "`quota-connections` allows")
    assert told == 1, f"{told} lines"
    assert "it has all 5 connections that its `quota-connections` allows" \
        in vm.command("why hoarder rtc:Clock")
    assert "quota" not in vm.command("why shell rtc:Clock")
    assert re.search(DATE, vm.command("date"))
    assert connections(vm, "hoarder") == f"{QUOTA}/{QUOTA}"


def a_service_that_is_down_has_no_clients(vm):
    """The hoarder still has its handles, which lead nowhere now."""
    vm.command("stop pl031")
    assert row(vm, "services", "rtc:Clock")[2:4] == ["down", "0"], row(vm, "services", "rtc:Clock")
    assert connections(vm, "hoarder") == f"0/{QUOTA}"
    vm.command("launch pl031")
    vm.command("stop hoarder")
    assert re.search(DATE, vm.command("date"))


def rings_between(vm, producer, consumer):
    return len(re.findall(rf"^{producer} +{consumer} +ring rtc:Clock ", vm.command("rings"), re.M))


def rings_without_their_handles_have_a_quota_too(vm):
    """Who closes the handle after opening rings has no more of these than of connections."""
    vm.command("launch hoarder rings")
    wait_event(vm, r"hoarder: has opened rings 20 times of 20: ok")
    wait_event(vm, r"hoarder: is done with rings")
    wait_equal("rings", lambda: rings_between(vm, "hoarder", "pl031"), QUOTA)
    assert rings_between(vm, "pl031", "hoarder") == QUOTA
    assert connections(vm, "hoarder") == f"{QUOTA}/{QUOTA}"
    assert re.search(DATE, vm.command("date"))
    vm.command("stop hoarder")
    wait_equal("rings", lambda: rings_between(vm, "hoarder", "pl031"), 0)


def denied_calls_are_counted(vm):
    """An error to one, as its entry says, and a fault of the other."""
    vm.command("launch hoarder oversteps")
    wait_event(vm, r"hoarder: is done with oversteps")
    assert log(vm).count("hoarder: read the log: denied") == OVERSTEPS
    assert row(vm, "quotas", "hoarder")[-1] == str(OVERSTEPS)
    text = vm.command("quotas hoarder")
    assert_contains(text, rf"^denied calls: {OVERSTEPS}; a denied call is an error$")
    assert_contains(text, r"^system calls: service$")
    vm.command("stop hoarder")
    vm.command("launch impostor nameless")
    assert_contains(vm.command("quotas impostor"),
                    r"^denied calls: 0; a denied call is a fault, which stops it$")
    vm.command("stop impostor")
    vm.command("launch impostor oversteps")
    wait_state(vm, "impostor", "failed")
    assert vm.command("quotas impostor") == "impostor isn't running"


def who_asks_for_what_nobody_brings_back_is_told(vm):
    """Not to wait, that is: for a service whose owner was stopped, or has ended in order."""
    wait_state(vm, "leaver", "exited")
    asked = do(vm, "asks", "hoarder")
    assert asked == {"connect rtc:Clock": "ok", "connect test:Leaver": "peer dead"}, asked
    vm.command("stop pl031")
    asked = do(vm, "asks", "hoarder")
    assert asked["connect rtc:Clock"] == "peer dead", asked
    vm.command("launch pl031")


def who_waits_for_what_is_stopped_is_told(vm):
    """And for what has come up, and ended without serving: it is asked only once."""
    vm.command("launch dier")
    wait_state(vm, "dier", "backing off")
    vm.command("launch hoarder waits")
    wait_event(vm, r"hoarder: waits from now on")
    assert log(vm).count("hoarder: waited for test:Idler: peer dead") == 3, log(vm)
    assert log(vm).count("idler: ") <= 1, log(vm)
    wait_state(vm, "idler", "exited")
    assert row(vm, "services", "test:Dier")[4] == "1"
    vm.command("stop dier")
    wait_event(vm, r"hoarder: waited for test:Dier: peer dead")
    vm.command("stop hoarder")


def everybody_else_is_unaffected(vm):
    for name in ("pl011", "console", "virtio-net", "net", "web", "shell"):
        words = row(vm, "domains", name)
        assert "running" in words and words[-1] == "0", words
    assert vm.wait_https()[0] == 200


TESTS = [
    others_names_are_refused_while_they_serve,
    others_names_are_refused_while_they_are_stopped,
    others_names_are_refused_between_death_and_return,
    nobody_is_steered_without_permission,
    what_cannot_be_launched_is_told_once,
    asking_without_end_costs_the_log_a_few_lines,
    a_request_without_a_name_is_noted,
    connections_have_a_quota,
    a_service_that_is_down_has_no_clients,
    rings_without_their_handles_have_a_quota_too,
    denied_calls_are_counted,
    who_asks_for_what_nobody_brings_back_is_told,
    who_waits_for_what_is_stopped_is_told,
    everybody_else_is_unaffected,
]


if __name__ == "__main__":
    sys.exit(run_with_domains(TESTS, DOMAINS, icount="shift=2,sleep=on"))
