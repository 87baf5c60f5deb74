/*
 * Fuzzing the network's texts: any bytes as an address and as the stack's argument.
 *
 * The sanitizers watch memory; what is understood must survive being written and read again.
 */
// source: userland/net/client/address.c
// source: userland/net/server/configuration.c
#include "userland/net/server/configuration.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool claim)
{
    if (!claim)
        abort();
}

static void address_try(const char *text)
{
    char written[NET_ADDRESS_TEXT_BYTES];
    struct net_address address, again;

    if (!net_address_parse(text, &address))
        return;
    net_address_format(&address, written);
    require(strlen(written) < sizeof written);
    require(net_address_parse(written, &again));
    require(memcmp(&address, &again, sizeof address) == 0);
}

static void configuration_try(const char *text)
{
    struct configuration c;
    const char *bad = NULL;

    if (configuration_parse(text, &c, &bad) != STATUS_OK) {
        require(bad >= text && bad <= text + strlen(text));
        return;
    }
    require(c.prefix_bits <= 32 && c.prefix6_bits <= 128);
    require(c.hostname[0] != '\0' && memchr(c.hostname, '\0', sizeof c.hostname) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    address_try(text);
    configuration_try(text);
    free(text);
    return 0;
}
