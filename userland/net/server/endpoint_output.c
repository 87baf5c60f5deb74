/*
 * From the client's segment into lwIP, by copy: the client may change its bytes at any time, and
 * what lwIP has to send again must stay as it was.
 */
#include "endpoint_life.h"
#include "link_port.h"
#include "lwip/priv/tcp_priv.h"
#include "packet_memory.h"

enum { WRITE_BYTES_MAX = 16 * TCP_MSS }; /* of one tcp_write, which takes all or nothing */

/* FIN, once nothing is left in front of it. */
static void finish_sending(struct endpoint *e)
{
    if (e->is_closing) {
        (void)tcp_close(endpoint_detach(e));
        endpoint_end(e, STATUS_CLOSED);
        return;
    }
    e->is_fin_queued = tcp_shutdown(e->pcb, 0, 1) == ERR_OK;
    if (!e->is_fin_queued)
        endpoint_starve(e);
}

/* What tcp_write() puts into a frame: small windows make small segments. */
static size_t segment_bytes(const struct tcp_pcb *pcb)
{
    size_t half_window = pcb->snd_wnd_max / 2;

    return half_window > 0 && half_window < tcp_mss(pcb) ? half_window : tcp_mss(pcb);
}

/* How much more the connection may hold.  If that is nothing, acknowledgements or, where memory is
 * at its end, others' will change it. */
static size_t room_of(struct endpoint *e)
{
    size_t frames = packet_memory_frames_for_data();
    size_t held = tcp_sndqueuelen(e->pcb);
    size_t share = LWIP_MIN(packet_memory_share(), (size_t)TCP_SND_QUEUELEN);

    if (frames == 0)
        endpoint_starve(e);
    if (held >= share)
        return 0;
    frames = LWIP_MIN(frames, share - held);
    return LWIP_MIN(frames * segment_bytes(e->pcb), (size_t)tcp_sndbuf(e->pcb));
}

/* With a share of two segments the short one goes at once: nothing may follow that would fill it
 * up, and its peer, who has heard one, would take its time to say so. */
static void nagle_choose(struct endpoint *e, bool is_more)
{
    if (is_more && packet_memory_share() > PACKET_SHARE_SCARCE)
        tcp_nagle_enable(e->pcb);
    else
        tcp_nagle_disable(e->pcb);
}

/* Give lwIP as much of the oldest SEND as it and the packet memory take; false: no more now. */
static bool push_oldest(struct endpoint *e)
{
    struct endpoint_send *send = &e->sends[e->send_first];
    size_t left = send->length - e->send_done;
    size_t room = LWIP_MIN(room_of(e), LWIP_MIN(left, (size_t)WRITE_BYTES_MAX));

    if (room == 0)
        return false;

    const uint8_t *bytes = client_bytes(e->client, send->offset, send->length) + e->send_done;
    bool is_more = room < left || (send->flags & NET_SEND_MORE) != 0;
    u8_t flags = TCP_WRITE_FLAG_COPY | (is_more ? TCP_WRITE_FLAG_MORE : 0);
    if (tcp_write(e->pcb, bytes, (u16_t)room, flags) != ERR_OK) {
        endpoint_starve(e);
        return false;
    }

    if (packet_memory_share() <= PACKET_SHARE_SCARCE)
        nagle_choose(e, false);
    e->is_output_due = true;
    e->send_done += (uint32_t)room;
    e->sent_owed += (uint32_t)room;
    e->total_sent += room;
    endpoint_counters.sent_bytes += room;
    if (e->send_done < send->length)
        return true;

    e->is_sent_urgent |= (send->flags & NET_SEND_QUIET) == 0;
    nagle_choose(e, (send->flags & NET_SEND_MORE) != 0);
    e->send_done = 0;
    e->send_first = (e->send_first + 1) % NET_TCP_SENDS_MAX;
    e->send_count--;
    return true;
}

void endpoint_push(struct endpoint *e)
{
    if (e->state != ENDPOINT_OPEN || (e->is_fin_queued && !e->is_closing))
        return;
    while (e->send_count > 0 && push_oldest(e))
        ;
    if (e->send_count == 0 && e->is_shut)
        finish_sending(e);
    endpoint_touch(e);
}

void endpoint_feed_starved(void)
{
    struct endpoint *last = TAILQ_LAST(&endpoints_starved, endpoint_list);
    struct endpoint *e = NULL;

    /* Each at most once: endpoint_push() puts who is still hungry behind `last`. */
    while (last != NULL && e != last && packet_memory_frames_for_data() > 0) {
        e = TAILQ_FIRST(&endpoints_starved);
        TAILQ_REMOVE(&endpoints_starved, e, starved);
        e->is_starved = false;
        endpoint_push(e);
    }
}

void endpoint_send_again(void)
{
    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL; pcb = pcb->next)
        (void)tcp_rexmit_rto_prepare(pcb); /* fails where nothing is on its way */
}

void endpoint_output_all(void)
{
    struct tcp_pcb *next;

    for (struct tcp_pcb *pcb = tcp_active_pcbs; pcb != NULL && !link_port_is_refusing();
         pcb = next) {
        next = pcb->next;
        if (pcb->unsent != NULL)
            (void)tcp_output(pcb);
    }
}
