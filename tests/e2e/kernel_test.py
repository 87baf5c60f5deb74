#!/usr/bin/env python3
"""The kernel's tests on the target.

Several CPUs and memory sizes: what is proven must not depend on them.  The checked kernel runs the
same tests: it has 15 ASIDs, and audits views and TLB at every change.  Time counts instructions, so
no test depends on how busy the host is; but for the machines with several CPUs, each a thread of
the host, where those that compare times are not judged.
"""
# timeout: 2400

import sys

import rotunda_vm
import target_tests

SECONDS = 240
ORDINARY = "rotunda-kernel-test"
CHECKED = "rotunda-checked-kernel-test"
# These compare times.
TIMED = {
    "budget.background_is_as_good_as_any_priority_while_nobody_is_ready",
    "budget.budget_does_not_come_back_by_being_set",
    "budget.budget_is_spent_in_portals_too",
    "budget.budget_may_come_at_any_time",
    "budget.each_gets_its_budget_and_no_more",
    "budget.new_thread_begins_where_an_ended_one_stopped",
    "budget.spinner_leaves_others_their_deadlines",
    "budget.suspended_thread_keeps_its_budget",
    "event.clocks_ring_in_order",
    "event.equals_take_turns",
    "event.more_urgent_goes_first",
    "event.wait_ends_with_a_signal_or_in_time",
    "handler.deadline_over_a_handler_stops_the_server",
    "handler.fault_of_a_homeless_late_visitor_stops_the_server",
    "lock.holder_of_a_lock_is_as_urgent_as_who_waits_for_it",
    "lock.inheritance_goes_through_locks_and_portals",
    "lock.visitor_that_holds_a_lock_inherits_inside",
    "priority.holder_of_a_stack_is_as_urgent_as_who_waits_for_it",
    "priority.holder_that_is_to_end_inherits_too",
    "priority.inheritance_goes_along_a_chain",
    "storm.last_cycles_take_as_long_as_the_first",
    "storm.lives_ended_after_each_step",
    "switch.signal_to_one_that_is_not_more_urgent_waits_for_its_turn",
    "switch.written_deadline_ends_a_wait",
    "switch.written_deadline_ends_work_after_its_grace",
}
SLOW = "storm.cycles=500"  # it audits all views with each change
# And what an audit takes, depends on where things happen to lie: in steps of 6%; a life is short.
AUDITED = {"storm.last_cycles_take_as_long_as_the_first", "storm.lives_ended_after_each_step"}
MACHINES = [
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=2)),
    (ORDINARY, dict(cpu="max", memory="512M", gic=3)),
    (CHECKED, dict(cpu="cortex-a72", memory="256M", gic=3, unjudged=AUDITED, append=SLOW)),
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=2, smp=4, unjudged=TIMED)),
    (CHECKED, dict(cpu="cortex-a72", memory="256M", gic=3, smp=4, unjudged=TIMED, append=SLOW)),
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=3, smp=2, unjudged=TIMED)),
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=2, smp=3, unjudged=TIMED)),
    (ORDINARY, dict(cpu="cortex-a72", memory="256M", gic=3, smp=8, unjudged=TIMED)),
]


def run(image, machine):
    def once():
        return target_tests.run(image, "kernel", SECONDS * rotunda_vm.busy(),
                                shown=r".*storm: .*", **machine)

    return target_tests.twice(once) if "smp" in machine else once()


def main():
    return target_tests.run_all(
        lambda image=image, machine=machine: run(image, machine) for image, machine in MACHINES)


if __name__ == "__main__":
    sys.exit(main())
