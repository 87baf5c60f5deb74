/*
 * Words for app:Inspect, as words.h has them for each service.
 */
#pragma once

#include "rt/portal.h"

void inspect_begin(handle_t portal);
void inspect_call(struct portal_message *m);
void inspect_answered(uint64_t operation, const struct portal_message *answer);
