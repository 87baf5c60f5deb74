/*
 * Names of the ways in which a call can end, the same words in the log and on the console.
 */
#include "abi/status.h"

static const char *const texts[STATUS_COUNT] = {
    [STATUS_OK] = "ok",
    [STATUS_BAD_HANDLE] = "bad handle",
    [STATUS_WRONG_TYPE] = "wrong type of object",
    [STATUS_NO_RIGHT] = "handle lacks a right",
    [STATUS_BAD_ARGUMENT] = "bad argument",
    [STATUS_BAD_ADDRESS] = "bad address",
    [STATUS_BAD_CALL] = "no such call",
    [STATUS_DENIED] = "denied",
    [STATUS_OUT_OF_QUOTA] = "out of quota",
    [STATUS_OUT_OF_MEMORY] = "out of memory",
    [STATUS_OUT_OF_SPACE] = "out of address space",
    [STATUS_TIMED_OUT] = "timed out",
    [STATUS_PEER_DEAD] = "peer dead",
    [STATUS_TOO_DEEP] = "portal calls nested too deep",
    [STATUS_BUSY] = "busy",
    [STATUS_NOT_FOUND] = "not found",
    [STATUS_WOULD_BLOCK] = "would block",
    [STATUS_NOT_SUPPORTED] = "not supported",
    [STATUS_BAD_STATE] = "bad state",
    [STATUS_CLOSED] = "closed",
    [STATUS_BAD_DATA] = "bad data",
};

const char *status_text(enum status s)
{
    /* A status may come from a peer, so it may be any number. */
    return (unsigned)s < STATUS_COUNT ? texts[(unsigned)s] : "unknown status";
}
