/*
 * Where lwIP calls this stack: memory, chance, checksums and initial sequence numbers.
 */
#pragma once

#include "lwip/arch.h"
#include "lwip/ip_addr.h"

u32_t isn_of_connection(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                        u16_t remote_port);

struct tcp_pcb;
struct tcp_hdr;
struct pbuf;

/* ERR_OK, or the segment goes no further: to a connection or a listener, and to a connection. */
s8_t segment_admit(struct tcp_pcb *pcb, struct tcp_hdr *head, u16_t option_length,
                   const u8_t *more_options, struct pbuf *payload);
s8_t endpoint_admit(struct tcp_pcb *pcb, const struct pbuf *payload);

#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, option_length, option1_length, option2, payload) \
    segment_admit(pcb, header, option_length, option2, payload)

#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) \
    isn_of_connection(local, local_port, remote, remote_port)
