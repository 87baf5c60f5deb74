"""Runs of tests/target/authority: a kernel, CPUs, a GIC, the command line, and a group or all."""

import target_tests

COUNTS = r"(?:model|tree|random): .*"


def run(seed, seconds, image, cpus, gic, options, group=None):
    machine = dict(cpu="cortex-a72", memory="256M", gic=gic)
    if cpus > 1:
        machine["smp"] = cpus
    machine["append"] = f"model.seed={seed} random.seed={seed} {options}"
    return target_tests.run(image, "authority", seconds, shown=COUNTS, group=group, **machine)


def run_all(runs, seconds, seed=1):
    """Each may take so many seconds, and has the next seed; exit status for sys.exit."""
    return target_tests.run_all(lambda seed=number, row=row: run(seed, seconds, *row)
                                for number, row in enumerate(runs, seed))
