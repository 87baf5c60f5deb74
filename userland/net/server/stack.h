/*
 * The stack as a whole: what happens at the end of a pass.
 *
 * Messages of clients, frames of the driver and timers change the state of sockets and leave
 * segments to be sent.  A pass ends with stack_settle(), which does what was left once for all:
 * one output run per socket, one doorbell per peer.
 */
#pragma once

#include <stdint.h>

void stack_settle(void);
