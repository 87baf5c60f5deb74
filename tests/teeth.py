"""
Do the tests have teeth?  Each fault of teeth.changes, seeded into a copy of the tree, has to turn
the test red that it names.

usage: teeth.py BUILD_DIR [WORD]

The copy is in BUILD_DIR/teeth and built there, only what the test needs.  With WORD, only faults
that have it in their text are tried.  Which tests caught each is printed, and written to
BUILD_DIR/teeth/report.md as the table of docs/teeth.md.
"""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(TESTS, "reason"), os.path.join(TESTS, "e2e")]
import changes
import target_tests
from changes import ROOT, Wrong

CHANGES = os.path.join(TESTS, "teeth.changes")
MACHINE = dict(cpu="cortex-a72", memory="256M", gic=2)
# Where a change says that its test is: the image, the folder of its sources, the machine.
ON_TARGET = {
    "kernel": ("rotunda-kernel-test", "kernel", {}),
    "kernel on 4 CPUs": ("rotunda-kernel-test", "kernel", {"smp": 4}),
    "checked kernel": ("rotunda-checked-kernel-test", "kernel", {}),
    "authority": ("rotunda-authority-test", "authority", {"append": "model.ops=40000"}),
}
# The same for a test of a script in tests/e2e: the image, the file that the test is in, and what
# the script is asked for, if that isn't the test's name.
SCRIPTS = {
    "e2e.forgery": ("rotunda-test", "e2e/forgery_test.py", None),
    "e2e.hostile_client": ("rotunda-test", "e2e/hostile_ring_runs.py", "console:Tty"),
    "e2e.impostor": ("rotunda-test", "e2e/impostor_test.py", None),
    "e2e.leaves": ("rotunda-kernel-test", "e2e/leaves_test.py", None),
    "e2e.runtime": ("rotunda-runtime-test", "target/runtime/runtime_test.c", None),
    "e2e.supervision": ("rotunda-test", "e2e/supervision_test.py", None),
}
SCRIPT_SECONDS = 600
HANG_SECONDS = 60  # a group takes a few; a machine that says nothing any more is one that caught it


def listed():
    return list(changes.read(CHANGES))


def group_in_order(folder, group):
    """Its tests as they are run, with their group's name."""
    path = os.path.join(ROOT, "tests", "target", folder, f"{group}_test.c")
    with open(path, encoding="utf-8") as stream:
        return [f"{group}.{name}" for name in re.findall(r"\bTEST\((\w+)\)", stream.read())]


def exists(change):
    """Whether the test that the change names does."""
    if change.where in ON_TARGET:
        _, folder, _ = ON_TARGET[change.where]
        return change.claim in group_in_order(folder, change.claim.split(".")[0])
    if change.where in SCRIPTS:
        with open(os.path.join(TESTS, SCRIPTS[change.where][1]), encoding="utf-8") as stream:
            text = stream.read()
        return f"def {change.claim}(" in text or f" TEST({change.claim})," in text
    path = os.path.join(ROOT, "tests", "host", change.where.removeprefix("host.") + "_test.c")
    with open(path, encoding="utf-8") as stream:
        return f"static void {change.claim}(" in stream.read()


class Tree:
    """The scratch copy."""

    def __init__(self, build):
        self.folder = os.path.join(build, "teeth")
        self.root = os.path.join(self.folder, "tree")
        third_party = os.path.join(ROOT, "build", "third-party")
        self.environment = {"ROTUNDA_THIRD_PARTY": third_party} | os.environ
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ROOT, self.root, ignore=self.left_out)
        for preset in ("qemu-virt", "host"):
            self.call("cmake", "--preset", preset)

    @staticmethod
    def left_out(folder, names):
        return [name for name in names if folder == ROOT and name in ("build", ".git")]

    def build(self, preset):
        return os.path.join(self.root, "build", preset)

    def call(self, *command):
        done = subprocess.run(command, cwd=self.root, env=self.environment, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Wrong(f"{' '.join(command)}:\n{done.stdout[-3000:]}")

    def make(self, preset, target):
        self.call("ninja", "-j", "2", "-C", self.build(preset), target)

    @contextlib.contextmanager
    def changed(self, change):
        path = os.path.join(self.root, change.path)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(change.applied())
        try:
            yield
        finally:
            shutil.copyfile(os.path.join(ROOT, change.path), path)


def red_on_target(tree, change):
    """Build the image and run the group; the tests that failed, or in which all stopped."""
    image, folder, machine = ON_TARGET[change.where]
    group = change.claim.split(".")[0]
    tree.make("qemu-virt", image + ".Image")
    os.environ["ROTUNDA_BUILD"] = tree.build("qemu-virt")
    with contextlib.redirect_stdout(io.StringIO()):
        lines = target_tests.run(image, folder, HANG_SECONDS, group=group, **MACHINE | machine)
    failed = {line.split(":")[0] for line in lines if ": FAILED" in line}
    not_run = {line.split(":")[0] for line in lines if line.endswith(": was not run")}
    order = group_in_order(folder, group)
    stopped = [name for name in order if name in not_run][:1]
    return [name for name in order if name in failed] + stopped


def red_on_host(tree, change):
    """The same for a program of unit tests, which a sanitizer may end."""
    subject = change.where.removeprefix("host.")
    tree.make("host", f"{subject}_test")
    program = os.path.join(tree.build("host"), "tests", "host", f"{subject}_test")
    done = subprocess.run([program], cwd=os.path.dirname(program), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    begun = re.findall(r"\[ RUN +\] (\w+)", done.stdout)
    failed = re.findall(r"\[  FAILED  \] (\w+)", done.stdout)
    ended = set(re.findall(r"\[ +OK \] (\w+)", done.stdout)) | set(failed)
    return [name for name in begun if name in failed or name not in ended]


def red_in_script(tree, change):
    """The same for a script, of which only the one test is run where it lets one choose."""
    image, _, asked = SCRIPTS[change.where]
    tree.make("qemu-virt", image + ".Image")
    script = os.path.join("tests", "e2e", change.where.removeprefix("e2e.") + "_test.py")
    build = tree.build("qemu-virt")
    done = subprocess.run(["timeout", str(SCRIPT_SECONDS), sys.executable, script, build,
                           asked or change.claim], cwd=tree.root,
                          env=tree.environment | {"ROTUNDA_BUILD": build}, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    found = re.findall(r"^(?:FAIL (\w+)|(\w+): (?:FAILED|was not run))", done.stdout, re.MULTILINE)
    return list(dict.fromkeys(python or c for python, c in found))


def red(tree, change):
    tried = red_on_host
    if change.where in ON_TARGET:
        tried = red_on_target
    elif change.where in SCRIPTS:
        tried = red_in_script
    with tree.changed(change):
        return tried(tree, change)


def named(change, tests):
    """As the table has it."""
    more = len(tests) - 1
    also = f" and {more} more" if more > 0 else ""
    return f"`{change.where}`: `{change.claim}`{also}"


def try_all(build, word):
    chosen = [change for change in listed() if word in change.what]
    if not chosen:
        raise Wrong(f"no fault has '{word}' in its text")
    tree = Tree(build)
    rows, wrong = [], []
    for number, change in enumerate(chosen, 1):
        started = time.monotonic()
        tests = red(tree, change)
        seconds = time.monotonic() - started
        print(f"{number} of {len(chosen)}: {change.what}: red in {change.where}: "
              f"{', '.join(tests) or 'nothing'}, {seconds:.0f} s", flush=True)
        if change.claim in tests:
            rows.append(f"| {change.what} | `{change.path}` | {named(change, tests)} |")
        else:
            wrong.append(f"'{change.what}': {change.claim} is not red in {change.where}")
    with open(os.path.join(tree.folder, "report.md"), "w", encoding="utf-8") as stream:
        stream.write("\n".join(rows) + "\n")
    for line in wrong:
        print(line)
    print(f"{len(chosen)} faults, {len(rows)} caught by the tests that they name", flush=True)
    return 1 if wrong else 0


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        print("usage: teeth.py BUILD-FOLDER [TEXT OF A FAULT]")
        return 2
    build, *rest = arguments
    try:
        return try_all(os.path.abspath(build), rest[0] if rest else "")
    except Wrong as error:
        print(f"teeth: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
