/*
 * Cookies are places in a table, free ones on a stack.
 */
#include "transmit_queue.h"

#include "packet_memory.h"

static struct pbuf *frames[TRANSMIT_FRAMES_MAX];
static uint16_t free_cookies[TRANSMIT_FRAMES_MAX];
static size_t free_count, limit_count;

void transmit_queue_init(size_t limit)
{
    limit_count = limit < TRANSMIT_FRAMES_MAX ? limit : TRANSMIT_FRAMES_MAX;
    free_count = 0;
    for (size_t i = limit_count; i-- > 0;)
        free_cookies[free_count++] = (uint16_t)i;
}

/* The frame's pieces by offset; false: too many, or not in packet memory. */
static bool gather(const struct pbuf *frame, struct link_message *out)
{
    out->count = 0;
    for (const struct pbuf *p = frame; p != NULL; p = p->next) {
        if (p->len == 0)
            continue;
        if (out->count == LINK_TX_PIECES
            || !packet_memory_find(p->payload, p->len, &out->tx.offset[out->count]))
            return false;
        out->tx.length[out->count++] = p->len;
    }
    return true;
}

bool transmit_queue_add(struct pbuf *frame, struct link_message *out)
{
    if (free_count == 0)
        return false;

    if (gather(frame, out)) {
        pbuf_ref(frame);
    } else {
        frame = pbuf_clone(PBUF_RAW, PBUF_RAM, frame);
        if (frame == NULL)
            return false;
        (void)gather(frame, out);
    }
    out->tx.cookie = free_cookies[--free_count];
    frames[out->tx.cookie] = frame;
    return true;
}

bool transmit_queue_remove(uint16_t cookie)
{
    if (cookie >= TRANSMIT_FRAMES_MAX || frames[cookie] == NULL)
        return false;

    struct pbuf *frame = frames[cookie];
    frames[cookie] = NULL;
    free_cookies[free_count++] = cookie;
    pbuf_free(frame);
    return true;
}

void transmit_queue_clear(void)
{
    for (uint16_t cookie = 0; cookie < TRANSMIT_FRAMES_MAX; cookie++)
        (void)transmit_queue_remove(cookie);
}

size_t transmit_queue_length(void)
{
    return limit_count - free_count;
}

size_t transmit_queue_eighths_left(void)
{
    return limit_count == 0 ? 0 : free_count * 8 / limit_count;
}
