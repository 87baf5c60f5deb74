"""
A hostile client of each service (tests/target/intruder), while honest ones of the same and of
other services go on being served.  How many messages, and from which seed, is the caller's choice.
"""

import collections
import os
import re
import resource
import tempfile
import time

import portions
import rotunda_vm
from honest import HONEST_SECONDS, HonestClient
from launcher_test import manifest_text, pack, row
from rotunda_vm import wait_equal

DOMAINS = os.path.join(rotunda_vm.ROOT, "tests", "target", "intruder", "hostile.dtsi")
TABLES_FRAMES = 32  # tables are more or fewer by where segments happen to lie
OPENINGS = 500  # among which there are some with a doorbell of somebody else's
REPORT_CHARACTERS = 4000  # at the end of the console's text, among which a report is found
MANY = 100000  # messages, among which each kind of attack occurs
FEW = 1000  # that one sends who never stops, however often somebody takes its place
ENDLESS_MS = 3000  # of guest time, which is several looks of the launcher
DECOY = "decoy"  # whom nobody needs: app:Inspect lets its clients start, stop and kill
# QEMU's own network keeps a socket for minutes for each port that a hostile client sends from, some
# 3,000 in a million messages, and lets nobody in once it may have no more.
MESSAGES_OF_A_MACHINE = 2000000
PAUSE_SECONDS = 0.5  # between what honest clients ask for

# Who plays it, and what can be asked for meanwhile: of a service with one client only, the honest
# one is out until the other has gone.
Attack = collections.namedtuple("Attack", "service program pages prompt has_rings answers",
                                defaults=[False, False])

ATTACKS = [
    Attack("net:Tcp", "intruder", True, True, has_rings=True, answers=True),
    Attack("net:Udp", "intruder", True, True, has_rings=True, answers=True),
    Attack("net:Status", "intruder", True, True, has_rings=True, answers=True),
    Attack("console:Tty", "intruder", True, True),
    Attack("rng:Entropy", "intruder", True, True),
    Attack("rtc:Clock", "intruder", True, True),
    Attack("app:App", "intruder", True, True),
    Attack("app:Inspect", "intruder", True, True),
    Attack("net:Link", "usurper", False, True, has_rings=True, answers=True),
    Attack("uart:Port", "usurper", True, False, has_rings=True),  # says what is typed: nothing
]
SERVICES = [attack.service for attack in ATTACKS]


class Honest(HonestClient):
    """Asks for pages and at the prompt, and remembers how it was served."""

    def __init__(self, vm):
        super().__init__(self.get, (OSError,))
        self.vm, self.commands = vm, 0

    def get(self):
        status, _, body = self.vm.get("/", timeout=4 * HONEST_SECONDS)
        assert status == 200 and b"Rotunda" in body, (status, body[:100])

    def command(self, has_network):
        if has_network:
            # One may be lost: datagrams have no right to the queue's last places.
            answers = [self.vm.command("ping 10.0.2.2 1", 60)]
            while "1 sent, 1 answered" not in answers[-1]:
                assert len(answers) < 3, answers
                answers.append(self.vm.command("ping 10.0.2.2 1", 60))
        answer = self.vm.command("date", 60)
        assert re.search(r"20\d\d-\d\d-\d\d", answer), answer
        self.commands += 1

    def look(self):
        """As another client of app:Inspect."""
        assert "running" in row(self.vm, "domains", "web")

    def said(self):
        return (f"{self.pages} pages in {self.longest:.2f} s at most, {self.late} late, "
                f"{self.commands} commands answered")


def report_of(vm, service, at):
    """What the hostile client says at its end; None before that, if it still can come to that."""
    text = rotunda_vm.plain(vm.text[at:])
    found = re.search(rf": {service}: (\d+ messages taken,.*(?:\n.*)*? calls granted)", text)
    assert not re.search(rf": {service}( (died|refuses|took a|answers)|: (its buffer|[a-z ]+: ))",
                         text), vm.tail()
    assert not re.search(r"^Rotunda: EL|fault:", text, re.M), vm.tail()
    if found is None:
        return None
    return {name: int(count) for count, name in re.findall(r"(?<![\d.])(\d+) ([a-z ]+[a-z])",
                                                           found[1])}


def rings_of(vm, service):
    """Who has rings with whom, and where, but for this service's: the same place, the same life."""
    rings = re.findall(r"^(\S+) +(\S+) +(ring \S+) .* (0x[0-9a-f]+)$", vm.command("rings"), re.M)
    return sorted(ring for ring in rings if ring[2] != f"ring {service}")


def clients_of(vm):
    """How many connections each service has."""
    rows = [line.split() for line in vm.command("services").splitlines()[1:]]
    return {words[0]: words[-2] for words in rows}


def wait_quiet(vm):
    """The attack on the serial port leaves half a line behind."""
    vm.drain(0.5)
    vm.send_line("")
    vm.wait_prompt()


def restarts_of(vm):
    return {name: count for name, count in vm.restarts().items() if name != DECOY}


def is_thorough(report, attack):
    """Everything that such an attack is made of was in it, and it ended connections."""
    wanted = ["calls granted"] if not attack.has_rings else [
        "resets", "jumps", "words changed after", "lives mute", "openings stale", "lengths zero",
        "lengths greatest"]
    missing = [what for what in wanted + ["answers left"] * attack.answers if report[what] == 0]
    assert not missing, (missing, report)


def attack_run(vm, attack, messages, seed, honest):
    """One hostile client from its first message to its last; its report."""
    vm.drain()
    at = vm.seen = len(vm.text)
    vm.send_line(f"launch {attack.program} {attack.service}={messages}/{seed}")
    if attack.prompt:
        vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    end = at
    while (report := report_of(vm, attack.service, at)) is None:
        at, end = max(at, end - REPORT_CHARACTERS), len(vm.text)  # the serial port's says a lot
        if attack.pages:
            honest.page()
        if attack.prompt:
            honest.command(attack.pages)
        if attack.service == "app:Inspect":
            honest.look()
        vm.pump(PAUSE_SECONDS)
    wait_quiet(vm)
    vm.command(f"stop {DECOY}")
    vm.wait_https()
    wait_equal(f"{attack.program} runs", lambda: "running" in row(vm, "domains", attack.program),
               False)
    assert report["messages taken"] + report["calls"] >= messages, report
    assert report["bells of others"] > 0 or report.get("openings", 0) < OPENINGS, report
    if messages >= MANY:
        is_thorough(report, attack)
    return report


def only_its_connection_is_reset(vm, attack, messages, seed):
    honest = Honest(vm)
    honest.page()
    honest.command(True)
    attack_run(vm, attack, messages // 50, seed + 1, honest)  # what grows once has grown now
    restarts, frames, clients = restarts_of(vm), vm.frames_in_use(), clients_of(vm)
    rings = rings_of(vm, attack.service if not (attack.pages and attack.prompt) else "")
    assert len(rings) >= 4, rings
    begin = time.monotonic()
    report = attack_run(vm, attack, messages, seed, honest)
    print(f"     {attack.service}: " + ", ".join(f"{count} {name}" for name, count
                                                 in report.items() if count)
          + f"; {time.monotonic() - begin:.0f} s; {honest.verdict()}")
    honest.page()
    honest.command(True)
    wait_equal("restarts", lambda: restarts_of(vm), restarts)
    wait_equal("clients", lambda: clients_of(vm), clients)
    wait_equal("rings", lambda: rings_of(vm, "" if attack.pages and attack.prompt
                                         else attack.service), rings)
    wait_equal("frames in use, as tables go with places", lambda: abs(
        vm.frames_in_use() - frames) <= TABLES_FRAMES, True)
    assert "fault:" not in vm.text, vm.tail()


def who_takes_many_places_leaves_some(vm):
    """One domain asks for sixteen connections; the web server, started again, gets its own."""
    vm.send_line("launch intruder net:Tcp=0/1")
    vm.expect(r"intruder: net:Tcp: took 4 places of 16 tried", 60)
    vm.send_line("restart web")
    vm.expect(r"web: https on port", 60)
    vm.expect(r"^" + rotunda_vm.PROMPT + r"\Z", 60)
    assert vm.wait_https()[0] == 200
    vm.command("stop intruder")


def who_never_stops_ends_nobody(vm, attack):
    """Where it has a processor for itself there always is another message."""
    restarts = restarts_of(vm)
    vm.drain()
    at = vm.seen = len(vm.text)
    vm.send_line(f"launch {attack.program} {attack.service}+{ENDLESS_MS}")
    said = re.compile(rf": {attack.service}: (\d+) messages without a stop, in (\d+) lives")
    while (found := said.search(rotunda_vm.plain(vm.text[at:]))) is None:
        vm.pump(PAUSE_SECONDS)
    print(f"     {attack.service}: {found[1]} messages in {found[2]} lives, {ENDLESS_MS} ms")
    assert int(found[1]) >= FEW, vm.tail()
    wait_quiet(vm)
    vm.wait_https()
    wait_equal("restarts", lambda: restarts_of(vm), restarts)


def attack_in_a_machine(image, service, messages, seed, cpus):
    """One service's, with a machine for itself; exit status."""
    attack = next(attack for attack in ATTACKS if attack.service == service)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with rotunda_vm.Machine(image, smp=cpus) as vm:
        vm.wait_prompt()
        vm.wait_https()
        tests = {f"only_its_connection_is_reset: {service}, {cpus} CPU":
                 lambda vm: only_its_connection_is_reset(vm, attack, messages, seed)}
        if service == "net:Tcp":
            tests["who_takes_many_places_leaves_some"] = who_takes_many_places_leaves_some
        if attack.has_rings and cpus > 1:
            tests[f"who_never_stops_ends_nobody: {service}"] = (
                lambda vm: who_never_stops_ends_nobody(vm, attack))
        results = [rotunda_vm.run_test(test, vm, name) for name, test in tests.items()
                   if vm.is_running()]
    return int(len(results) < len(tests) or any(result.error for result in results))


def run_all(messages, seed, services=SERVICES, cpus=1):
    """Exit status for sys.exit."""
    wanted = rotunda_vm.wanted_tests()
    if not os.path.exists(os.path.join(rotunda_vm.build_folder(), "rotunda-test.pack")):
        return rotunda_vm.CANNOT_RUN
    with open(DOMAINS, encoding="utf-8") as stream:
        text = manifest_text([("    domains {\n", "    domains {\n" + stream.read())])
    with tempfile.TemporaryDirectory() as folder:
        image = pack(text, folder, "rotunda-test")
        machines = -(-messages // MESSAGES_OF_A_MACHINE)
        shares = [portions.Part(number + 1, machines).share(messages) for number in range(machines)]
        return portions.side_by_side(
            [(attack_in_a_machine, image, service, share, seed + 2 * number, cpus)
             for service in wanted or services for number, share in enumerate(shares)], cpus)
