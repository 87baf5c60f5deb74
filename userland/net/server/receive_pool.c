/*
 * A state a buffer, and a stack of idle ones: the warmest goes out first.
 */
#include "receive_pool.h"

#include "net/link.h"

enum buffer_state { BUFFER_IDLE, BUFFER_POSTED, BUFFER_HELD };

struct receive_buffer {
    struct pbuf_custom packet; /* first: lwIP hands back a pointer to it */
    enum buffer_state state;
};

static struct receive_buffer buffers[RECEIVE_BUFFER_COUNT];
static uint16_t idle[RECEIVE_BUFFER_COUNT];
static size_t idle_count, posted_count;
static uint8_t *pool_base;

static void make_idle(struct receive_buffer *buffer)
{
    buffer->state = BUFFER_IDLE;
    idle[idle_count++] = (uint16_t)(buffer - buffers);
}

static void on_free(struct pbuf *p)
{
    /* pbuf is the first member of pbuf_custom, which is the first of receive_buffer. */
    make_idle((struct receive_buffer *)p);
}

void receive_pool_init(uint8_t *base)
{
    pool_base = base;
    idle_count = 0;
    posted_count = 0;
    for (size_t i = RECEIVE_BUFFER_COUNT; i-- > 0;) {
        buffers[i].packet.custom_free_function = on_free;
        make_idle(&buffers[i]);
    }
}

bool receive_pool_post(uint16_t *buffer)
{
    if (idle_count == 0)
        return false;
    *buffer = idle[--idle_count];
    buffers[*buffer].state = BUFFER_POSTED;
    posted_count++;
    return true;
}

struct pbuf *receive_pool_filled(uint16_t buffer, uint16_t length)
{
    if (buffer >= RECEIVE_BUFFER_COUNT || buffers[buffer].state != BUFFER_POSTED
        || length > RECEIVE_BUFFER_BYTES || length < LINK_HEADER_BYTES)
        return NULL;

    posted_count--;
    buffers[buffer].state = BUFFER_HELD;
    return pbuf_alloced_custom(PBUF_RAW, length, PBUF_REF, &buffers[buffer].packet,
                               pool_base + (size_t)buffer * RECEIVE_BUFFER_BYTES,
                               RECEIVE_BUFFER_BYTES);
}

void receive_pool_recall(void)
{
    for (size_t i = 0; i < RECEIVE_BUFFER_COUNT; i++) {
        if (buffers[i].state == BUFFER_POSTED)
            make_idle(&buffers[i]);
    }
    posted_count = 0;
}

size_t receive_pool_idle(void)
{
    return idle_count;
}

size_t receive_pool_posted(void)
{
    return posted_count;
}

size_t receive_pool_held(void)
{
    return RECEIVE_BUFFER_COUNT - idle_count - posted_count;
}

enum receive_pressure receive_pool_pressure(void)
{
    size_t held = receive_pool_held();

    if (held < RECEIVE_BUFFER_COUNT / 4)
        return PRESSURE_NONE;
    if (held < RECEIVE_BUFFER_COUNT * 3 / 4)
        return PRESSURE_SOME;
    return held < RECEIVE_BUFFER_COUNT * 15 / 16 ? PRESSURE_HIGH : PRESSURE_FULL;
}
