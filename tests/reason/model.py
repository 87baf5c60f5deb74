"""A model for spin: all its states, and what must go wrong in changed ones.

usage: model.py SUBJECT BUILD_DIR COMPILER

The compiler is the target's; spin's verifiers run here, so cc makes them.

tests/reason/SUBJECT.pml quotes the code it stands for in comments "| FUNCTION: CODE"; each must
still be there, in the quoted order.  Every claim must hold in all states, and fail with a change of
SUBJECT.changes.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import changes
from changes import ROOT, Wrong

CODE = ["userland/runtime/include/rt/ring.h", "userland/runtime/src/ring.c",
        "userland/runtime/src/connection.c"]
COMPILE = ["cc", "-O2", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=4096", "-o", "pan", "pan.c"]


def functions():
    """Bodies of the functions of CODE, blanks made one."""
    found = {}
    for path in CODE:
        with open(os.path.join(ROOT, path), encoding="utf-8") as stream:
            text = stream.read()
        for match in re.finditer(r"(?ms)^[a-zA-Z].*?\b(\w+)\([^;{]*?\)\n\{(.*?)^\}", text):
            found[match[1]] = " ".join(match[2].split())
    return found


def check_quotes(model):
    """The code still says what the model quotes; within an inline, in this order."""
    bodies = functions()
    quotes = 0
    for part in re.split(r"(?m)^(?=inline|active)", model):
        after = {}
        for function, code in re.findall(r"/\* \| (\w+): (.*?) \*/", part):
            if function not in bodies:
                raise Wrong(f"there is no {function}() any more")
            at = bodies[function].find(code, after.get(function, 0))
            if at < 0:
                raise Wrong(f"{function}() does not say, or not there, what the model quotes: "
                            f"{code}")
            after[function] = at + len(code)
            quotes += 1
    print(f"{quotes} quotes of the code are right")


def explore(folder, text):
    """Run through all states; the claim that fails first, or None, and how many states."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "model.pml"), "w", encoding="utf-8") as stream:
        stream.write(text)
    output = ""
    for command in (["spin", "-a", "model.pml"], COMPILE, ["./pan", "-E", "-m100000"]):
        done = subprocess.run(command, cwd=folder, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = done.stdout
        if done.returncode != 0:
            raise Wrong(f"{' '.join(command)} failed:\n{output}")
    for path in glob.glob(os.path.join(folder, "pan*")):
        os.remove(path)
    failed = re.search(r"assertion violated \(?(\w+)", output)
    states = re.search(r"([\d.e+]+) states, stored", output)
    errors = re.search(r"errors: (\d+)", output)
    if failed:
        return failed[1], 0
    if not states or not errors or errors[1] != "0" or "max search depth too small" in output:
        raise Wrong(f"the search is not complete:\n{output}")
    unreached = re.findall(r"(?m)^\t\S+:\d+, state \d+, \"(?!-end-)(.*)\"$", output)
    if unreached:
        raise Wrong(f"no state reaches: {'; '.join(unreached)}")
    return None, int(float(states[1]))


def main():
    name, build, _ = sys.argv[1:]
    missing = [tool for tool in ("spin", "cc") if shutil.which(tool) is None]
    if missing:
        print(f"no {' and no '.join(missing)}: tools/setup test installs it")
        return changes.SKIPPED
    folder = os.path.join(build, "reason", name)
    with open(os.path.join(ROOT, "tests", "reason", f"{name}.pml"), encoding="utf-8") as stream:
        model = stream.read()
    check_quotes(model)
    listed = list(changes.read(os.path.join(ROOT, "tests", "reason", f"{name}.changes")))
    unbroken = set(re.findall(r"claim\((\w+), ", model)) - {"name"} - {c.claim for c in listed}
    if unbroken:
        raise Wrong(f"no change breaks: {', '.join(sorted(unbroken))}")

    started = time.monotonic()
    failed, states = explore(folder, model)
    if failed:
        raise Wrong(f"the model breaks '{failed}'")
    print(f"{states} states, nothing wrong, {time.monotonic() - started:.0f} s", flush=True)
    for change in listed:
        failed, _ = explore(folder, change.applied())
        if failed != change.claim:
            raise Wrong(f"'{change.what}' breaks {failed}, not '{change.claim}'")
        print(f"'{change.claim}' fails with '{change.what}'", flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as wrong:
        sys.exit(f"reason: {wrong}")
