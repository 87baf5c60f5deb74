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
};

static unsigned source_bit;   /* the launcher says that the source is up */
static handle_t source_event; /* by this */
static struct loop_timer retry;
static bool is_weak;

/* Wait a while for the service to come up; it may be that this machine has no such device. */
static enum status source_connect(handle_t *portal)
{
    enum status s = app_connect_try(ENTROPY_SERVICE, source_event, portal);

    if (s != STATUS_WOULD_BLOCK)
        return s;
    s = loop_wait(source_bit, time_after_ns(NS_PER_S));
    return s == STATUS_OK ? app_connect_try(ENTROPY_SERVICE, source_event, portal) : s;
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

/* A driver that dies over it has a successor.  WOULD_BLOCK: there is one, but not with so much. */
static enum status secret_read(uint8_t secret[CHANCE_SECRET_BYTES])
{
    handle_t portal;

    for (unsigned i = 0; i < SOURCE_LIVES; i++) {
        enum status s = source_connect(&portal);
        if (s != STATUS_OK)
            return s;
        s = source_read(portal, secret);
        (void)!handle_close(portal);
        if (s != STATUS_PEER_DEAD)
            return s;
    }
    return STATUS_WOULD_BLOCK;
}

/* A source that is away is told of when it is up; one that has too little has to be asked again. */
static enum status secret_renew(void)
{
    uint8_t secret[CHANCE_SECRET_BYTES];
    const enum status s = secret_read(secret);

    if (s == STATUS_OK)
        chance_init(secret);
    else if (s == STATUS_WOULD_BLOCK)
        loop_timer_start(&retry, time_after_ns(NS_PER_S));
    memset(secret, 0, sizeof secret);
    return s;
}

/* Handshakes that are half done begin anew; what is connected has its numbers already. */
static void on_source(void *context)
{
    (void)context;
    if (!is_weak || secret_renew() != STATUS_OK)
        return;
    is_weak = false;
    log_line("there is an entropy source now: sequence numbers and ports come from it");
}

static void on_retry(void *context, struct loop_timer *timer)
{
    (void)timer;
    on_source(context);
}

void secret_seed(void)
{
    enum status s = loop_bit_allocate(on_source, NULL, &source_bit);

    retry.on_time = on_retry;
    if (s == STATUS_OK)
        s = loop_signal_handle(source_bit, &source_event);
    if (s == STATUS_OK)
        s = secret_renew();
    if (s == STATUS_OK)
        return;
    is_weak = true;
    log_line("WARNING: no entropy source (%s): TCP sequence numbers and ports come from a weak "
             "seed and may be guessed",
             status_text(s));
    _Static_assert(sizeof startup_get()->random == CHANCE_SECRET_BYTES,
                   "one is as long as the other");
    chance_init((const uint8_t *)startup_get()->random);
}
