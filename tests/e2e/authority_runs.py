"""Runs of tests/target/authority: a kernel, CPUs, a GIC, the command line, and a group or all."""

import target_tests

COUNTS = r"(?:model|tree|random): .*"


def run(number, seconds, image, cpus, gic, options, group=None):
    machine = dict(cpu="cortex-a72", memory="256M", gic=gic)
    if cpus > 1:
        machine["smp"] = cpus
    machine["append"] = f"model.seed={number + 1} random.seed={number + 1} {options}"
    return target_tests.run(image, "authority", seconds, shown=COUNTS, group=group, **machine)


def run_all(runs, seconds):
    """Each may take so many seconds; exit status for sys.exit."""
    return target_tests.run_all(lambda number=number, row=row: run(number, seconds, *row)
                                for number, row in enumerate(runs))
