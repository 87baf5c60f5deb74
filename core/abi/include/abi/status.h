/*
 * The one list of ways in which a call can end, shared by kernel, runtime and
 * protocols.  A user's mistake is one of these; a kernel's mistake is a panic.
 */
#pragma once

#include "abi/types.h"

enum status {
    STATUS_OK = 0,
    STATUS_BAD_HANDLE = 1,     /* stale, closed or never issued */
    STATUS_WRONG_TYPE = 2,     /* the handle names another kind of object */
    STATUS_NO_RIGHT = 3,       /* the handle lacks a right that the call needs */
    STATUS_BAD_ARGUMENT = 4,   /* out of range, misaligned, or contradictory */
    STATUS_BAD_ADDRESS = 5,    /* the domain itself may not access that memory */
    STATUS_BAD_CALL = 6,       /* no such system call */
    STATUS_DENIED = 7,         /* the domain's system-call mask, or the manifest, forbids it */
    STATUS_OUT_OF_QUOTA = 8,   /* the domain's own allowance is used up */
    STATUS_OUT_OF_MEMORY = 9,  /* the machine has no free frame left */
    STATUS_OUT_OF_SPACE = 10,  /* no free run of the shared address space */
    STATUS_TIMED_OUT = 11,     /* the deadline passed first */
    STATUS_PEER_DEAD = 12,     /* the domain that serves the object is gone */
    STATUS_TOO_DEEP = 13,      /* the thread's bound of nested portal calls */
    STATUS_BUSY = 14,          /* somebody else holds or waits on it */
    STATUS_NOT_FOUND = 15,     /* no such name, index or owner */
    STATUS_WOULD_BLOCK = 16,   /* nothing there now; wait and try again */
    STATUS_NOT_SUPPORTED = 17, /* this machine cannot do it */
    STATUS_BAD_STATE = 18,     /* the object is not in a state that allows it */
    STATUS_CLOSED = 19,        /* the peer ended the conversation in order */
    STATUS_BAD_DATA = 20,      /* what a peer or device sent breaks the protocol */
    STATUS_COUNT,
};

/* The name of `s` in words ("out of quota"); never NULL. */
const char *status_text(enum status s);
