/*
 * Randomness: entropy is asked for at the first seeding and at each reseeding.
 *
 * The source's driver may be filling its pool, or may have died and be on its way back; both are
 * waited for, a millisecond at a time and not for ever.
 */
#include "randomness.h"

#include <psa/crypto.h>
#include <string.h>

#include <mbedtls/entropy.h>
#include <mbedtls/psa_util.h>

#include "rng/entropy.h"
#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/syscall.h"
#include "rt/time.h"

enum { ATTEMPTS_MAX = 500 };

static handle_t source; /* 0: not connected */
static unsigned wait_bit;
static handle_t wait_event;

static bool is_missed; /* the source was away when it was wanted first, and may come */

/* The launcher says that the source is up; who waits for it looks for itself. */
static void on_retry(void *context)
{
    (void)context;
    if (!is_missed)
        return;
    log_line("there is an entropy source now: starting again, with TLS");
    app_exit(0);
}

static enum status source_connect(nsec_t deadline_ns)
{
    for (;;) {
        enum status s = app_connect_try(ENTROPY_SERVICE, wait_event, &source);

        if (s != STATUS_WOULD_BLOCK)
            return s;
        s = loop_wait(wait_bit, deadline_ns);
        if (s != STATUS_OK)
            return s;
    }
}

/* Let a dead source go, wait a little, then look whether the next one is there. */
static void source_await(enum status why)
{
    if (why == STATUS_PEER_DEAD) {
        (void)!handle_close(source);
        source = 0;
    }
    enum status s = loop_wait(wait_bit, time_after_ns(NS_PER_MS));

    if (source == 0)
        s = app_connect_try(ENTROPY_SERVICE, wait_event, &source);
    (void)s; /* the next read tells */
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Called by mbedTLS; declared in a header that it keeps to itself. */
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t size, size_t *filled);

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t size, size_t *filled)
{
    size_t have = 0;

    (void)data;
    for (int attempt = 0; have < size; attempt++) {
        size_t want = smaller(size - have, ENTROPY_BYTES);
        enum status s =
            source == 0 ? STATUS_WOULD_BLOCK : entropy_read(source, output + have, want);

        if (s == STATUS_OK)
            have += want;
        else if (attempt == ATTEMPTS_MAX)
            return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
        else
            source_await(s);
    }
    *filled = have;
    return 0;
}

enum status randomness_open(nsec_t deadline_ns)
{
    enum status s = loop_bit_allocate(on_retry, NULL, &wait_bit);

    if (s == STATUS_OK)
        s = loop_signal_handle(wait_bit, &wait_event);
    if (s == STATUS_OK)
        s = source_connect(deadline_ns);
    is_missed = s == STATUS_PEER_DEAD || s == STATUS_TIMED_OUT;
    if (s != STATUS_OK)
        return s;
    return psa_crypto_init() == PSA_SUCCESS ? STATUS_OK : STATUS_BAD_STATE;
}

int randomness_fill(void *state, unsigned char *out, size_t size)
{
    (void)state;
    return mbedtls_psa_get_random(MBEDTLS_PSA_RANDOM_STATE, out, size);
}
