"""
Single bits of drivers flipped through the debugger's port: in text, data with heap, stacks, and in
registers while the driver executes.  After each flip the driver is used, and has to work, perhaps
after the supervisor has started it again; everybody else has to be untouched.

What flips is random, from a seed, so most flips hit what nobody uses.  Some more are aimed at data
in use and counted apart: a driver that gives wrong answers since then isn't noticed.  A flip is
undone (text) or outlived (a restart) before the next, so that each is judged by itself; only those
in data and stacks that had no effect stay, the aimed ones apart.  A register can be flipped only
while the driver executes; where it didn't, another use follows, and then another choice, so that
all flips counted are flips that were made.

The power button's driver may not switch the machine off here, so it can be used again and again: it
says that the button was pressed, asks the launcher, and is refused.

The flips come in pieces, each with a seed and a machine of its own, some machines side by side.
The machine's memory is a file that this process maps, too, so looks from outside cost little.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import os
import random
import re
import resource
import struct
import tempfile
import time
import traceback

import portions
import rotunda_vm
from debugger import PC, Debugger
from launcher_test import manifest_text, pack
from outside import Outside
from post_mortem.memory import Unreadable

MEMORY = 128 << 20
BACK_SECONDS = 40
USE_SECONDS = 1  # that one use may take; another follows, for characters get lost with their driver
QUIET_SECONDS = 0.05  # of the console, after which nothing is on its way
DOWN_SECONDS = 0.2  # and somewhat less is the button, once it is pressed
WAKE_SECONDS = 5  # until a driver begins with what it is wanted for
AGAIN_SECONDS = 0.1  # until it waits again, if it does
REGISTER_TRIES = 5  # uses, until one is still under way where a register is to be flipped
MISSES_EXCUSED = 5  # of registers, beyond as many as were flipped
LOG_LINES = 12  # of the kernel's, that are shown when a driver isn't back
TEXT_MAX = 200000  # of the console, before the older half is dropped
FLIPS_A_MACHINE = 500
POWER_OFF = ("            may-power-off;\n", "")  # in the manifest, of the button's driver alone
PLACES = ("text", "data", "stack", "register")
AIMED = "used"  # data again, but only what is in use: not the chance of a bit, so counted apart
AIMED_EACH = 10  # flips between two of those
STEPS_MAX = 200  # instructions behind the loop's waiting that the driver is stopped at
CANARIES_EACH = 25  # flips between looks at everybody's memory from outside
WORD_BITS = 64
RATE_BACK = 0.999  # of the flips, after which the driver works, at once or soon
TELLING = 2000  # flips, that tell such a rate
TIMES_MAX = 5  # as many flips as were wanted, if these are fewer and the rate is below
KEEPERS = ("keeper0", "keeper1")

KEEPER = """
        {name} {{
            program = "neighbour";
            argument = "alone";
            priority = <12 12>;
            system-calls = "service";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
        }};
"""
DICE = """
        dice {
            start = "on-demand";
            priority = <12 12>;
            system-calls = "service";
            connects = "rng:Entropy";
            heap-bytes = <0x8000>;
            stack-bytes = <0x4000>;
        };
"""

# What one types to use a driver, and what is then seen.
USES = {
    "pl031": ("date", r"^20\d\d-\d\d-\d\d"),
    "virtio-net": ("ping 10.0.2.2 1", r"1 sent, 1 answered"),
    "virtio-rng": ("launch dice", r"dice: rolled [0-9a-f]{16}: ok"),
    "pl011": ("echo well and good", r"^well and good"),
}
BUTTON = "pl061"  # which is pressed
PRESSED = r"pl061: the power button was pressed[\s\S]*?pl061: cannot switch off: denied"
# Said of a domain that has died of something, whatever follows.
DEATH = re.compile(r"app:App: (\S+): (?:will be started again|given up|stays down) ")
AT_PROMPT = re.compile(rf"^{rotunda_vm.PROMPT}\Z", re.M)
NO_ANSWER = re.compile(r"runs already|dice: rolled \w+: (?!ok)")
DRIVERS = (*USES, BUTTON)

Piece = collections.namedtuple("Piece", "driver number flips seed")


class Count(collections.Counter):
    """Of one driver or of all: what was tried, died and was lost, by place."""

    def all(self, what):
        return sum(self[what, place] for place in PLACES)

    def line(self, driver):
        tried, died, lost = (self.all(what) for what in ("tried", "died", "lost"))
        places = ", ".join("{} {}/{}/{}".format(place, *(self[what, place] for what in
                                                         ("tried", "died", "lost")))
                           for place in PLACES)
        return (f"{driver}: {tried} flips: {tried - died - lost} without effect, {died} died and "
                f"back, {lost} not back (tried/died/not back: {places}); aimed at data in use: "
                f"{self['tried', AIMED]}, {self['died', AIMED]} died and back, "
                f"{self['lost', AIMED]} not back; {self['missed']} times another choice of a "
                "register, since nothing of the driver was executed")


class Lost(AssertionError):
    """The driver is not back without help."""


class Gone(Exception):
    """Nor can it be helped, since nothing can be typed any more."""


class Late(Exception):
    """The driver is not in the life any more that was looked at: it has died of an earlier flip."""


class Missed(Exception):
    """No register was flipped, since the driver didn't execute."""


class Target:
    """One driver in one machine, with the debugger on it."""

    def __init__(self, vm, ram, piece, count, say):
        self.vm = vm
        self.driver = piece.driver
        self.random = random.Random(piece.seed)
        self.count = count
        self.say = say
        self.what = "nothing"
        self.place = None
        self.pressed = 0  # when the button was, by the host's clock
        self.heard = len(vm.text)  # of the console, as far as deaths have been counted
        self.outside = Outside(vm, ram)
        self.debugger = Debugger(vm, 30)
        self.debugger.__enter__()
        self.debugger.go()
        self.look()
        self.others = self.others_restarts()

    def close(self):
        self.debugger.halt()
        self.debugger.__exit__()

    def others_restarts(self):
        return {name: number for name, number in restarts(self.vm).items()
                if name not in (self.driver, "dice")}

    def look(self):
        """Where the driver has what, in this life of it; once it waits for something to do."""
        end = time.monotonic() + BACK_SECONDS
        while not self.looked():
            if time.monotonic() > end:
                raise Gone(f"{self.driver}, which never waits, after {self.what}; "
                           f"{self.seen_outside()}")
            time.sleep(0.001)

    def looked(self):
        self.debugger.halt()
        self.outside.refresh()
        kernel = self.outside.kernel
        try:
            self.domain = self.outside.domain(self.driver)
            segments = self.outside.segments(self.domain)
            self.segments = {kind: next(s for s in segments
                                        if s.label == f"{self.driver}.{kind}"[:16])
                             for kind in ("text", "data", "stack")}
            self.stacks = [self.segments["stack"],
                           *(s for s in segments if s.label == "portal stacks")]
            data = self.segments["data"]
            words = struct.iter_unpack("<Q", kernel.view_read(self.domain, data.address,
                                                              data.length))
            self.used = [data.address + 8 * i for i, (word,) in enumerate(words) if word != 0]
            thread = kernel.threads(self.domain)[0]
            self.waits_at = thread.pc
            self.sp = kernel.field("struct thread", thread.at, "cross.regs.sp")
            state = kernel.types.word("thread_state", thread.state, "THREAD_STATE_")
            return state == "waiting event"
        except (AssertionError, Unreadable, StopIteration, IndexError):
            return False  # it stands still amidst a change
        finally:
            self.debugger.go()

    # Flipping.

    def halt(self):
        """Halt the machine, with the driver in the life that was looked at."""
        self.debugger.halt()
        self.outside.refresh()
        try:
            domain = self.outside.domain(self.driver)
            is_same = (domain.at, domain.id, domain.root, domain.state) \
                == (self.domain.at, self.domain.id, self.domain.root, self.domain.state)
        except (AssertionError, Unreadable):
            is_same = False  # if it only stands still amidst a change, the driver dies in vain
        if not is_same:
            self.debugger.go()
            raise Late

    def flip_memory(self, choose):
        """Where `choose` says, but no guard page: there is nothing to flip."""
        while True:
            flipped = self.flip_byte(choose())
            if flipped is not None:
                return flipped

    def flip_byte(self, address):
        bit = self.random.randrange(8)
        self.halt()
        try:
            physical = self.outside.physical(self.domain, address)
            if physical is None:
                return None
            before = self.debugger.read(physical, 1)[0]
            self.debugger.write(physical, bytes([before ^ 1 << bit]))
        finally:
            self.debugger.go()
        self.what = f"bit {bit} at {address:#x}, {self.name_of(address)}"
        return physical, before

    def name_of(self, address):
        return self.outside.launcher.function_at(address) or next(
            (f"{kind}+{address - segment.address:#x}" for kind, segment in self.segments.items()
             if segment.address <= address < segment.address + segment.length), "portal stacks")

    def anywhere(self, segment):
        return segment.address + self.random.randrange(segment.length)

    def flip_text(self):
        return self.flip_memory(lambda: self.anywhere(self.segments["text"]))

    def undo(self, flipped):
        """What flip_text() has returned, or None: nothing."""
        if flipped is not None:
            self.debugger.halt()
            self.debugger.write(flipped[0], bytes([flipped[1]]))
            self.debugger.go()

    def flip_data(self):
        self.flip_memory(lambda: self.anywhere(self.segments["data"]))

    def flip_used(self):
        """Data where something else than zero was at the beginning of this life."""
        self.flip_memory(lambda: self.random.choice(self.used) + self.random.randrange(8))

    def flip_stack(self):
        self.flip_memory(self.somewhere_on_a_stack)

    def somewhere_on_a_stack(self):
        """Half of them where the loop's thread has what it will come back to."""
        stack = self.segments["stack"]
        top = stack.address + stack.length
        if self.random.random() < 0.5 and stack.address < self.sp < top:
            return self.random.randrange(self.sp, top)
        return self.anywhere(self.random.choice(self.stacks))

    def flip_register(self):
        """While it is used; a use that is over too early is followed by another."""
        for _ in range(REGISTER_TRIES):
            self.rest()
            start = len(self.vm.text)
            is_flipped = self.flip_register_in_use()
            self.is_answered(start)  # perhaps wrongly, or never: what is judged comes after it
            if is_flipped:
                return
        raise Missed

    def flip_register_in_use(self):
        """Some instructions after the driver has begun to do what it is wanted for."""
        self.what = "no register: it didn't execute"
        debugger = self.debugger
        self.halt()
        debugger.breakpoint(self.waits_at, True)
        debugger.go()
        self.use()
        is_flipped = False
        if not debugger.has_stopped(WAKE_SECONDS * rotunda_vm.busy()):
            debugger.halt()
        elif self.step_somewhere() or self.is_at_wait_again():
            number, bit = self.random.randrange(PC + 1), self.random.randrange(WORD_BITS)
            debugger.register_set(number, debugger.register(number) ^ 1 << bit)
            self.what = (f"bit {bit} of register {number} at "
                         f"{self.name_of(debugger.register(PC))}")
            is_flipped = True
        debugger.breakpoint(self.waits_at, False)
        debugger.go()
        return is_flipped

    def step_somewhere(self):
        """Some way into the driver's text; False: that ended before."""
        text = self.segments["text"]
        wanted = self.random.randrange(STEPS_MAX)
        for step in range(2 * STEPS_MAX):
            if step >= wanted \
                    and text.address <= self.debugger.register(PC) < text.address + text.length:
                return True
            self.debugger.step()
        return False

    def is_at_wait_again(self):
        self.debugger.go()
        stops = self.debugger.has_stopped(AGAIN_SECONDS)
        if not stops:
            self.debugger.halt()
        return stops

    # Judging.

    def use(self):
        """How much the console had said when it began."""
        start = len(self.vm.text)
        if self.driver == BUTTON:
            self.vm.qmp("system_powerdown")
            self.pressed = time.monotonic()
        else:
            self.vm.send_line(USES[self.driver][0])
        return start

    def rest(self):
        """Before a use: who presses a button that is still down does nothing."""
        time.sleep(max(0, self.pressed + DOWN_SECONDS - time.monotonic()))

    def is_useful(self):
        self.rest()
        return self.is_answered(self.use())

    def is_answered(self, start):
        """Whether a use is, which began when the console had said so much; at once."""
        use, answer = USES.get(self.driver, (None, PRESSED))
        answer = re.compile(answer, re.M)
        end = time.monotonic() + USE_SECONDS * rotunda_vm.busy()
        while True:
            text = self.vm.text
            # No prompt need follow what is said in the log.
            if self.driver == BUTTON or AT_PROMPT.search(text, start):
                if answer.search(text, start):
                    return True
                # The answer comes before the prompt, but for these.
                if self.driver == "virtio-rng" and NO_ANSWER.search(text, start) \
                        or self.driver not in ("virtio-rng", BUTTON) \
                        and text.find(use, start) >= 0:
                    return False
            left = end - time.monotonic()
            if left <= 0:
                return False
            self.vm.pump(left if self.vm.is_running() else 0)

    def wait_back(self):
        """Until it works; how often it has died since that was asked last."""
        end = time.monotonic() + BACK_SECONDS
        while not self.is_useful():
            if time.monotonic() > end:
                raise Lost(f"{self.driver} is not back after {self.what}")
            assert self.vm.is_running(), self.vm.qemu_errors()
            self.vm.send("\r")
            self.vm.drain(QUIET_SECONDS)
        return self.deaths()

    def deaths(self):
        """Of the driver, since that was asked last."""
        text = self.vm.text
        dead = 0
        for death in DEATH.finditer(text, self.heard):
            assert death[1] in (self.driver, "dice"), \
                f"after {self.what}, {death[1]} died, too:\n{self.vm.tail()}"
            dead += death[1] == self.driver
            self.heard = death.end()
        self.heard = max(self.heard, text.rfind("\n") + 1)
        return dead

    def try_one(self, place):
        """One flip, and what becomes of it."""
        if self.heard > TEXT_MAX:
            self.vm.forget(self.heard - TEXT_MAX // 2)
            self.heard = TEXT_MAX // 2
        flipped = None
        while True:
            self.rest()  # so that it is used at once, before the launcher looks at its text
            try:
                flipped = getattr(self, f"flip_{place}")()
                break
            except Late:
                self.judge(self.place)
                self.renew(self.place, 0)
            except Missed:
                self.miss()
        self.count["tried", place] += 1
        self.place = place
        deaths = self.judge(place)
        self.undo(flipped)
        if deaths != 0 or place == AIMED:
            self.renew(place, deaths)

    def miss(self):
        """Nothing was flipped, so there is nothing to outlive; but it mustn't become a habit."""
        self.count["missed"] += 1
        missed, flipped = self.count["missed"], self.count["tried", "register"]
        assert missed <= flipped + MISSES_EXCUSED, (
            f"{missed} times no register was flipped, and {flipped} times one was; "
            f"{self.seen_outside()}")

    def judge(self, place):
        """How often it died; None: it isn't back without help."""
        try:
            deaths = self.wait_back()
            self.count["died", place] += deaths > 0
            return deaths
        except Lost as lost:
            self.count["lost", place] += 1
            self.say(f"LOST: {lost}; {self.seen_outside()}\n--- the end of its console\n"
                     f"{self.vm.tail()}\n---")
            return None

    def seen_outside(self):
        """What the driver does, and the end of the kernel's log: the console may be dead."""
        self.debugger.halt()
        self.outside.refresh()
        kernel = self.outside.kernel
        try:
            threads = kernel.threads(self.outside.domain(self.driver))
            does = "; ".join(
                f"{kernel.types.word('thread_state', thread.state, 'THREAD_STATE_')} at "
                f"{self.outside.launcher.function_at(thread.pc)}" for thread in threads)
        except (AssertionError, Unreadable) as error:
            does = f"{error}"
        log = "\n".join(self.outside.log().split("\n")[-LOG_LINES:])
        self.debugger.go()
        return f"its threads: {does}; the end of the log:\n{log}"

    def renew(self, place, deaths):
        """Another life, without the flip's traces; and failures are forgotten."""
        try:
            if deaths != 0:
                self.vm.send("\r")
                self.vm.drain(QUIET_SECONDS)
            self.vm.command(f"restart {self.driver}", 30)
            self.wait_back_after_help()
        except rotunda_vm.VmError as error:
            raise Gone(f"{self.driver} after {self.what}, {self.vm.qmp('query-status')}: {error}; "
                       f"{self.seen_outside()}") from None
        if self.deaths() and deaths == 0:
            self.count["died", place] += 1
        self.look()

    def wait_back_after_help(self):
        end = time.monotonic() + BACK_SECONDS
        while not self.is_useful():
            self.vm.send("\r")
            self.vm.drain(QUIET_SECONDS)
            if time.monotonic() > end:
                raise Gone(f"{self.driver} after {self.what}; {self.seen_outside()}\n"
                           f"{self.vm.tail()}")

    def check_canaries(self):
        """Of two domains; the texts of all, and the kernel's; and nobody else has died."""
        others = self.others_restarts()
        assert others == self.others, f"{others}, before {self.others}"
        self.check_memory()

    def check_memory(self):
        """What of that is seen from outside."""
        outside = self.outside
        self.debugger.halt()
        outside.refresh()
        for name in KEEPERS:
            dead, words = outside.dead_canaries(name)
            assert dead == 0 and words > 500, f"{name}: {dead} of {words} canaries are dead"
        damaged = outside.damaged_texts()
        assert not damaged, f"texts of {damaged} have changed"
        assert "kernel panic: " not in outside.log(), self.vm.tail()
        self.debugger.go()


def restarts(vm):
    """Of all domains; asked until it is said twice, for the log may speak amidst the answer."""
    while True:
        found = vm.restarts()
        if found and found == vm.restarts():
            return found


def image_with_keepers(folder):
    domains = DICE + "".join(KEEPER.format(name=name) for name in KEEPERS)
    return pack(manifest_text([("    domains {\n", "    domains {\n" + domains), POWER_OFF]),
                folder, "rotunda-test")


@contextlib.contextmanager
def machine(image):
    """One, and the file that its memory is."""
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder:
        ram = os.path.join(folder, "ram")
        with open(ram, "wb") as stream:
            stream.truncate(MEMORY)
        options = ["-object", f"memory-backend-file,id=ram,size={MEMORY},mem-path={ram},share=on",
                   "-machine", "memory-backend=ram"]
        with rotunda_vm.Machine(image=image, memory=f"{MEMORY >> 20}M", options=options) as vm:
            yield vm, ram


def flip_piece(image, piece, count, say):
    """All its flips, in as many machines as it takes."""
    number = 0
    while number < piece.flips:
        with machine(image) as (vm, ram):
            vm.wait_prompt()
            # Who connects before that waits for seconds.
            vm.expect_ever(" by DHCP", rotunda_vm.BOOT_SECONDS)
            vm.wait_https()
            seed = f"{piece.seed} {number}"
            target = Target(vm, ram, piece._replace(seed=seed), count, say)
            try:
                number = flip_until_gone(target, number, piece.flips)
            except AssertionError as error:
                raise AssertionError(f"after {target.what}, seed {seed!r}: {error}") from error


def flip_until_gone(target, number, flips):
    """On one machine, until all is done or it takes no more orders; what is next."""
    try:
        while number < flips:
            number += 1
            target.try_one(PLACES[(number - 1) % len(PLACES)])
            if number % AIMED_EACH == 0:
                target.try_one(AIMED)
            if number % CANARIES_EACH == 0 or number == flips:
                target.check_canaries()
    except Gone as gone:
        target.say(f"another machine: {gone}")
        target.check_memory()
        return number
    target.close()
    assert target.vm.wait_https()[0] == 200
    return number


def flip(image, piece):
    """A piece, in a process of its own: the count, what is to be said, what failed."""
    count, said = Count(), []
    try:
        flip_piece(image, piece, count, said.append)
    except Exception:  # the other pieces go on
        return count, said, f"piece {piece.number} of {piece.driver}: {traceback.format_exc()}"
    return count, said, None


def pieces(drivers, flips, seed):
    """So many flips in each driver."""
    return [Piece(driver, at // FLIPS_A_MACHINE, min(FLIPS_A_MACHINE, flips - at),
                  f"{seed} {driver} {at // FLIPS_A_MACHINE}")
            for at in range(0, flips, FLIPS_A_MACHINE) for driver in drivers]


def run_once(executor, image, options, flips, seed, begin):
    """So many flips in each driver, all said: the count of all, and how many pieces failed."""
    total, failed = Count(), 0
    counts = {driver: Count() for driver in options.drivers}
    runs = {executor.submit(flip, image, piece): piece for piece in
            pieces(options.drivers, flips, seed)}
    left = collections.Counter(piece.driver for piece in runs.values())
    for ended in concurrent.futures.as_completed(runs):
        driver = runs[ended].driver
        count, said, failure = ended.result()
        counts[driver].update(count)
        left[driver] -= 1
        failed += failure is not None
        for line in said + [f"FAIL {failure}"] * (failure is not None):
            print(line, flush=True)
        if left[driver] != 0:  # what a run has that doesn't reach its end
            print(f"piece {runs[ended].number} of {count.line(driver)}", flush=True)
        else:
            total.update(counts[driver])
            print(f"{counts[driver].line(driver)}; {time.monotonic() - begin:.0f} s since the "
                  "beginning", flush=True)
    return total, failed


def run(flips):
    """
    Exit status for sys.exit; `flips` in each driver, if nothing else is said.

    One that isn't back says nothing of a thousand if fewer were tried: others follow then, of other
    seeds, TIMES_MAX as many in all, and are judged together.
    """
    options = arguments(flips)
    flips, seed = options.part.share(options.flips), options.part.seed(options.seed)
    times = 1
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rotunda-") as folder, \
            concurrent.futures.ProcessPoolExecutor(options.machines) as executor:
        image = image_with_keepers(folder)
        total, failed = run_once(executor, image, options, flips, seed, begin)
        if total.all("tried") < TELLING and rate_back(total) < RATE_BACK:
            times = TIMES_MAX
        for again in range(1, times):
            more, failures = run_once(executor, image, options, flips, f"{seed} {again}", begin)
            total.update(more)
            failed += failures
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{total.line('all')}; {100 * rate_back(total):.2f}% back without help"
          + "; no kernel crash, no canary hit" * (failed == 0))
    print(f"seed {seed}, {times} times, {options.part}, {options.machines} machines side by side: "
          f"{time.monotonic() - begin:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of processor "
          "time")
    is_well = rate_back(total) >= RATE_BACK and not failed and total.all("tried") > 0
    return 0 if is_well else 1


def rate_back(count):
    return 1 - count.all("lost") / max(1, count.all("tried"))


def arguments(flips):
    """Of a script: [BUILD FOLDER] [OPTIONS] [DRIVER ...]."""
    words = rotunda_vm.wanted_tests()
    parser = argparse.ArgumentParser()
    parser.add_argument("--flips", type=int, default=flips, help="in each driver")
    parser.add_argument("--seed", type=int, default=1)
    portions.part_argument(parser)
    parser.add_argument("--machines", type=int, default=os.cpu_count() + 1, help="side by side")
    parser.add_argument("drivers", nargs="*", metavar="DRIVER", help=", ".join(DRIVERS))
    options = parser.parse_args(words)
    unknown = sorted(set(options.drivers) - set(DRIVERS))
    if unknown:
        parser.error(f"no drivers to flip bits of: {', '.join(unknown)}")
    options.drivers = options.drivers or DRIVERS
    return options
