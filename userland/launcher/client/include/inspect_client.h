/*
 * Client of app:Inspect: the launcher's records as ordinary arrays.
 *
 * Every listing works the same way: start with a cursor of 0, call until the cursor is
 * 0 again, and use the records before the next call, which overwrites them.  They lie
 * in memory that the launcher writes, so copy what must not change under you.
 * Context: one thread at a time for each connection.
 * Blocks: for as long as the launcher works on it.
 * Errors: all return what the launcher said; NOT_FOUND: no such domain in the manifest;
 * PEER_DEAD: the connection is gone.
 */
#pragma once

#include "app/inspect.h"

#include "abi/status.h"

struct inspect {
    handle_t portal;
    handle_t segment;
    const uint8_t *buffer;
    uint64_t buffer_bytes;
};

/* A run of records inside the connection's buffer; borrowed until the next call. */
struct inspect_records {
    const uint8_t *first;
    uint32_t count;
    uint32_t stride_bytes;
};

/* Connect.  Errors: DENIED if the manifest doesn't let this domain connect to app:Inspect. */
CHECK_RESULT enum status inspect_open(struct inspect *out);
void inspect_close(struct inspect *inspect);

/*
 * Get the next records of the listing `op`, about the domain `name` (NULL where the
 * operation takes none).  `*cursor` is 0 at first, and after the last.
 */
CHECK_RESULT enum status inspect_list(struct inspect *inspect, enum inspect_op op, const char *name,
                                      uint64_t *cursor, struct inspect_records *out);

/* Record `index` of a listing: cast it to the type that belongs to the operation. */
static inline const void *inspect_record(const struct inspect_records *records, uint32_t index)
{
    return records->first + (size_t)index * records->stride_bytes;
}

/* Copy one record: INSPECT_MEMORY, INSPECT_MACHINE, INSPECT_FAULT (with a name). */
CHECK_RESULT enum status inspect_get(struct inspect *inspect, enum inspect_op op, const char *name,
                                     void *out, size_t out_bytes);

/* Who owns `address`, and who may do what there. */
CHECK_RESULT enum status inspect_address(struct inspect *inspect, uint64_t address,
                                         struct inspect_address *out);

/* The function that `address` is in: "name+0x1c (program)". */
CHECK_RESULT enum status inspect_symbol(struct inspect *inspect, uint64_t address,
                                        struct inspect_symbol *out);

/* Why the domain `name` may or may not have `target`, a service or another domain. */
CHECK_RESULT enum status inspect_why(struct inspect *inspect, const char *name, const char *target,
                                     struct inspect_why *out);

/* Start a domain of the manifest; `argument` NULL: the manifest's.  BUSY: it runs already. */
CHECK_RESULT enum status inspect_launch(struct inspect *inspect, const char *name,
                                        const char *argument);
CHECK_RESULT enum status inspect_stop(struct inspect *inspect, const char *name);
CHECK_RESULT enum status inspect_restart(struct inspect *inspect, const char *name);

/* End it as a fault would, `argument` milliseconds from now (NULL: at once). */
CHECK_RESULT enum status inspect_kill(struct inspect *inspect, const char *name,
                                      const char *argument);
CHECK_RESULT enum status inspect_poweroff(struct inspect *inspect);
CHECK_RESULT enum status inspect_reboot(struct inspect *inspect);

struct inspect_population {
    uint64_t entry;   /* where the thread of each starts, in the program's text; 0: no thread */
    uint64_t domains; /* that there shall be */
    uint64_t handles; /* in each that is made */
};

/*
 * For `bench`: have as many domains as `population` says that share the text of `program`; 0 takes
 * the last one away.  They go with the program that asked.  BUSY: they are another program's.
 */
CHECK_RESULT enum status inspect_populate(struct inspect *inspect, const char *program,
                                          const struct inspect_population *population);
