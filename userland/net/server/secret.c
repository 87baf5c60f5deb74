/*
 * The secret: asked for at the start, and once more when a source comes up that was away.
 */
#include "secret.h"

#include "chance.h"

#include "rng/entropy.h"
#include "rt/app.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/syscall.h"
#include "rt/time.h"

#include <string.h>

enum {
    SOURCE_LIVES = 8,
    SOURCE_TRIES = 200,
    SOURCE_PAUSE_NS = NS_PER_MS,
    RETRY_PAUSES = 5, /* each twice as long as the one before */
};

static unsigned source_bit;   /* the launcher says that the source is up */
static handle_t source_event; /* by this */
static struct loop_timer retry;
static unsigned retries;
static bool is_weak;

static enum status source_connect(handle_t *portal)
{
    return app_connect_try(ENTROPY_SERVICE, source_event, portal);
}

/* Wait a while for the service to come up; it may be that this machine has no such device. */
static enum status source_await(handle_t *portal)
{
    enum status s = source_connect(portal);

    if (s != STATUS_WOULD_BLOCK)
        return s;
    s = loop_wait(source_bit, time_after_ns(NS_PER_S));
    return s == STATUS_OK ? source_connect(portal) : s;
}

/* Its pool may have to be filled first. */
static enum status source_read(handle_t portal, uint8_t secret[CHANCE_SECRET_BYTES])
{
    enum status s = STATUS_WOULD_BLOCK;

    for (unsigned i = 0; i < SOURCE_TRIES && s == STATUS_WOULD_BLOCK; i++) {
        if (i > 0)
            (void)thread_sleep(time_after_ns(SOURCE_PAUSE_NS));
        s = entropy_read(portal, secret, CHANCE_SECRET_BYTES);
    }
    return s;
}

/* At the start nobody waits for us.  A driver that dies over it has a successor. */
static enum status secret_await(uint8_t secret[CHANCE_SECRET_BYTES])
{
    enum status s = STATUS_PEER_DEAD;
    handle_t portal;

    for (unsigned i = 0; i < SOURCE_LIVES && s == STATUS_PEER_DEAD; i++) {
        const enum status connected = source_await(&portal);
        if (connected != STATUS_OK)
            return connected;
        s = source_read(portal, secret);
        (void)!handle_close(portal);
    }
    return s;
}

/* Once, without waiting for anything. */
static enum status secret_try(uint8_t secret[CHANCE_SECRET_BYTES])
{
    handle_t portal;
    enum status s = source_connect(&portal);

    if (s != STATUS_OK)
        return s;
    s = entropy_read(portal, secret, CHANCE_SECRET_BYTES);
    (void)!handle_close(portal);
    /* One that is there and can't has to be asked again; one that is away is told of. */
    if (s != STATUS_OK) {
        loop_timer_start(&retry, time_after_ns(NS_PER_S << retries));
        retries += retries < RETRY_PAUSES;
    }
    return s;
}

/* Handshakes that are half done begin anew; what is connected has its numbers already. */
static void on_source(void *context)
{
    uint8_t secret[CHANCE_SECRET_BYTES];

    (void)context;
    if (!is_weak || secret_try(secret) != STATUS_OK)
        return;
    chance_init(secret);
    memset(secret, 0, sizeof secret);
    is_weak = false;
    log_line("there is an entropy source now: sequence numbers and ports come from it");
}

static void on_retry(void *context, struct loop_timer *timer)
{
    (void)timer;
    on_source(context);
}

/* Its keys may be guessed, which is said loudly, until there is a source. */
static void seed_weakly(enum status why)
{
    _Static_assert(sizeof startup_get()->random == CHANCE_SECRET_BYTES,
                   "one is as long as the other");
    log_line("WARNING: no entropy source (%s): TCP sequence numbers and ports come from a weak "
             "seed and may be guessed",
             status_text(why));
    chance_init((const uint8_t *)startup_get()->random);
    is_weak = true;
    /* As in secret_try(). */
    if (why == STATUS_WOULD_BLOCK || why == STATUS_PEER_DEAD)
        loop_timer_start(&retry, time_after_ns(NS_PER_S));
}

void secret_seed(void)
{
    uint8_t secret[CHANCE_SECRET_BYTES];
    enum status s = loop_bit_allocate(on_source, NULL, &source_bit);

    retry.on_time = on_retry;
    if (s == STATUS_OK)
        s = loop_signal_handle(source_bit, &source_event);
    if (s == STATUS_OK)
        s = secret_await(secret);
    if (s == STATUS_OK)
        chance_init(secret);
    else
        seed_weakly(s);
    memset(secret, 0, sizeof secret);
}
