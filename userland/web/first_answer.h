/*
 * The first HTTPS answer since power-on: when it was complete goes into the log, once.
 *
 * It is the last step of booting as a user sees it, and tools/bench reads it from there.
 */
#pragma once

/* An HTTPS answer has been handed to the network in full. */
void first_answer_on_sent(void);
