/*
 * Portals as host tests have them: a call is a function call.  See the real rt/portal.h.
 */
#pragma once

#include "abi/rights.h"
#include "abi/status.h"
#include "abi/syscall.h"

struct portal_message {
    uint64_t word[PORTAL_WORDS];
    handle_t handle[PORTAL_HANDLES];
};

CHECK_RESULT enum status portal_call_with(handle_t portal, struct portal_message *m,
                                          nsec_t deadline_ns);
CHECK_RESULT enum status portal_request(handle_t portal, struct portal_message *m);
CHECK_RESULT enum status portal_serve(void (*handler)(void *context, uint64_t badge,
                                                      struct portal_message *m),
                                      void *context, size_t stack_bytes, unsigned stack_count,
                                      handle_t *portal);
