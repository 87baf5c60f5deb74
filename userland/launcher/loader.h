/*
 * Loader: from a program in the archive to a domain that runs it, and back.
 *
 *   text     alias of the archive's own pages: read-execute, then read-only; shared by
 *            all instances, copied by none; the spare pages, if the others are damaged
 *   data     behind it at the distance that the program was linked for: initialised
 *            data (copied), bss and heap (zero)
 *   stack    with a guard page below; struct startup lies at its top
 *
 * The launcher sees data and stack only while it fills them.
 */
#pragma once

#include "claims.h"
#include "manifest.h"

#include "abi/types.h"

#include <stdbool.h>

struct load_request {
    const struct manifest_domain *domain;
    const char *argument; /* the manifest's, or the one that came with a launch */
    handle_t app_portal;  /* to be duplicated with `badge` */
    uint64_t badge;
    uint32_t restarts;
    bool is_suspect; /* it has lived before: look whether its text is whole */
    handle_t event;  /* signalled with `event_bits` when the domain stops */
    uint64_t event_bits;
    handle_t answer_event; /* by which it answers, with its bit, if it is to have a heartbeat */
    uint64_t answer_bit;
};

struct loaded_segment {
    handle_t handle;
    uaddr_t address;
    uint64_t bytes;
};

/* A domain and what the launcher holds of it; zero is valid and empty. */
struct loaded {
    handle_t domain;
    uint32_t domain_id;
    handle_t thread;
    struct loaded_segment text;
    struct loaded_segment data;
    struct loaded_segment stack;
    const struct archive_program *program;
    uint64_t text_offset; /* of the copy that it runs, in the archive */
    uint64_t text_checksum;
    bool is_text_unsure; /* no copy was sound when it was loaded, so there is nothing to look for */
    struct claim_set claims;
};

/*
 * Load and start.  On success `*out` is to be given to loader_unload() one day.
 * Errors: NOT_FOUND (no such program in the archive), NOT_SUPPORTED (a device is missing),
 * whatever the kernel says; the log says why, and nothing is left behind.
 */
CHECK_RESULT enum status loader_load(const struct load_request *request, struct loaded *out);

/* Whether its text is what it was when it was loaded; true where another life has no better. */
bool loader_text_is_sound(const struct loaded *loaded);

/* Nothing executes in it from here on, if it lives. */
void loader_stop(struct loaded *loaded);

/* End the domain, if it lives, and take everything back. */
void loader_unload(struct loaded *loaded);
