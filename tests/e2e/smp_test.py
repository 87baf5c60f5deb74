#!/usr/bin/env python3
"""The whole system on four CPUs, each a thread of the host: it serves, and all of them work."""
# timeout: 180

import re
import sys

import rotunda_vm

REQUESTS = 60
CPUS = 4
ROW = re.compile(r"^ +(\d+) .*in use +([\d.]+) %.* (\d+) *$", re.MULTILINE)


def serves(gic):
    """What went wrong, as lines."""
    wrong = []
    with rotunda_vm.Machine(smp=CPUS, gic=gic, options=["-accel", "tcg,thread=multi"]) as vm:
        vm.wait_prompt()
        for request in range(REQUESTS):
            status, _, _ = vm.get("/index.html")
            if status != 200:
                wrong.append(f"request {request}: status {status}")
        rows = ROW.findall(vm.command("cpus"))
        if len(rows) != CPUS:
            wrong.append(f"{len(rows)} CPUs are listed as in use")
        busy = [number for number, idle, kicks in rows if float(idle) < 99.9 and int(kicks) > 0]
        if len(busy) < 2:
            wrong.append(f"only CPUs {busy} work: {rows}")
        if "restarts" not in vm.command("domains"):
            wrong.append("the shell doesn't answer any more")
    print(f"GICv{gic}: {REQUESTS} requests, CPUs {', '.join(busy)} work, {len(wrong)} wrong")
    return wrong


def main():
    wrong = serves(2) + serves(3)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
