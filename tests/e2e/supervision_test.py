#!/usr/bin/env python3
"""
Supervision on the running machine: what dies comes back, what dies at every start is given up and
says so, and `crashes` tells of it.

Boots the test image with the system's manifest and a few domains more that get into trouble
(tests/target/launcher), among them the example of docs/supervision.md.  The guest's clock counts
instructions, so a busy host doesn't change what the guest sees of time.
"""
# timeout: 300

import os
import re
import sys
import time

import page
import rotunda_vm
from debugger import overwrite, text_of
from launcher_test import log, row, run_with_domains, wait_state
from outside import Outside

DOMAINS = os.path.join(rotunda_vm.ROOT, "tests", "target", "launcher", "supervision.dtsi")
RESTS = (1, 2, 3, 4, 5)  # seconds, in one try after another to have a driver loop unseen


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


def a_failed_assertion_is_told_with_its_place(vm):
    vm.command("launch saboteur assert")
    wait_state(vm, "saboteur", "failed", 30)
    row = [line for line in vm.command("crashes").split("\n") if " saboteur " in line][-1]
    assert_contains(row, r"saboteur +breakpoint +- +log_crash\+0x[0-9a-f]+ \(saboteur\) +stays ")
    story = vm.command("crashes saboteur").split("\n\n")[-1]
    for function in ("__assert_func", "on_assertion", "main", "start_program"):
        assert_contains(story, rf"^  #\d 0x[0-9a-f]{{16}} {function}\+0x[0-9a-f]+ \(saboteur\)$")
    assert_contains(story, r"saboteur\.c:\d+: on_assertion: assertion `address == 1' failed")


def an_address_of_no_domain_is_told_too(vm):
    for argument, address, owner in (("read=0", "0x0", "nobody"), ("execute=0", "0x0", "nobody"),
                                     ("write=0xffffffff80000000", "0xffffffff80000000", "kernel"),
                                     ("read=0xffff000040000000", "0xffff000040000000", "kernel")):
        vm.command(f"launch saboteur {argument}")
        wait_state(vm, "saboteur", "failed", 30)
        row = [line for line in vm.command("crashes").split("\n") if " saboteur " in line][-1]
        assert_contains(row, rf"saboteur +\S.* {address} of {owner} ")


def events(vm, pattern):
    """
    When, in seconds, each line of the log was written that fits.  As the console shows it: to have
    the shell print the log would keep others from running for as long as that takes.
    """
    vm.drain()
    found = re.findall(r"\[ *(\d+\.\d+)\] " + pattern, rotunda_vm.plain(vm.text))
    return [float(time_s) for time_s in found]


def wait_event(vm, pattern, seconds=60, more_than=0):
    """The time of the first line of the log that fits; or of the first after so many."""
    end = time.monotonic() + seconds
    while len(found := events(vm, pattern)) <= more_than:
        assert time.monotonic() < end, f"no {pattern!r} in the log; its end:\n{vm.tail()}"
        vm.pump(0.1)
    return found[more_than]


def who_loops_is_caught_within_a_second(vm):
    vm.command("launch spinner")
    wait_state(vm, "spinner", "failed", 90)
    began = events(vm, r"spinner: spins from now on")
    caught = events(vm, r"app:App: silence: spinner didn't answer: it was executing all the time")
    again = events(vm, r"app:App: spinner: started again")
    assert (len(began), len(caught), len(again)) == (3, 3, 2), (began, caught, again)
    for start, end in zip(began, caught):
        assert 0.59 <= end - start <= 1.0, f"caught after {end - start:.3f} s"
    for end, start, pause in zip(caught, again, (0.05, 0.1)):
        assert pause <= start - end, f"started again after {start - end:.3f} s, not {pause}"
    assert "spinner: given up after 3 failures in a row" in log(vm)
    stories = vm.command("crashes spinner").split("\n\n")
    assert len(stories) == 3, stories
    for story in stories:
        assert_contains(story, r"^spinner died at .*: didn't answer, ")
        for function in ("spin_for_ever", "on_spin", "loop_run", "deed_spin", "main"):
            assert_contains(story, rf"^  #\d+ 0x[0-9a-f]{{16}} {function}\+0x[0-9a-f]+ "
                                   r"\(laggard\)$")
        assert_contains(story, r"^  \[ *[\d.]+\] spinner: spins from now on$")


def who_waits_for_ever_is_caught(vm):
    vm.command("launch parker")
    start = wait_event(vm, r"parker: parks from now on")
    end = wait_event(vm, r"app:App: silence: parker didn't answer: it waited in itself")
    # No upper bound: an idle guest's clock goes on while the host has no time for it, and a look
    # that comes late counts once.
    assert 1.19 <= end - start, f"caught after {end - start:.3f} s"
    vm.command("stop parker")


def who_is_slow_is_left_alone(vm):
    vm.command("launch plodder")
    wait_event(vm, r"plodder: has done all its work")
    assert not events(vm, r"app:App: silence: plodder")
    vm.command("stop plodder")


def who_is_kept_from_running_is_not_blamed(vm):
    vm.command("launch ticker")
    vm.command("launch hog")
    wait_event(vm, r"hog: lets go")
    assert not events(vm, r"app:App: silence: ticker")
    assert "running" in row(vm, "domains", "ticker")
    vm.command("stop ticker")


def who_is_in_a_call_is_not_blamed_for_it(vm):
    """The trap loops on its client's thread; who waits for that client waits, too."""
    vm.command("launch trap")
    vm.command("launch visitor")
    start = wait_event(vm, r"trap: spins from now on")
    vm.command("launch queuer")
    end = wait_event(vm, r"app:App: silence: trap didn't answer: it was executing")
    assert 0.59 <= end - start <= 1.0, f"caught after {end - start:.3f} s"
    wait_event(vm, r"visitor: its call ended: peer dead")
    wait_event(vm, r"queuer: was served: ok")
    assert_contains(vm.command("crashes trap"), r"^  thread \d+ of visitor, in a call to trap$")
    assert_contains(vm.command("crashes trap"), r"^  #\d+ 0x\S+ on_trap_call\+")
    for name in ("visitor", "queuer"):
        assert not events(vm, rf"app:App: silence: {name}")
        vm.command(f"stop {name}")
    vm.command("stop trap")


def who_depends_on_a_failed_service_is_told(vm):
    vm.command("launch dependant")  # which has the other one started
    wait_state(vm, "doomed", "failed", 60)
    wait_event(vm, r"dependant: test:Doom is down: waiting until somebody starts it again")
    assert "failed" in row(vm, "services", "test:Doom")
    assert "doomed offers test:Doom and is failed" in vm.command("why dependant test:Doom")
    assert_contains(vm.command("audit dependant"), r"test:Doom +\d+ +told that it is down *$")
    vm.command("launch asker")
    wait_event(vm, r"asker: asked for it, was told: peer dead")


def a_failed_service_is_back_after_a_restart_by_hand(vm):
    vm.command("restart doomed")
    wait_event(vm, r"dependant: is connected")
    assert "up" in row(vm, "services", "test:Doom")
    vm.command("launch asker")
    wait_event(vm, r"asker: asked for it, was told: ok")
    told = events(vm, r"dependant: test:Doom is down")
    assert len(told) == 1, told


def everybody_else_is_unaffected(vm):
    for name in ("pl011", "console", "virtio-net", "net", "web", "shell"):
        words = row(vm, "domains", name)
        assert "running" in words and words[-1] == "0", words
    assert vm.wait_https()[0] == 200


def dies_of_the_next_request(vm, driver, client, ask):
    """
    The driver's text becomes undefined instructions, so that the first one who calls it kills it,
    and `ask` is what has the client do that.  What that shows.  Then all is as it was.
    """
    physical, length = text_of(vm, driver)
    before = overwrite(vm, physical, bytes(length))
    shown = vm.command(ask, 60)
    wait_event(vm, rf"app:App: {driver}: its text is damaged, so it gets the spare copy")
    overwrite(vm, physical, before)
    story = vm.command(f"crashes {driver}").split("\n\n")[-1]
    assert_contains(story, rf"^{driver} died at .*: undefined instruction, ")
    assert_contains(story, rf"^  thread \d+ of {client}, in a call to {driver}$")
    vm.command(f"restart {driver}")  # with its usual text
    wait_state(vm, driver, "running", 30)
    return shown


def who_asks_the_time_is_told_or_asks_the_next_life(vm):
    """Who asks again at once may find that the launcher doesn't know of the death yet."""
    vm.command("date")
    vm.command("ping 10.0.2.2 3", 60)  # two seconds, in which it is asked whether it is well
    shown = dies_of_the_next_request(vm, "pl031", "shell", "date")
    assert_contains(shown, r"^(no clock: rtc:Clock is not up|20\d\d-\d\d-\d\d)")
    assert_contains(vm.command("date"), r"^20\d\d-\d\d-\d\d")


def who_asks_for_entropy_asks_the_next_life(vm):
    """The stack needs a secret before it does anything else."""
    dies_of_the_next_request(vm, "virtio-rng", "net", "restart net")
    assert not events(vm, r"net: WARNING: no entropy source")
    end = time.monotonic() + 60
    while "1 sent, 1 answered" not in vm.command("ping 10.0.2.2 1", 60):
        assert time.monotonic() < end, "the network doesn't work again"


def what_is_not_asked_again_ends_in_words(vm):
    """The answer to a ping, which nobody gives here, is waited for when the stack dies."""
    vm.command("kill net 2500")  # by then the first of them waits, and for 4 s
    shown = vm.command("ping 10.0.2.99 5", 90)
    assert_contains(shown, r"^no network stack answers: domains shows whether net runs")
    end = time.monotonic() + 60
    while "1 sent, 1 answered" not in vm.command("ping 10.0.2.2 1", 60):
        assert time.monotonic() < end, "the network doesn't work again"


def loops_in_silence(vm, name, use, rest):
    """
    Each instruction of it becomes a jump to itself, for good: its next life has other text.  False
    if the change itself was seen first; then it is undone.
    """
    jump_here = bytes.fromhex("00000014")
    silence = rf"app:App: silence: {name} didn't answer: it was executing"
    spare = rf"app:App: {name}: its text is damaged, so it gets the spare copy"
    either = rf"(?:{silence}|app:App: {name}: its text has changed while it runs)"
    vm.command(f"restart {name}")  # with its usual text
    wait_state(vm, name, "running", 60)
    physical, length = text_of(vm, name)
    time.sleep(rest)  # until nobody asks it about its last work, and sees the text instead
    silences, seen, spares = (len(events(vm, pattern)) for pattern in (silence, either, spare))
    before = overwrite(vm, physical, jump_here * (length // 4))
    vm.send_line(use)
    wait_event(vm, either, more_than=seen)
    wait_event(vm, spare, more_than=spares)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    wait_state(vm, name, "running", 60)
    if len(events(vm, silence)) > silences:
        return True
    print(f"     {name}: its text was looked at first")
    overwrite(vm, physical, before)
    return False


def a_driver_that_loops_is_caught_and_back(vm):
    """A busy host's second is less of the guest's, and then the change itself may be seen."""
    for name, use, answer in (("pl031", "date", r"20\d\d-\d\d-\d\d"),
                              ("virtio-net", "ping 10.0.2.2 1", "1 sent, 1 answered")):
        assert any(loops_in_silence(vm, name, use, rest) for rest in RESTS), \
            f"{name}: each time the change was seen first:\n{vm.tail()}"
        end = time.monotonic() + 60
        while not re.search(answer, vm.command(use, 60)):
            assert time.monotonic() < end, f"{name} doesn't work again"
        assert int(row(vm, "domains", name)[-1]) >= 1
    assert vm.wait_https()[0] == 200


def a_bit_of_text_that_flips_is_found_before_it_matters(vm):
    """One that nobody executes: the driver works, answers, and has another life all the same."""
    for name, use, answer in (("pl031", "date", r"20\d\d-\d\d-\d\d"),
                              ("virtio-net", "ping 10.0.2.2 1", "1 sent, 1 answered")):
        wait_state(vm, name, "running", 60)
        before = int(row(vm, "domains", name)[-1])
        physical, length = text_of(vm, name)
        was = overwrite(vm, physical + length - 8, b"\x10")
        end = time.monotonic() + 60
        while int(row(vm, "domains", name)[-1]) == before:
            assert re.search(answer, vm.command(use, 60))
            assert time.monotonic() < end, f"{name} runs with damaged text"
        wait_event(vm, rf"app:App: {name}: its text has changed while it runs")
        assert re.search(rf"{name} .*its text changed", vm.command("crashes")), \
            vm.command("crashes")
        wait_state(vm, name, "running", 60)
        overwrite(vm, physical + length - 8, was)
        assert re.search(answer, vm.command(use, 60))


def who_has_no_sound_text_is_left_alone_with_it(vm):
    """A flip that its next life would have, too, ends no life: most do no harm."""
    flips = []
    for _ in range(2):
        before = int(row(vm, "domains", "pl031")[-1])
        physical, length = text_of(vm, "pl031")
        flips.append((physical + length - 8, overwrite(vm, physical + length - 8, b"\x10")))
        end = time.monotonic() + 60
        while int(row(vm, "domains", "pl031")[-1]) == before:
            vm.command("date", 60)
            assert time.monotonic() < end, "pl031 runs with damaged text"
        wait_state(vm, "pl031", "running", 60)
    assert flips[0][0] != flips[1][0], flips
    wait_event(vm, r"app:App: pl031: both copies of its text are damaged")
    before = row(vm, "domains", "pl031")[-1]
    for _ in range(15):
        assert re.search(r"20\d\d-\d\d-\d\d", vm.command("date", 60))
        time.sleep(0.2)
    assert row(vm, "domains", "pl031")[-1] == before
    for place, was in flips:
        overwrite(vm, place, was)
    vm.command("restart pl031")


def the_launchers_death_is_a_reboot_with_a_report(vm):
    physical, length = text_of(vm, "app:App")
    overwrite(vm, physical, bytes(length))  # no instructions
    vm.expect(r"the launcher stopped: \S.* at 0x[0-9a-f]+, pc 0x[0-9a-f]+, sp 0x[0-9a-f]+", 60)
    vm.expect(r"called from 0x[0-9a-f]+ \(launcher's text \+ 0x[0-9a-f]+\)")
    vm.expect(r"^Rotunda: EL1")
    vm.wait_prompt()
    assert vm.command("crashes").strip() == "nobody has died"
    assert vm.wait_https()[0] == 200


def restart_without_entropy(vm, name, *said):
    vm.command("stop virtio-rng")
    vm.drain()
    vm.seen = len(vm.text)
    vm.send_line(f"restart {name}")
    for pattern in said:
        vm.expect(f"{name}: {pattern}", 60)
    vm.send_line("")
    vm.wait_prompt()


def who_began_without_entropy_has_a_good_secret_when_it_is_there(vm):
    """A stack that finds the source down has keys of a weak seed, loudly, and not for good."""
    restart_without_entropy(vm, "net", r"WARNING: no entropy source \(peer dead\)", r"address")
    outside = Outside(vm)
    keys = [outside.variable("net", name) for name in ("sequence_key", "random_key")]
    weak = [outside.live.read(*key) for key in keys]
    assert len({*weak, bytes(16)}) == 3, weak
    vm.send_line("launch virtio-rng")
    vm.expect(r"net: there is an entropy source now: sequence numbers and ports come from it", 60)
    outside.refresh()
    good = [outside.live.read(*key) for key in keys]
    assert len({*weak, *good, bytes(16)}) == 5, (weak, good)
    assert vm.wait_https()[0] == 200
    vm.wait_prompt()


def who_began_without_entropy_has_tls_when_it_is_there(vm):
    """A web server that finds the source down serves without TLS, loudly, and not for good."""
    restart_without_entropy(vm, "web", r"NO TLS: no entropy source \(peer dead\)")
    vm.send_line("launch virtio-rng")
    vm.expect(r"web: there is an entropy source now: starting again, with TLS", 60)
    assert vm.wait_https()[0] == 200
    vm.wait_prompt()


def a_launcher_that_ends_itself_is_a_reboot_with_a_report(vm):
    """Its loop can't wait any more: the handle of its event is overwritten."""
    outside = Outside(vm)
    launcher = outside.launcher
    place = outside.physical(launcher.domain, launcher.variable("event")[0])
    overwrite(vm, place, bytes(range(8)))
    vm.expect(r"app:App: the loop can't wait: bad handle", 60)
    vm.expect(r"the launcher stopped: breakpoint at 0x[0-9a-f]+, pc 0x[0-9a-f]+, sp 0x[0-9a-f]+")
    vm.expect(r"called from 0x[0-9a-f]+ \(launcher's text \+ 0x[0-9a-f]+\)")
    vm.expect(r"^Rotunda: EL1")
    vm.wait_prompt()
    assert vm.wait_https()[0] == 200


def page_shows_the_code_that_is_built(vm):
    page.shows_the_code_that_is_built("supervision.md", 2)


TESTS = [
    page_shows_the_code_that_is_built,
    without_deaths_there_is_nothing_to_tell,
    a_crash_at_every_start_is_given_up,
    crashes_tells_who_died_of_what,
    crashes_tells_the_whole_story,
    an_exit_code_is_a_death_too,
    a_failed_assertion_is_told_with_its_place,
    an_address_of_no_domain_is_told_too,
    who_loops_is_caught_within_a_second,
    who_waits_for_ever_is_caught,
    who_is_slow_is_left_alone,
    who_is_kept_from_running_is_not_blamed,
    who_is_in_a_call_is_not_blamed_for_it,
    who_depends_on_a_failed_service_is_told,
    a_failed_service_is_back_after_a_restart_by_hand,
    everybody_else_is_unaffected,
    who_asks_the_time_is_told_or_asks_the_next_life,
    who_asks_for_entropy_asks_the_next_life,
    what_is_not_asked_again_ends_in_words,
    a_bit_of_text_that_flips_is_found_before_it_matters,
    who_has_no_sound_text_is_left_alone_with_it,
    a_driver_that_loops_is_caught_and_back,
    who_began_without_entropy_has_a_good_secret_when_it_is_there,
    who_began_without_entropy_has_tls_when_it_is_there,
    the_launchers_death_is_a_reboot_with_a_report,
    a_launcher_that_ends_itself_is_a_reboot_with_a_report,
]


if __name__ == "__main__":
    sys.exit(run_with_domains(TESTS, DOMAINS, icount="shift=5,sleep=on"))
