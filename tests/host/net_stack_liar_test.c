/*
 * A client that lies to the stack: it loses its connection, and nobody else anything.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/net_stack/liar.h"

static struct connection liar;

static void lie(const struct net_message *m)
{
    if (liar.state != CONNECTION_OPENED)
        liar_open(&liar, NET_TCP_SERVICE);
    liar_send(&liar, m);
}

static void rule_breakers_are_cut_off(void **state)
{
    static const struct net_message lies[] = {
        {.kind = 0},
        {.kind = 9999},
        {.kind = NET_FREE, .offset = 0},
        {.kind = NET_FREE, .offset = UINT32_MAX},
        {.kind = NET_TCP_DATA},
    };
    uint64_t before = counters().clients_expelled;

    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++)
        lie(&lies[i]);
    pass(100);
    assert_int_equal(counters().clients_expelled - before, sizeof lies / sizeof lies[0]);
}

static void random_messages_hurt_nobody_else(void **state)
{
    (void)state;
    srand(3);
    connect_sides();
    for (unsigned i = 0; i < 20000; i++) {
        struct net_message m = {
            .kind = (uint16_t)((unsigned)rand() % 8),
            .port = (uint16_t)(2000 + rand() % 4),
            .socket = (uint32_t)(rand() % 40),
            .offset = (uint32_t)(rand() % 9000),
            .length = (uint32_t)(rand() % 3000),
            .address = own,
        };
        if (m.kind == 0)
            m.kind = i % 100 == 0 ? NET_FREE : NET_TCP_LISTEN;
        if (i % 5 == 0)
            m.socket |= (uint32_t)(rand() % 8) << 16;
        lie(&m);
        if (i % 50 == 0)
            pass(50);
    }
    if (liar.state == CONNECTION_OPENED)
        connection_close(&liar);
    near.to_send = 100000;
    side_send(&near);
    tcp_client_flush(client);
    pass(5000);
    assert_received(&far, 100000);
    tcp_close(near.socket);
    tcp_close(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_breakers_are_cut_off),
        cmocka_unit_test(random_messages_hurt_nobody_else),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
