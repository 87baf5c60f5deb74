"""
Rotunda in QEMU, driven from Python: what every end-to-end test and tools/bench stands on.

    with Machine(memory="1G", smp=2) as vm:
        vm.wait_prompt()
        print(vm.command("domains"))
        vm.get("/index.html")

The serial console is a socket that is connected before the first instruction, so no byte is lost.
A wait that fails raises VmError with the end of the console's text: the test says why by itself.
Standard library only.
"""

import collections
import http.client
import json
import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROMPT = r"rotunda> "
BOOT_SECONDS = 60.0
WAIT_SECONDS = 20.0
SETTLE_SECONDS = 30
SITE_FILE = "site"  # its name in the boot archive
CANNOT_RUN = 77  # exit status of a test that cannot run here
PORTS = range(20000, 32000)  # Linux takes outgoing ones from 32768 on
PORT_TAKEN = "host forwarding"  # in what QEMU says when it can't have one of ours
START_TRIES = 5
CONNECT_SECONDS = 15
ECHO_CHARACTERS = 40  # of a typed line, by which it is found: fewer than the terminal has columns

# Control sequences of the line editor: CSI ... final byte.
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# Of a line that was typed.  One that fills the terminal is painted anew for each character: what
# is behind it is erased, and the cursor is put there.
LINE_END = r"(?:\x1b\[0K\r\x1b\[\d+C)?\r?\n"
# Lines of the kernel's log, which may come between any two others.
LOG_LINE = re.compile(r"^\[ *\d+\.\d{6}\] ")


class VmError(AssertionError):
    """The machine did not do what was expected; the text holds the end of its console."""


def build_folder():
    """Where the image is: $ROTUNDA_BUILD, or the preset's folder."""
    return os.environ.get("ROTUNDA_BUILD", os.path.join(ROOT, "build", "qemu-virt"))


def default_image():
    return os.path.join(build_folder(), "rotunda.Image")


def pack_image(site, image):
    """Write to `image` the image of the build folder, but with the folder `site` to be served."""
    blob = image + ".site"
    run = [sys.executable, os.path.join(ROOT, "userland", "web", "pack_site.py")]
    subprocess.run(run + [site, "-o", blob], check=True)
    run = [sys.executable, os.path.join(ROOT, "tools", "pack")]
    subprocess.run(run + ["@" + os.path.join(build_folder(), "rotunda.pack"),
                          "--file", SITE_FILE + "=" + blob, "--output", image], check=True,
                   stdout=subprocess.DEVNULL)
    os.remove(blob)


def free_port():
    """
    A TCP port of 127.0.0.1 that nobody has now; none of those that outgoing connections get, of
    which other tests may open hundreds until QEMU listens on it.
    """
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise VmError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def plain(text):
    """`text` as a person sees it: no control sequences, lines end in a single newline."""
    text = CONTROL_SEQUENCE.sub("", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def echo_end(line):
    """What the terminal shows last of a typed line: all since its last control character, and of a
    long one, which moves to the left while it grows, the end."""
    return re.split(r"[^ -~]", line)[-1][-ECHO_CHARACTERS:]


def without_log(lines):
    """None of the log's, nor the piece of a row that one came into: behind it the row is whole."""
    out, is_behind_log = [], False
    for line in lines:
        if LOG_LINE.match(line):
            is_behind_log = True
            continue
        if is_behind_log and out and out[-1].strip() and line.startswith(out[-1]):
            out.pop()
        is_behind_log = False
        out.append(line)
    return out


class Machine:
    """One QEMU `virt` machine with Rotunda in it."""

    def __init__(self, image=None, *, smp=1, memory="512M", gic=3, cpu="cortex-a72", qemu=None,
                 append="", icount=None, network=True, entropy=True, options=(), log_file=None,
                 virtualization=False):
        self.image = image or default_image()
        self.smp = smp
        self.memory = memory
        self.gic = gic
        self.cpu = cpu
        self.qemu = qemu or os.environ.get("ROTUNDA_QEMU", "qemu-system-aarch64")
        self.append = append
        self.icount = icount
        self.network = network
        self.entropy = entropy
        self.options = list(options)
        self.virtualization = virtualization
        self.log_file = log_file
        self.https_port = self.http_port = None  # while it runs, and has a network
        self.process = None
        self.console = None
        self.qmp_socket = None
        self.said = ""  # all that the console has said, but for what forget() has dropped
        self.pieces = []  # what comes behind it: bytes, few at a time, that nobody has asked for
        self.news = threading.Condition()
        self.listener = None
        self.tls = None  # for pages; made once, since that reads all certificates of the host
        self.noticed = 0  # how much of the text pump() has reported
        self.seen = 0  # how much of it expect() has used up
        self.folder = None
        self.qmp_lines = b""
        self.errors = None  # what QEMU itself says

    # Starting and ending.

    def arguments(self):
        """The QEMU command line, without the console and the control socket."""
        machine = f"virt,gic-version={self.gic}"
        if self.virtualization:
            machine += ",virtualization=on"
        out = [self.qemu, "-M", machine, "-cpu", self.cpu, "-smp", str(self.smp), "-m", self.memory,
               "-kernel", self.image, "-display", "none", "-nodefaults", "-no-user-config",
               "-global", "virtio-mmio.force-legacy=false"]
        if self.append:
            out += ["-append", self.append]
        if self.icount:
            out += ["-icount", self.icount]
        # Eight of virt's transports share a page: each device gets a page of its own.
        if self.network:
            out += ["-netdev", f"user,id=net0,hostfwd=tcp:127.0.0.1:{self.https_port}-:443,"
                               f"hostfwd=tcp:127.0.0.1:{self.http_port}-:80",
                    "-device", "virtio-net-device,netdev=net0,bus=virtio-mmio-bus.0"]
        if self.entropy:
            out += ["-device", "virtio-rng-device,bus=virtio-mmio-bus.8"]
        return out + self.options

    def start(self):
        if not os.path.exists(self.image):
            raise VmError(f"no image {self.image}: build it first (./tools/run does)")
        if not shutil.which(self.qemu):
            raise VmError(f"no QEMU at {self.qemu}")
        for tries_left in reversed(range(START_TRIES)):
            try:
                return self.start_once()
            except VmError as problem:
                self.close()
                # Somebody else has got the port since it was found free.
                if PORT_TAKEN not in str(problem) or tries_left == 0:
                    raise

    def start_once(self):
        self.qmp_lines = b""
        if self.network:
            self.https_port, self.http_port = free_port(), free_port()
        self.folder = tempfile.mkdtemp(prefix="rotunda-")
        console, control = (os.path.join(self.folder, name) for name in ("console", "qmp"))
        listeners = [listen(console), listen(control)]
        command = self.arguments() + [
            "-chardev", f"socket,id=console0,path={console}", "-serial", "chardev:console0",
            "-chardev", f"socket,id=control0,path={control}", "-mon", "control0,mode=control"]
        self.errors = open(os.path.join(self.folder, "stderr"), "w+b")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.errors,
                                        stderr=self.errors)
        try:
            self.console = accept(listeners[0], self.process)
            self.qmp_socket = accept(listeners[1], self.process)
            self.listener = threading.Thread(target=self.listen_to_console, daemon=True)
            self.listener.start()
            self.qmp_read()  # its greeting
            self.qmp("qmp_capabilities")
        except (OSError, VmError):
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            raise VmError(f"QEMU did not start: {self.qemu_errors()}") from None
        finally:
            for listener in listeners:
                listener.close()
        return self

    def close(self):
        if self.process is not None:
            if self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
            self.process = None
        if self.listener is not None:
            self.listener.join(5)
            self.listener = None
        for end in (self.console, self.qmp_socket):
            if end is not None:
                end.close()
        self.console = self.qmp_socket = None
        if self.log_file:
            with open(self.log_file, "w", encoding="utf-8") as out:
                out.write(self.text)
        if self.folder:
            self.errors.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.close()

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, timeout=WAIT_SECONDS):
        """Wait until QEMU ends by itself, as after `poweroff`."""
        end = time.monotonic() + timeout
        while self.is_running():
            self.pump(0.1)
            if time.monotonic() > end:
                raise self.failure(f"still running after {timeout:.0f} s")
        self.pump(0)
        return self.process.returncode

    # The console.

    def listen_to_console(self):
        """
        The thread that takes in all the console says, at once: QEMU sends single bytes, of which a
        socket holds a few hundred, and then the whole machine would stand still.
        """
        while True:
            try:
                data = self.console.recv(1 << 16)
            except OSError:
                data = b""
            with self.news:
                self.pieces.append(data)
                self.news.notify_all()
            if not data:
                return

    @property
    def text(self):
        """The console's text."""
        with self.news:
            if self.pieces:
                self.said += b"".join(self.pieces).decode("utf-8", "replace")
                self.pieces.clear()
            return self.said

    def pump(self, timeout):
        """Wait until the console says something, for at most `timeout` seconds; True if it did."""
        with self.news:
            if len(self.text) == self.noticed:
                self.news.wait(timeout)
            has_news = len(self.text) != self.noticed
            self.noticed = len(self.text)
        if not has_news and not self.is_running():
            time.sleep(min(timeout, 0.05))
        return has_news

    def expect(self, pattern, timeout=WAIT_SECONDS):
        """Wait for a regular expression in what has not been used up yet; use up to its end."""
        compiled = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + timeout
        while True:
            match = compiled.search(self.text, self.seen)
            if match:
                self.seen = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise self.failure(f"no {pattern!r} within {timeout:.0f} s")
            if not self.pump(min(left, 0.2)) and not self.is_running():
                self.pump(0)
                if not compiled.search(self.text, self.seen):
                    raise self.failure(f"QEMU ended before {pattern!r}: {self.qemu_errors()}")

    def expect_ever(self, pattern, timeout=WAIT_SECONDS):
        """The same in all that was ever said: what comes at boot may come before the prompt."""
        self.seen = 0
        return self.expect(pattern, timeout)

    def wait_prompt(self, timeout=BOOT_SECONDS):
        """Wait for the shell's prompt at the end of the console's text."""
        return self.expect(PROMPT + r"\Z", timeout)

    def send(self, data):
        """Type characters."""
        data = data.encode("utf-8") if isinstance(data, str) else data
        try:
            self.console.sendall(data)
        except OSError as error:
            raise self.failure(f"QEMU ended while being typed at: {error}") from None

    def send_line(self, line):
        self.send(line + "\r")

    def command(self, line, timeout=WAIT_SECONDS):
        """Type a command at the prompt; what it printed, without echo, prompt and log lines."""
        self.drain()
        self.seen = len(self.text)
        self.send_line(line)
        # Not before the echo's newline: the prompt is painted anew while the line grows and when
        # the log has something to say.  Behind what that says the line is whole again.
        start = self.expect(re.escape(echo_end(line)) + LINE_END, timeout).end()
        self.expect(r"^" + PROMPT + r"\Z", timeout)
        lines = plain(self.text[start:]).split("\n")
        while lines and lines[-1].strip() in ("", PROMPT.strip()):
            lines.pop()
        if not line.startswith("log"):
            lines = [text for text in without_log(lines) if text.strip() != PROMPT.strip()]
        return "\n".join(lines)

    def restarts(self):
        """How often each domain that runs has been started again."""
        row = r"^ *(?:\d+|-) +(\S+)(?: +\S+){7,} +(\d+)$"
        return {name: int(number)
                for name, number in re.findall(row, self.command("domains"), re.M)}

    def frames_in_use(self):
        return int(re.search(r"^in use +([\d,]+)", self.command("mem"), re.M)[1].replace(",", ""))

    def drain(self, quiet=0.05):
        """Take in what comes until the console has been quiet for a moment."""
        while self.pump(quiet):
            pass

    def forget(self, count):
        """Drop so much of the beginning of the console's text: who talks for hours."""
        with self.news:
            self.said = self.text[count:]
            self.noticed = max(0, self.noticed - count)
            self.seen = max(0, self.seen - count)

    def tail(self, lines=40):
        return "\n".join(plain(self.text).split("\n")[-lines:])

    def qemu_errors(self):
        self.errors.flush()
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace").strip() or "no message"

    def failure(self, what):
        return VmError(f"{what}\n--- end of the console's text ---\n{self.tail()}\n---")

    # QEMU's control socket.

    def qmp_read(self):
        while b"\n" not in self.qmp_lines:
            data = self.qmp_socket.recv(1 << 16)
            if not data:
                raise self.failure("QEMU's control socket closed")
            self.qmp_lines += data
        line, _, self.qmp_lines = self.qmp_lines.partition(b"\n")
        return json.loads(line)

    def qmp(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.qmp_socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self.qmp_read()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise VmError(f"QMP {command}: {answer['error'].get('desc')}")

    # The network, from the host's side.

    def url(self, path="/", scheme="https"):
        port = self.https_port if scheme == "https" else self.http_port
        return f"{scheme}://127.0.0.1:{port}{path}"

    def get(self, path="/", timeout=WAIT_SECONDS, scheme="https", headers=None):
        """One GET; the certificate is the image's own, so it is not checked."""
        request = urllib.request.Request(self.url(path, scheme), headers=headers or {})
        self.tls = self.tls or any_certificate()
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.tls) as answer:
                return answer.status, answer.headers, answer.read()
        except http.client.HTTPException as error:  # cut off, which is no OSError there
            raise ConnectionError(repr(error)) from error

    def wait_https(self, path="/", timeout=BOOT_SECONDS, scheme="https"):
        """Ask until the server answers."""
        end = time.monotonic() + timeout
        last = None
        while time.monotonic() < end:
            self.pump(0)
            try:
                return self.get(path, timeout=5, scheme=scheme)
            except OSError as error:
                last = error
                time.sleep(0.05)
            if not self.is_running():
                break
        raise self.failure(f"no {scheme} answer within {timeout:.0f} s: {last}")


def busy():
    """By how much the host's times are stretched: the test machine may have other things to do."""
    return min(4.0, max(1.0, os.getloadavg()[0] / os.cpu_count()))


def wait_equal(what, look, wanted):
    """Until look() sees what is wanted: what goes on when somebody has gone takes a while."""
    end = time.monotonic() + SETTLE_SECONDS * busy()
    while (seen := look()) != wanted:
        assert time.monotonic() < end, f"{what}: {seen} instead of {wanted}"
        time.sleep(0.5)


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    listener.settimeout(0.1)
    return listener


def accept(listener, process=None):
    """The connection that is made, by the process; socket.timeout: none, or it has ended."""
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return listener.accept()[0]
        except socket.timeout:
            if process and process.poll() is not None or time.monotonic() > end:
                raise


# A small test runner, so that each tests/e2e/*_test.py is a list of functions and one call.

Result = collections.namedtuple("Result", "name seconds error")


def wanted_tests():
    """The command line of a test script: [BUILD FOLDER] [TEST ...]; ctest gives the folder."""
    arguments = sys.argv[1:]
    if arguments and os.path.isdir(arguments[0]):
        os.environ["ROTUNDA_BUILD"] = os.path.abspath(arguments.pop(0))
    return arguments


def run_tests(tests, **machine_options):
    """Run functions test(vm) one after another in one machine; exit status for sys.exit."""
    wanted = wanted_tests()
    if wanted and wanted[0] in ("-h", "--help"):
        print(f"usage: {os.path.basename(sys.argv[0])} [BUILD FOLDER] [TEST ...]\ntests:")
        print("\n".join(f"  {test.__name__}" for test in tests))
        return 0
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    machine = Machine(**machine_options)
    if not os.path.exists(machine.image) or not shutil.which(machine.qemu):
        print(f"skipped: needs {machine.image} and {machine.qemu}")
        return CANNOT_RUN
    results = []
    with machine as vm:
        try:
            vm.wait_prompt()
        except VmError as error:
            print(f"FAIL boot: {error}")
            return 1
        for test in chosen:
            results.append(run_test(test, vm))
            if not vm.is_running():
                break
    failed = sum(result.error is not None for result in results)
    missed = len(chosen) - len(results)
    print(f"{len(results) - failed} passed, {failed} failed, {missed} not reached")
    return 1 if failed or missed or not results else 0


def run_test(test, vm, name=None):
    name = name or test.__name__
    begin = time.monotonic()
    try:
        test(vm)
        error = None
    except (AssertionError, OSError) as problem:
        error = problem
    seconds = time.monotonic() - begin
    word = "ok  " if error is None else "FAIL"
    print(f"{word} {name} ({seconds:.1f} s)" + (f": {str(error) or repr(error)}" if error else ""),
          flush=True)
    return Result(name, seconds, error)
