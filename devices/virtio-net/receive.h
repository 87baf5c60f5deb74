/*
 * Receiving: the device fills the client's buffers in place.
 */
#pragma once

#include "device.h"

/* Lend the device the buffers that one LINK_RX message names; receive_publish() shows them.
 * Errors: BAD_DATA (the client broke the protocol). */
CHECK_RESULT enum status receive_post(struct net_device *device, const struct link_message *m);

/* Report the frames that have arrived, as far as the client's ring has room, and ask for an
 * interrupt at the next. */
void receive_collect(struct net_device *device);

void receive_publish(struct net_device *device);
