/*
 * Where lwIP calls this stack: memory, chance, checksums and initial sequence numbers.
 */
#pragma once

#include "lwip/arch.h"
#include "lwip/ip_addr.h"

u32_t isn_of_connection(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
                        u16_t remote_port);

#define LWIP_HOOK_TCP_ISN(local, local_port, remote, remote_port) \
    isn_of_connection(local, local_port, remote, remote_port)
