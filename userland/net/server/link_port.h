/*
 * Link port: where the stack meets the network driver.
 *
 * A client of net:Link that never gives up.  When the driver dies, what it had is taken back and
 * the next driver gets the same pools; meanwhile frames are dropped, which TCP survives.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/status.h"
#include "lwip/netif.h"
#include "lwip/prot/ethernet.h"

struct link_port_counters {
    uint64_t received_frames, received_bytes;
    uint64_t sent_frames, sent_bytes;
    uint64_t receive_drops;           /* not frames at all */
    uint64_t send_drops;              /* no driver */
    uint64_t refused_ip, refused_tcp; /* lwIP counts them as sent, and tries again later */
    uint32_t driver_losses;
    uint32_t features; /* set of enum link_feature */
    bool has_driver, is_up;
};

/* Create the pools and start connecting.  Errors: OUT_OF_MEMORY, OUT_OF_QUOTA, DENIED. */
CHECK_RESULT enum status link_port_start(struct netif *netif);

/* lwIP's way out: netif->linkoutput. */
err_t link_port_output(struct netif *netif, struct pbuf *frame);

/* Who sent the frame that lwIP is looking at now; false: it came from no driver. */
bool link_port_sender(struct eth_addr *out);

/* The driver's queue is full; endpoint_output_all() follows when it isn't any more. */
bool link_port_is_refusing(void);

/* Post idle buffers, publish frames. */
void link_port_settle(void);

/* Frames are with the driver that it may have no other reason to report; make it look. */
bool link_port_awaits_report(void);
void link_port_poke(void);

void link_port_counters_read(struct link_port_counters *out);
