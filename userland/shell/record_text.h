/*
 * The words for what records hold: names, states, rights, kinds.
 */
#pragma once

#include "abi/info.h"

#include "rt/shown_text.h"

struct name_text {
    char text[NAME_BYTES * SHOWN_BYTE_MAX + 1];
};

struct rights_text {
    char text[48];
};

/* A name as it can be shown, whoever chose it; "-" if it is empty. */
struct name_text text_of_name(struct name name);

/* Memory rights as "rwx", with "-" for what is missing. */
struct rights_text text_of_access(rights_t rights);

/*
 * All rights, a letter each: read, write, x execute, m DMA, call, signal, a wait, g manage,
 * inspect, duplicate, transfer.
 */
struct rights_text text_of_rights(rights_t rights);

const char *text_of_object_type(uint32_t type);
const char *text_of_thread_state(uint32_t state);
const char *text_of_inspect_state(uint32_t state);
const char *text_of_cpu_state(uint32_t state);
