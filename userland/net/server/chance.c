/*
 * Two keys of one secret: one for sequence numbers, one for a counter that becomes random numbers.
 */
#include "chance.h"

#include <string.h>

#include "siphash.h"

enum {
    PORT_DYNAMIC_FIRST = 49152,
    PORT_DYNAMIC_COUNT = 65536 - PORT_DYNAMIC_FIRST,
    SEQUENCE_STEP_NS = 4000,
};

static struct siphash_key sequence_key; /* both written by chance_init() alone */
static struct siphash_key random_key;
static uint64_t random_count;

void chance_init(const uint8_t secret[CHANCE_SECRET_BYTES])
{
    memcpy(&sequence_key, secret, sizeof sequence_key);
    memcpy(&random_key, secret + sizeof sequence_key, sizeof random_key);
    random_count = 0;
}

uint32_t random_u32(void)
{
    random_count++;
    return (uint32_t)siphash(&random_key, &random_count, sizeof random_count);
}

/* The key of sequence numbers serves: what is hashed for those has 40 bytes, and no mark has. */
uint32_t chance_mark(const void *data, size_t length)
{
    return (uint32_t)siphash(&sequence_key, data, length);
}

uint16_t random_port(void)
{
    return (uint16_t)(PORT_DYNAMIC_FIRST + random_u32() % PORT_DYNAMIC_COUNT);
}

uint32_t chance_sequence_number(const uint8_t local[16], uint16_t local_port,
                                const uint8_t remote[16], uint16_t remote_port, uint64_t now_ns)
{
    struct {
        uint8_t local[16];
        uint8_t remote[16];
        uint16_t local_port;
        uint16_t remote_port;
        uint32_t zero;
    } tuple = {.local_port = local_port, .remote_port = remote_port};

    _Static_assert(sizeof tuple == 40, "no padding gets hashed");
    memcpy(tuple.local, local, sizeof tuple.local);
    memcpy(tuple.remote, remote, sizeof tuple.remote);
    return (uint32_t)(now_ns / SEQUENCE_STEP_NS)
           + (uint32_t)siphash(&sequence_key, &tuple, sizeof tuple);
}
