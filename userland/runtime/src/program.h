/*
 * The life of a program, as the parts of the runtime see it.
 */
#pragma once

#include "rt/startup.h"

/* Called by crt0 once relocations are done.  Sets everything up, runs main(), ends the domain. */
_Noreturn void start_program(uaddr_t argument);

void startup_set(const struct startup *startup);

/* The parts that must be set up before main(), in this order. */
void heap_init(uaddr_t start, uaddr_t end);
void loop_init(void);

int main(void);
