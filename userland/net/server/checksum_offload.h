/*
 * Leaving the TCP or UDP checksum of a frame to the device.
 */
#pragma once

#include "lwip/pbuf.h"
#include "net/link.h"

/* If `frame` carries TCP or UDP whole: put the pseudo-header's sum where the checksum goes, and
 * tell the driver where that is.  Else nothing happens. */
void checksum_offload(struct pbuf *frame, struct link_message *out);
