/*
 * Remembering that it has been said.
 */
#include "first_answer.h"

#include <inttypes.h>
#include <stdbool.h>

#include "rt/counter.h"
#include "rt/log.h"
#include "rt/startup.h"
#include "rt/time.h"

void first_answer_on_sent(void)
{
    static bool is_said;

    if (is_said)
        return;
    is_said = true;

    /* A server that was started again is none of booting's business. */
    if (startup_get()->restarts != 0)
        return;
    if (startup_get()->has_pmu != 0)
        log_line("first HTTPS answer after %" PRIu64 " instructions", counter_instructions());
    else
        log_line("first HTTPS answer after %" PRIu64 " ms", time_now_ns() / NS_PER_MS);
}
