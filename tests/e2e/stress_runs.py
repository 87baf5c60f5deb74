"""Runs of the stress (tests/target/stress): a kernel, CPUs, a GIC, milliseconds."""

import target_tests

HANG_SECONDS = 120  # what the machine needs itself to find out that somebody hangs, and more
SLOWER = 20  # a machine whose clock counts instructions may be, by so much
COUNTS = r"stress: .*"


def run(number, image, cpus, gic, milliseconds):
    machine = dict(cpu="cortex-a72", memory="256M", gic=gic)
    seconds = milliseconds / 1000
    if cpus > 1:
        machine["smp"] = cpus
    else:
        seconds *= SLOWER
    machine["append"] = f"stress.ms={milliseconds} stress.seed={number + 1}"
    return target_tests.run(image, "stress", seconds + HANG_SECONDS, shown=COUNTS, **machine)


def run_all(runs):
    """Exit status for sys.exit."""
    return target_tests.run_all(
        lambda number=number, row=row: run(number, *row) for number, row in enumerate(runs))
