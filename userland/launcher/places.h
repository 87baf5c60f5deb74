/*
 * Places: what an address means.
 *
 * Every domain sees the same addresses, so one number is enough to ask: which segment
 * is that, whom does it serve, who may do what there, and, if it is code, which function
 * of which program.
 */
#pragma once

#include "supervisor.h"

#include "app/inspect.h"

enum { PLACE_TEXT_BYTES = INSPECT_SYMBOL_BYTES };

struct place_text {
    char text[PLACE_TEXT_BYTES];
};

/* "tcp_input+0x1c (net)", or empty where no program's text is. */
struct place_text place_symbol(uint64_t address);

/* Name of the domain with this id; "kernel" for 0, "domain 7" for one that is gone. */
struct name place_domain_name(uint32_t domain_id);

/*
 * Name of the domain that the memory at `address` serves: what the launcher made for a
 * domain is that domain's, and all else belongs to who made it, `maker_id`.
 */
struct name place_owner_name(uint64_t address, uint32_t maker_id);

/* "kernel" or "nobody": whose an address is that no domain has anything at. */
struct name place_without_domain(uint64_t address);

/* Fill in all that is known of `address`, and who may do what there. */
void place_describe(uint64_t address, struct inspect_address *out);

/* What a domain may, as the end of "it may ...": "read and write", "do nothing" */
const char *place_rights_text(rights_t rights);
