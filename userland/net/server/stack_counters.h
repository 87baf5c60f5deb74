/*
 * The stack's counters as one record.
 */
#pragma once

#include "net/status.h"

void stack_counters_fill(struct net_counters *out);
