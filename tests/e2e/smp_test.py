#!/usr/bin/env python3
"""
The whole system on one to eight CPUs, each a thread of the host: it serves, and all of them work.
"""
# timeout: 300

import re
import sys

import rotunda_vm

REQUESTS = 60
# CPUs, GIC, requests: many where it is seen who works, one answer elsewhere.
MACHINES = [(4, 2, REQUESTS), (4, 3, REQUESTS), (1, 2, 1), (2, 2, 1), (2, 3, 1), (3, 2, 1),
            (3, 3, 1), (5, 2, 1), (6, 3, 1), (7, 2, 1), (8, 2, 1), (8, 3, 1)]
ROW = re.compile(r"^ +(\d+) .*in use +([\d.]+) %.* (\d+) *$", re.MULTILINE)


def serves(cpus, gic, requests):
    """What went wrong, as lines."""
    wrong = []
    with rotunda_vm.Machine(smp=cpus, gic=gic, options=["-accel", "tcg,thread=multi"]) as vm:
        vm.wait_prompt()
        vm.wait_https("/index.html")
        for request in range(1, requests):
            status, _, _ = vm.get("/index.html")
            if status != 200:
                wrong.append(f"request {request}: status {status}")
        rows = ROW.findall(vm.command("cpus"))
        if len(rows) != cpus:
            wrong.append(f"{len(rows)} CPUs are listed as in use")
        busy = [number for number, idle, kicks in rows if float(idle) < 99.9 and int(kicks) > 0]
        if requests == REQUESTS and len(busy) < 2:
            wrong.append(f"only CPUs {busy} work: {rows}")
        if "restarts" not in vm.command("domains"):
            wrong.append("the shell doesn't answer any more")
    print(f"{cpus} CPUs, GICv{gic}: {requests} requests, CPUs {', '.join(busy)} work, "
          f"{len(wrong)} wrong", flush=True)
    return [f"{cpus} CPUs, GICv{gic}: {line}" for line in wrong]


def main():
    wrong = [line for machine in MACHINES for line in serves(*machine)]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
