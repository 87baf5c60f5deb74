/*
 * How connections from peers begin: SYN cookies while many are begun, a port that is used again,
 * and a listener that goes meanwhile.
 */
// include first: tests/host/fake
// library: net_stack_fixture
#include "tests/host/net_stack/net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/net_stack/liar.h"
#include "tests/host/net_stack/peer.h"

enum { BACKLOG = 255, COOKIES_FROM = 32 };

static void a_flood_of_syns_keeps_nobody_out(void **state)
{
    enum { FORGED = 1000, HONEST = 4000, GUESSER = 5000 };
    struct net_counters before = counters();
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i < FORGED; i++) {
        peer_send(i, port, FLAG_SYN, i, 0, 0);
        (void)peer_heard(i, FLAG_SYN | FLAG_ACK);
    }
    assert_int_equal(counters().syn_cookies_sent - before.syn_cookies_sent, FORGED - COOKIES_FROM);

    /* Who answers is let in, with what it says at once; who guesses isn't. */
    peer_send(HONEST, port, FLAG_SYN, 77, 0, 0);
    uint32_t cookie = peer_heard(HONEST, FLAG_SYN | FLAG_ACK);
    peer_send(GUESSER, port, FLAG_ACK, 78, cookie + 1, 0);
    (void)peer_heard(GUESSER, FLAG_RST | FLAG_ACK);
    peer_send(HONEST, port, FLAG_ACK, 79, cookie + 1, 0);
    (void)peer_heard(HONEST, FLAG_RST | FLAG_ACK);
    peer_send(HONEST, port, FLAG_ACK, 78, cookie, 0);
    (void)peer_heard(HONEST, FLAG_RST | FLAG_ACK);
    assert_int_equal(far.accepted, 0);
    peer_send(HONEST, port, FLAG_ACK, 78, cookie + 1, 200);
    pass(300);
    assert_int_equal(far.accepted, 1);
    assert_received(&far, 200);
    assert_int_equal(counters().syn_cookies_honoured - before.syn_cookies_honoured, 1);
    far.to_send = 100;
    side_send(&far);
    tcp_client_flush(client);
    settle();
    assert_int_equal(peer_heard(HONEST, FLAG_ACK | 8), cookie + 1);
    tcp_abort(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

static void a_cookie_grows_old(void **state)
{
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i <= COOKIES_FROM; i++)
        peer_send(i, port, FLAG_SYN, i, 0, 0);
    uint32_t cookie = peer_heard(COOKIES_FROM, FLAG_SYN | FLAG_ACK);
    pass(33000);
    peer_send(COOKIES_FROM, port, FLAG_ACK, COOKIES_FROM + 1, cookie + 1, 0);
    (void)peer_heard(COOKIES_FROM, FLAG_RST | FLAG_ACK);
    assert_int_equal(far.accepted, 0);
    assert_clean();
}

/* A peer may use its port again while we still wait for late packets of the last connection. */
static void a_port_is_used_again_at_once(void **state)
{
    enum { PEER = 7, FLAG_FIN = 1 };
    uint16_t port = listen_for_peers();

    (void)state;
    peer_send(PEER, port, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(PEER, FLAG_SYN | FLAG_ACK) + 1;
    peer_send(PEER, port, FLAG_ACK, 1001, own_next, 0);
    assert_int_equal(far.accepted, 1);
    far.to_send = 1000;
    side_send(&far);
    tcp_close(far.socket);
    tcp_client_flush(client);
    settle();
    own_next += 1000 + 1;
    peer_send(PEER, port, FLAG_ACK, 1001, own_next, 0);
    peer_send(PEER, port, FLAG_ACK | FLAG_FIN, 1001, own_next, 0);

    /* An old SYN, late: the peer is told how far it was.  A new one begins beyond the last. */
    peer_send(PEER, port, FLAG_SYN, 900, 0, 0);
    (void)peer_heard(PEER, FLAG_ACK);
    peer_send(PEER, port, FLAG_SYN, 2000, 0, 0);
    uint32_t sequence = peer_heard(PEER, FLAG_SYN | FLAG_ACK);
    assert_true(sequence - own_next < INT32_MAX);
    peer_send(PEER, port, FLAG_ACK, 2001, sequence + 1, 100);
    pass(300);
    assert_int_equal(far.accepted, 2);
    assert_received(&far, 100);
    tcp_abort(far.socket);
    tcp_client_flush(client);
    assert_clean();
}

/* Real connections that nobody accepts fill the backlog; cookies don't get past its end. */
static void cookies_end_with_the_backlog(void **state)
{
    enum { CREDITS = 10 };
    struct net_counters before = counters();
    uint16_t port = listen_for_peers();

    (void)state;
    for (uint16_t i = 0; i < BACKLOG + CREDITS + 20; i++) {
        peer_send(i, port, FLAG_SYN, i, 0, 0);
        uint32_t sequence = peer_heard(i, FLAG_SYN | FLAG_ACK);
        peer_send(i, port, FLAG_ACK, i + 1U, sequence + 1, 0);
    }
    assert_int_equal(counters().syn_cookies_honoured - before.syn_cookies_honoured,
                     BACKLOG - COOKIES_FROM);
    for (uint16_t i = 0; i < BACKLOG + CREDITS + 20; i++)
        peer_send(i, port, FLAG_RST, i + 1U, 0, 0);
    assert_clean();
}

/* Though what it says at once is weighed, as receive buffers are short. */
static void who_answers_a_listener_that_is_gone_is_reset(void **state)
{
    enum { PEER = 8, GONE_PORT = 6200, HELD = 128 /* a quarter */ };
    struct net_message m = {.kind = NET_TCP_LISTEN, .port = GONE_PORT, .count = 1};
    struct connection program = {0};

    (void)state;
    (void)listen_for_peers();
    liar_open(&program, NET_TCP_SERVICE);
    liar_send(&program, &m);
    assert_true(liar_receive(&program, &m) && m.status == STATUS_OK);
    peer_send(PEER, GONE_PORT, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(PEER, FLAG_SYN | FLAG_ACK) + 1;
    connection_close(&program);
    settle();
    hold_buffers(HELD);
    peer_send(PEER, GONE_PORT, FLAG_ACK, 1001, own_next, 200);
    (void)peer_heard(PEER, FLAG_RST | FLAG_ACK);
    hold_buffers(0);
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_syns_keeps_nobody_out),
        cmocka_unit_test(a_cookie_grows_old),
        cmocka_unit_test(a_port_is_used_again_at_once),
        cmocka_unit_test(cookies_end_with_the_backlog),
        cmocka_unit_test(who_answers_a_listener_that_is_gone_is_reset),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
