/*
 * Attack: what a child does that it may not, as single instructions.
 *
 * argument[0] is the address where it matters.  Each ends the domain if the kernel does its work,
 * and returns if it doesn't.
 */
#pragma once

#include "child.h"

child_function attack_read, attack_write, attack_execute, attack_nothing;
child_function attack_unaligned_pc, attack_unaligned_sp, attack_unaligned_exclusive;
child_function attack_undefined, attack_breakpoint, attack_wait_for_interrupt;
child_function attack_read_system_register, attack_mask_interrupts, attack_hypervisor_call;
child_function attack_portal_return, attack_portal_return_with, attack_unknown_svc;
child_function attack_recursion, attack_null_call, attack_divide_by_zero;
child_function attack_registers;
