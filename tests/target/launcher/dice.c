/*
 * dice: asks for random bytes once, and says what it got.
 */
#include "rng/entropy.h"
#include "rt/app.h"
#include "rt/log.h"
#include "rt/syscall.h"
#include "rt/time.h"

enum { TRIES = 1000, PAUSE_US = 1000 };

int main(void)
{
    uint64_t words[ENTROPY_BYTES / sizeof(uint64_t)] = {0};
    handle_t entropy;
    enum status s = app_connect(ENTROPY_SERVICE, &entropy);

    for (unsigned i = 0; s == STATUS_OK && i < TRIES; i++) {
        s = entropy_read(entropy, words, sizeof words);
        if (s != STATUS_WOULD_BLOCK)
            break;
        s = thread_sleep(time_after_ns(PAUSE_US * UINT64_C(1000)));
    }
    log_line("rolled %016llx: %s", (unsigned long long)words[0], status_text(s));
    return 0; /* what was wrong is no fault of this program's */
}
