/*
 * Sending: frames of the client go to the device as they lie in its pool.
 *
 * A frame that is done is reported when something else happens anyway, unless the
 * client asked for a report: an interrupt for each frame sent would cost more than
 * sending it.
 */
#pragma once

#include "device.h"

/* Whether the queue takes one more frame, whatever its pieces. */
bool transmit_has_room(const struct net_device *device);

/* Queue one frame; transmit_publish() shows it to the device.
 * Errors: BAD_DATA (the client broke the protocol). */
CHECK_RESULT enum status transmit_frame(struct net_device *device, const struct link_message *m);

/* Report what is done, as far as the client's ring has room, and ask for the next interrupt if
 * one is needed. */
void transmit_collect(struct net_device *device);

void transmit_publish(struct net_device *device);
