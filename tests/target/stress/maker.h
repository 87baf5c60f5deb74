/*
 * Makers: threads of this domain that make domains, let them work for a while and end them in one
 * of several ways, again and again.
 */
#pragma once

#include "field.h"

/* This domain's.  Written before the first maker starts. */
extern struct field *field;
extern handle_t field_handle;

/* What mayflies may call: handles of this domain's, which come and go; 0: none at the moment. */
extern _Atomic uint64_t server_portal[SERVERS];

/* `host` gets a handle of each domain that is made; all may call `keeper`. */
void maker_start(unsigned maker, uint64_t seed, handle_t host, handle_t keeper);

/* They are done (field->seat): take them away. */
void makers_end(void);
