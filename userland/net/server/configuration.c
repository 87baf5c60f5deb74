/*
 * One table of words, one small reader each.
 */
#include "configuration.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = 64 };

static bool read_address(const char *value, bool is_v4, struct net_address *out)
{
    struct net_address address;

    if (!net_address_parse(value, &address) || net_address_is_v4(&address) != is_v4)
        return false;
    *out = address;
    return true;
}

static bool read_prefixed(char *value, bool is_v4, struct net_address *out, uint32_t *prefix_bits)
{
    char *slash = strchr(value, '/');

    if (slash == NULL)
        return false;
    *slash = '\0';

    char *end;
    unsigned long bits = strtoul(slash + 1, &end, 10);
    if (end == slash + 1 || *end != '\0' || bits == 0 || bits > (is_v4 ? 32U : 128U))
        return false;
    *prefix_bits = (uint32_t)bits;
    return read_address(value, is_v4, out);
}

static bool read_v4(struct configuration *c, char *value)
{
    return read_prefixed(value, true, &c->address, &c->prefix_bits);
}

static bool read_v6(struct configuration *c, char *value)
{
    return read_prefixed(value, false, &c->address6, &c->prefix6_bits);
}

static bool read_gateway(struct configuration *c, char *value)
{
    return read_address(value, true, &c->gateway);
}

static bool read_dns(struct configuration *c, char *value)
{
    for (size_t i = 0; i < NET_DNS_SERVERS; i++) {
        if (net_address_is_any(&c->dns[i]))
            return net_address_parse(value, &c->dns[i]);
    }
    return false;
}

static bool read_slaac(struct configuration *c, char *value)
{
    c->is_slaac_off = strcmp(value, "off") == 0;
    return c->is_slaac_off || strcmp(value, "on") == 0;
}

static bool read_hostname(struct configuration *c, char *value)
{
    size_t length = strlen(value);

    if (length == 0 || length >= sizeof c->hostname)
        return false;
    memcpy(c->hostname, value, length + 1);
    return true;
}

struct setting {
    const char *name;
    bool (*read)(struct configuration *c, char *value);
};

static const struct setting settings[] = {
    {"address", read_v4},  {"gateway", read_gateway}, {"dns", read_dns},
    {"address6", read_v6}, {"slaac", read_slaac},     {"hostname", read_hostname},
};

static bool read_word(struct configuration *c, char *word)
{
    char *equals = strchr(word, '=');

    if (equals == NULL)
        return false;
    *equals = '\0';
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (strcmp(word, settings[i].name) == 0)
            return settings[i].read(c, equals + 1);
    }
    return false;
}

enum status configuration_parse(const char *text, struct configuration *out, const char **bad)
{
    struct configuration c = {.hostname = "rotunda"};

    for (const char *at = text + strspn(text, " "); *at != '\0'; at += strspn(at, " ")) {
        char word[WORD_BYTES];
        size_t length = strcspn(at, " ");

        *bad = at;
        if (length >= sizeof word)
            return STATUS_BAD_ARGUMENT;
        memcpy(word, at, length);
        word[length] = '\0';
        if (!read_word(&c, word))
            return STATUS_BAD_ARGUMENT;
        at += length;
    }
    *out = c;
    return STATUS_OK;
}
