#include "liar.h"

#include "fake_kernel.h"
#include "net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct connection_ops liar_ops = {0};

static const struct connection_config liar_config = {
    .capacity = 64, .buffer_bytes = 8192, .wanted_bytes = NET_STACK_BUFFER_BYTES};

void liar_open(struct connection *c, const char *service)
{
    fake_connect_as(LIAR);
    assert_int_equal(connection_open(c, service, &liar_config, &liar_ops, NULL), STATUS_OK);
    fake_connect_as(FAKE_SERVER);
}

void liar_send(struct connection *c, const struct net_message *m)
{
    struct ring_message raw;

    memcpy(&raw, m, sizeof raw);
    if (connection_send(c, &raw))
        connection_flush(c);
    settle();
}

bool liar_receive(struct connection *c, struct net_message *out)
{
    struct ring_message raw;

    if (!connection_receive(c, &raw))
        return false;
    memcpy(out, &raw, sizeof *out);
    return true;
}
