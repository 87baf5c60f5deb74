/*
 * Connections and services against each other, over a kernel and a launcher that the test plays:
 * opening, messages, room, closing, deaths on either side, and clients that lie.  Each test ends
 * with as many handles and objects as it began with.
 */
// include first: tests/host/fake
// source: tests/host/fake/fake_kernel.c
// source: userland/runtime/src/app.c
// source: userland/runtime/src/client.c
// source: userland/runtime/src/connection.c
// source: userland/runtime/src/handle.c
// source: userland/runtime/src/loop.c
// source: userland/runtime/src/memory.c
// source: userland/runtime/src/ring.c
// source: userland/runtime/src/service.c
// source: userland/runtime/src/service_name.c
// source: userland/runtime/src/timer.c
// source: core/abi/status.c
#include "rt/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "rt/app.h"
#include "rt/syscall.h"
#include "userland/runtime/src/program.h"

enum {
    CAPACITY = 8,
    CLIENT_LIMIT = 8,
    DOMAIN_LIMIT = CLIENT_LIMIT / 4,
    CLIENT_DOMAIN = 1,
    EPOCH = 7,
};

/* What each side has seen. */
struct side {
    struct connection *connection;
    unsigned opened, closed, rooms;
    enum status why, open_answer;
    uint64_t received[64];
    unsigned count, take_limit;
    bool is_restarting, is_starting, is_echoing;
};

static struct side server, client_side;
static struct service service;
static struct connection client;
static unsigned handles_before, objects_before;

static enum status on_open(void *context, struct connection *c, struct connection_config *config)
{
    struct side *s = context;

    (void)config;
    s->connection = c;
    s->opened++;
    return s->open_answer;
}

static void on_messages(void *context, struct connection *c)
{
    struct side *s = context;
    struct ring_message m;

    for (unsigned i = 0; i < s->take_limit && connection_receive(c, &m); i++) {
        s->received[s->count++ % 64] = m.word[0];
        if (s->is_echoing)
            assert_true(connection_send(c, &m));
    }
}

static void on_room(void *context, struct connection *c)
{
    struct side *s = context;

    (void)c;
    s->rooms++;
}

static void on_call(void *context, struct connection *c, struct portal_message *m)
{
    (void)context;
    m->word[0] = STATUS_OK;
    m->word[2] = c->badge;
    m->word[3] = c->state;
}

static void on_close(void *context, struct connection *c, enum status why)
{
    struct side *s = context;

    s->closed++;
    s->why = why;
    if (s->is_restarting)
        assert_int_equal(connection_restart(c), STATUS_OK);
    if (s->is_starting)
        assert_int_equal(connection_start(c, c->service, &c->config, c->ops, s), STATUS_BAD_STATE);
}

static const struct connection_ops ops = {.on_open = on_open,
                                          .on_messages = on_messages,
                                          .on_room = on_room,
                                          .on_call = on_call,
                                          .on_close = on_close};

static const struct connection_config config = {.capacity = CAPACITY, .buffer_bytes = 4096};

/* Run until nothing is pending. */
static void loop_settle(void)
{
    fake_on_idle(loop_stop);
    loop_run();
}

static int start(void **state)
{
    static const struct service_config service_config = {
        .connection = {.capacity = CAPACITY, .buffer_bytes = 8192, .buffer_rights = RIGHT_READ},
        .client_limit = CLIENT_LIMIT};

    (void)state;
    fake_reset();
    loop_init();
    return service_offer("test:Echo", &service_config, &ops, &server, &service) == STATUS_OK ? 0
                                                                                             : -1;
}

static int before_each(void **state)
{
    (void)state;
    server = client_side = (struct side){.take_limit = 1000};
    fake_service_up(true);
    fake_connect_answer(STATUS_OK);
    fake_connect_as(CLIENT_DOMAIN);
    handles_before = fake_handles();
    objects_before = fake_objects();
    return 0;
}

static int after_each(void **state)
{
    (void)state;
    connection_close(&client);
    loop_settle();
    assert_int_equal(service.client_count, 0);
    assert_int_equal(fake_objects(), objects_before);
    assert_int_equal(fake_handles(), handles_before);
    return 0;
}

static void open_client(void)
{
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side), STATUS_OK);
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.opened, 1);
    assert_int_equal(server.opened, 1);
}

static void send_from(struct connection *c, uint64_t first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct ring_message m = {{first + i}};

        assert_true(connection_send(c, &m));
    }
    connection_flush(c);
}

static void messages_go_both_ways(void **state)
{
    (void)state;
    server.is_echoing = true;
    open_client();
    for (uint64_t round = 0; round < 10; round++) {
        send_from(&client, round * 5, 5);
        loop_settle();
    }
    assert_int_equal(server.count, 50);
    assert_int_equal(client_side.count, 50);
    for (uint64_t i = 0; i < 50; i++)
        assert_int_equal(client_side.received[i], i);
}

static void no_bell_rings_while_the_other_side_is_awake(void **state)
{
    (void)state;
    open_client();
    loop_settle();
    unsigned before = fake_signals();

    for (uint64_t i = 0; i < CAPACITY; i++)
        send_from(&client, i, 1);
    assert_int_equal(fake_signals(), before + 1);
    loop_settle();
    assert_int_equal(server.count, CAPACITY);
}

/* What is in the ring isn't forgotten: each side looks when the launcher asks it. */
static void a_bell_that_is_lost_is_made_up_for(void **state)
{
    (void)state;
    open_client();
    loop_settle();
    for (unsigned side = 0; side < 2; side++) {
        fake_lose_signals(true);
        send_from(side == 0 ? &client : server.connection, 0, 3);
        fake_lose_signals(false);
        loop_settle();
        assert_int_equal(side == 0 ? server.count : client_side.count, 0);
        fake_ask();
        loop_settle();
        assert_true(fake_has_answered());
        assert_int_equal(side == 0 ? server.count : client_side.count, 3);
    }
}

static void calls_carry_the_badge_of_the_client(void **state)
{
    struct portal_message m = {.word = {1}};

    (void)state;
    open_client();
    assert_int_equal(connection_call(&client, &m), STATUS_OK);
    assert_int_equal(m.word[2], server.connection->badge);
    assert_int_equal(m.word[3], CONNECTION_OPENED);
}

static void call_without_rings_is_answered_too(void **state)
{
    struct portal_message m = {.word = {1}};
    handle_t portal;

    (void)state;
    assert_int_equal(app_connect("test:Echo", &portal), STATUS_OK);
    assert_int_equal(portal_request(portal, &m), STATUS_OK);
    assert_int_equal(m.word[3], CONNECTION_CLOSED);
    assert_int_equal(server.opened, 0);
    assert_int_equal(handle_close(portal), STATUS_OK);
}

static void buffers_are_seen_by_the_other_side(void **state)
{
    uint64_t length;

    (void)state;
    open_client();
    char *mine = connection_buffer(&client, &length);
    assert_int_equal(length, 4096);
    strcpy(mine, "hello");
    assert_string_equal(connection_peer_buffer(server.connection, &length), "hello");
    assert_int_equal(length, 4096);

    uaddr_t a = (uaddr_t)(uintptr_t)mine;
    assert_true(connection_peer_range(server.connection, a, 4096));
    assert_true(connection_peer_range(server.connection, a + 4096, 0));
    assert_false(connection_peer_range(server.connection, a, 4097));
    assert_false(connection_peer_range(server.connection, a - 1, 1));
    assert_false(connection_peer_range(server.connection, a + 1, UINT64_MAX));
}

static void full_ring_tells_when_there_is_room(void **state)
{
    struct ring_message m = {{0}};

    (void)state;
    open_client();
    loop_settle();
    send_from(&client, 0, CAPACITY);
    assert_false(connection_send(&client, &m));
    assert_int_equal(client_side.rooms, 0);
    loop_settle();
    assert_int_equal(server.count, CAPACITY);
    assert_int_equal(client_side.rooms, 1);
    assert_true(connection_send(&client, &m));
    connection_flush(&client);
    loop_settle();
    assert_int_equal(server.count, CAPACITY + 1);
}

static void take_by_hand(struct connection *c, unsigned count)
{
    struct ring_message m;

    for (unsigned i = 0; i < count; i++)
        assert_true(connection_receive(c, &m));
    connection_flush(c);
}

/* The bell was for one sender, and another of the same connection is there first. */
static void room_that_others_took_is_told_of_when_there_is_some_again(void **state)
{
    struct ring_message m = {{0}};

    (void)state;
    open_client();
    server.take_limit = 0;
    send_from(&client, 0, CAPACITY);
    assert_false(connection_send(&client, &m));
    loop_settle();
    take_by_hand(server.connection, CAPACITY / 2);
    send_from(&client, CAPACITY, CAPACITY / 2);
    loop_settle();
    assert_int_equal(client_side.rooms, 0);
    take_by_hand(server.connection, 1);
    loop_settle();
    assert_int_equal(client_side.rooms, 1);
    take_by_hand(server.connection, CAPACITY - 1);
}

static void messages_that_are_left_wait_for_resume(void **state)
{
    (void)state;
    open_client();
    server.take_limit = 2;
    send_from(&client, 0, 6);
    loop_settle();
    assert_int_equal(server.count, 2);
    connection_resume(server.connection);
    loop_settle();
    assert_int_equal(server.count, 4);
    server.take_limit = 100;
    connection_resume(server.connection);
    loop_settle();
    assert_int_equal(server.count, 6);
}

static void messages_that_are_taken_elsewhere_need_no_resume(void **state)
{
    struct ring_message m;

    (void)state;
    open_client();
    server.take_limit = 2;
    send_from(&client, 0, 6);
    loop_settle();
    assert_int_equal(server.count, 2);
    for (uint64_t i = 2; i < 6; i++) {
        assert_true(connection_receive(server.connection, &m));
        assert_int_equal(m.word[0], i);
    }
    assert_false(connection_receive(server.connection, &m));
    loop_settle();
    send_from(&client, 6, 2);
    loop_settle();
    assert_int_equal(server.count, 4);
}

static void last_messages_arrive_before_the_close(void **state)
{
    (void)state;
    open_client();
    send_from(&client, 0, 3);
    connection_close(&client);
    loop_settle();
    assert_int_equal(server.count, 3);
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_CLOSED);
    assert_int_equal(client_side.closed, 0);
}

/* The client has sent six and closed; the server has taken two. */
static void close_with_four_left(void)
{
    open_client();
    server.take_limit = 2;
    send_from(&client, 0, 6);
    loop_settle();
    connection_close(&client);
    loop_settle();
    assert_int_equal(server.count, 2);
    assert_int_equal(server.closed, 0);
}

static void messages_that_were_left_outlive_the_close(void **state)
{
    (void)state;
    close_with_four_left();
    connection_resume(server.connection);
    loop_settle();
    assert_int_equal(server.count, 4);
    assert_int_equal(server.closed, 0);
    server.take_limit = 100;
    connection_resume(server.connection);
    loop_settle();
    assert_int_equal(server.count, 6);
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_CLOSED);
}

static void messages_that_are_taken_elsewhere_outlive_the_close(void **state)
{
    struct ring_message m;

    (void)state;
    close_with_four_left();
    take_by_hand(server.connection, 4);
    assert_false(connection_receive(server.connection, &m));
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_CLOSED);
}

static void who_closed_and_dies_is_gone_at_once(void **state)
{
    (void)state;
    close_with_four_left();
    fake_bury(server.connection->doorbell);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_PEER_DEAD);
}

static void who_closed_and_broke_the_rules_is_gone_at_once(void **state)
{
    (void)state;
    close_with_four_left();
    connection_fail(server.connection);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_BAD_DATA);
}

/* Nobody will take the answers, so what was left for their sake would stay for ever. */
static void who_waits_for_room_does_not_outlive_the_close(void **state)
{
    struct ring_message m = {{0}};

    (void)state;
    open_client();
    server.take_limit = client_side.take_limit = 0;
    send_from(server.connection, 0, CAPACITY);
    assert_false(connection_send(server.connection, &m));
    send_from(&client, 0, 1);
    connection_close(&client);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_CLOSED);
}

static void server_can_close_too(void **state)
{
    (void)state;
    open_client();
    connection_close(server.connection);
    loop_settle();
    assert_int_equal(client_side.closed, 1);
    assert_int_equal(client_side.why, STATUS_CLOSED);
    assert_int_equal(client.state, CONNECTION_DEAD);
    assert_int_equal(server.closed, 0);
}

/* By a bit of its memory, say, that isn't what it was. */
static void who_takes_the_other_for_gone_says_so(void **state)
{
    (void)state;
    open_client();
    struct connection_area *area = client.own_area.address;
    atomic_store(&area->is_closed, 1);
    loop_raise(service.doorbell_bit);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_CLOSED);
    assert_int_equal(client_side.closed, 1);
    assert_int_equal(client_side.why, STATUS_CLOSED);
}

/* How many bits the loop would still give. */
static unsigned bits_left(void)
{
    unsigned bit[LOOP_BITS];
    unsigned count = 0;

    while (loop_bit_allocate(NULL, NULL, &bit[count]) == STATUS_OK)
        count++;
    for (unsigned i = 0; i < count; i++)
        loop_bit_free(bit[i]);
    return count;
}

/* Its memory goes with it, and the service still has a handle to its doorbell. */
static void closed_client_is_not_called_any_more(void **state)
{
    struct connection *passing = calloc(1, sizeof *passing);
    const unsigned bits = bits_left();

    (void)state;
    assert_non_null(passing);
    assert_int_equal(connection_open(passing, "test:Echo", &config, &ops, &client_side), STATUS_OK);
    const unsigned doorbell = passing->doorbell_bit;
    const unsigned status = passing->status_bit;

    assert_int_equal(bits_left(), bits - 2);
    loop_raise(doorbell);
    loop_raise(status);
    connection_close(passing);
    free(passing);
    assert_int_equal(bits_left(), bits);
    loop_raise(doorbell);
    loop_raise(status);
    loop_settle();
    assert_int_equal(client_side.closed, 0);
    assert_int_equal(server.closed, 1);
}

/* The service rings for the one that went, and the next one hears it. */
static void closed_client_leaves_its_bits_to_the_next(void **state)
{
    struct connection first = {0};

    (void)state;
    assert_int_equal(connection_open(&first, "test:Echo", &config, &ops, &client_side), STATUS_OK);
    const unsigned doorbell = first.doorbell_bit;
    const unsigned status = first.status_bit;

    send_from(server.connection, 0, 1);
    connection_close(&first);
    client_side = server = (struct side){.take_limit = 1000};
    open_client();
    assert_int_equal(client.doorbell_bit, doorbell);
    assert_int_equal(client.status_bit, status);
    connection_fail(&first);
    connection_resume(&first);
    loop_raise(status);
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.count, 0);
    assert_int_equal(client_side.closed, 0);
}

static void any_number_of_clients_comes_and_goes(void **state)
{
    const unsigned bits = bits_left();

    (void)state;
    for (unsigned i = 0; i < 3 * LOOP_BITS; i++) {
        struct connection passing = {0};

        assert_int_equal(connection_open(&passing, "test:Echo", &config, &ops, &client_side),
                         STATUS_OK);
        connection_close(&passing);
        loop_settle();
    }
    fake_connect_answer(STATUS_DENIED);
    for (unsigned i = 0; i < 3 * LOOP_BITS; i++) {
        struct connection passing = {0};

        assert_int_equal(connection_start(&passing, "test:Echo", &config, &ops, &client_side),
                         STATUS_DENIED);
    }
    assert_int_equal(bits_left(), bits);
}

static void closed_client_can_start_again(void **state)
{
    (void)state;
    open_client();
    connection_close(&client);
    loop_settle();
    assert_int_equal(connection_restart(&client), STATUS_OK);
    assert_int_equal(client.state, CONNECTION_OPENED);
    send_from(&client, 7, 1);
    loop_settle();
    assert_int_equal(server.count, 1);
}

static void client_waits_for_a_service_that_is_not_up(void **state)
{
    (void)state;
    fake_service_up(false);
    assert_int_equal(connection_start(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OK);
    assert_int_equal(client.state, CONNECTION_WAITING);
    loop_settle();
    assert_int_equal(client_side.opened, 0);
    fake_service_up(true);
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.opened, 1);
}

static void client_of_a_failed_service_is_told_once_and_waits(void **state)
{
    const unsigned lines = fake_lines();

    (void)state;
    fake_connect_answer(STATUS_PEER_DEAD);
    assert_int_equal(connection_start(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(client.state, CONNECTION_WAITING);
        assert_true(client.has_failed);
        assert_int_equal(fake_lines(), lines + 1);
        assert_int_equal(client_side.opened + client_side.closed, 0);
        fake_service_up(true); /* it fails again before it can be asked */
        loop_settle();
    }
    fake_connect_answer(STATUS_OK);
    fake_service_up(true);
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_false(client.has_failed);
    assert_int_equal(client_side.opened, 1);
}

static void idle_brings_the_service_up(void)
{
    fake_service_up(true);
}

static void open_waits_until_the_service_is_up(void **state)
{
    (void)state;
    fake_service_up(false);
    fake_on_idle(idle_brings_the_service_up);
    open_client();
}

static void refusals_come_back(void **state)
{
    (void)state;
    fake_connect_answer(STATUS_DENIED);
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_DENIED);
    assert_int_equal(client.state, CONNECTION_CLOSED);
    fake_connect_answer(STATUS_OK);
    server.open_answer = STATUS_BUSY;
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_BUSY);
    assert_int_equal(client.state, CONNECTION_CLOSED);
    assert_int_equal(client_side.opened, 0);
}

static void bury_the_server(void)
{
    fake_bury(client.doorbell);
    fake_bury(client.portal);
}

static void death_of_the_service_is_told_once(void **state)
{
    (void)state;
    open_client();
    bury_the_server();
    loop_settle();
    assert_int_equal(client_side.closed, 1);
    assert_int_equal(client_side.why, STATUS_PEER_DEAD);
    assert_int_equal(client.state, CONNECTION_DEAD);
    fake_bury(server.connection->doorbell);
    loop_settle();
}

/* It would be taken apart with what it replaces. */
static void no_start_inside_on_close(void **state)
{
    (void)state;
    open_client();
    client_side.is_starting = true;
    bury_the_server();
    loop_settle();
    assert_int_equal(client_side.closed, 1);
    assert_int_equal(client.state, CONNECTION_DEAD);
    fake_bury(server.connection->doorbell);
    loop_settle();
}

static void client_reconnects_with_the_next_epoch(void **state)
{
    (void)state;
    open_client();
    uint64_t epoch = client.epoch;
    struct connection *old = server.connection;

    send_from(&client, 0, 4);
    client_side.is_restarting = true;
    fake_service_up(false);
    bury_the_server();
    loop_settle();
    client_side.is_restarting = false;
    assert_int_equal(client.state, CONNECTION_WAITING);
    fake_bury(old->doorbell);
    loop_settle();

    fake_service_up(true);
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client.epoch, epoch + 1);
    assert_int_equal(server.connection->epoch, epoch + 1);
    server.count = 0;
    send_from(&client, 100, 1);
    loop_settle();
    assert_int_equal(server.count, 1);
    assert_int_equal(server.received[0], 100);
}

static void service_that_dies_while_it_is_asked_is_asked_again(void **state)
{
    (void)state;
    fake_service_dead(true);
    assert_int_equal(connection_start(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OK);
    assert_int_equal(client.state, CONNECTION_WAITING);
    fake_service_dead(false);
    /* Nothing but the retry timer is left to wait for. */
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.closed, 0);
}

/* As one does that calls the service when it is open. */
static void who_finds_the_service_dead_when_opened_waits_for_the_next(void **state)
{
    (void)state;
    client_side.open_answer = STATUS_PEER_DEAD;
    assert_int_equal(connection_start(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OK);
    assert_int_equal(client.state, CONNECTION_WAITING);
    assert_true(client.has_bits);
    client_side.open_answer = STATUS_OK;
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.opened, 2);
}

static void death_of_a_client_is_told_once(void **state)
{
    (void)state;
    open_client();
    fake_bury(server.connection->doorbell);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_PEER_DEAD);
    assert_int_equal(service.client_count, 0);
}

static void close_many(struct connection *many, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        connection_close(&many[i]);
}

static void too_many_clients_are_refused(void **state)
{
    static struct connection many[CLIENT_LIMIT];

    (void)state;
    memset(many, 0, sizeof many);
    for (unsigned i = 0; i < CLIENT_LIMIT; i++) {
        fake_connect_as(CLIENT_DOMAIN + i / DOMAIN_LIMIT);
        assert_int_equal(connection_open(&many[i], "test:Echo", &config, &ops, &client_side),
                         STATUS_OK);
    }
    fake_connect_as(CLIENT_DOMAIN + CLIENT_LIMIT);
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OUT_OF_QUOTA);
    close_many(many, CLIENT_LIMIT);
}

static void one_domain_takes_a_quarter_of_the_places(void **state)
{
    static struct connection many[DOMAIN_LIMIT];

    (void)state;
    memset(many, 0, sizeof many);
    for (unsigned i = 0; i < DOMAIN_LIMIT; i++)
        assert_int_equal(connection_open(&many[i], "test:Echo", &config, &ops, &client_side),
                         STATUS_OK);
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OUT_OF_QUOTA);
    fake_connect_as(CLIENT_DOMAIN + 1);
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side), STATUS_OK);
    close_many(many, DOMAIN_LIMIT);
}

static void impossible_index_ends_only_that_connection(void **state)
{
    (void)state;
    open_client();
    struct connection_area *area = client.own_area.address;

    area->out.produce = 1000;
    loop_raise(service.doorbell_bit);
    loop_settle();
    assert_int_equal(server.closed, 1);
    assert_int_equal(server.why, STATUS_BAD_DATA);
    assert_int_equal(server.count, 0);
}

/* An OPEN with these words, EPOCH and this area; returns the service's answer. */
static enum status open_by_hand(uint64_t version, uint64_t capacity, handle_t area)
{
    struct portal_message m = {.word = {CONNECTION_OPEN, version, capacity, 0, EPOCH},
                               .handle = {area | (area != 0 ? HANDLE_MOVE : 0)}};
    handle_t portal;
    unsigned bit;

    assert_int_equal(app_connect("test:Echo", &portal), STATUS_OK);
    assert_int_equal(loop_bit_allocate(NULL, NULL, &bit), STATUS_OK);
    assert_int_equal(loop_signal_handle(bit, &m.handle[1]), STATUS_OK);
    m.handle[1] |= HANDLE_MOVE;
    assert_int_equal(portal_call_with(portal, &m, DEADLINE_NEVER), STATUS_OK);
    for (unsigned i = 0; i < PORTAL_HANDLES; i++)
        if (m.handle[i] != 0)
            assert_int_equal(handle_close(m.handle[i]), STATUS_OK);
    assert_int_equal(handle_close(portal), STATUS_OK);
    loop_bit_free(bit);
    return (enum status)m.word[0];
}

/* Its place would never be free again: the watch is on whoever made the doorbell. */
static void doorbell_of_another_is_refused(void **state)
{
    struct portal_message m = {.word = {CONNECTION_OPEN, CONNECTION_VERSION, CAPACITY}};
    struct memory area;
    handle_t portal;

    (void)state;
    assert_int_equal(memory_create(PAGE_BYTES, "area", 0, &area), STATUS_OK);
    assert_int_equal(app_connect("test:Echo", &portal), STATUS_OK);
    for (unsigned i = 0; i < 2; i++) {
        fake_connect_as(i == 0 ? FAKE_SERVER : CLIENT_DOMAIN + 1);
        m.word[0] = CONNECTION_OPEN;
        assert_int_equal(handle_duplicate(loop_event(), RIGHT_ALL, 1, &m.handle[1]), STATUS_OK);
        fake_connect_as(CLIENT_DOMAIN);
        assert_int_equal(memory_share(&area, RIGHT_READ, &m.handle[0]), STATUS_OK);
        m.handle[0] |= HANDLE_MOVE;
        m.handle[1] |= HANDLE_MOVE;
        m.handle[2] = 0;
        assert_int_equal(portal_request(portal, &m), STATUS_DENIED);
        assert_int_equal(service.client_count, 0);
        for (unsigned h = 0; h < PORTAL_HANDLES; h++)
            if (m.handle[h] != 0)
                assert_int_equal(handle_close(m.handle[h]), STATUS_OK);
    }
    assert_int_equal(handle_close(portal), STATUS_OK);
    memory_release(&area);
}

/* It would never be seen to die: the client would wait for ever. */
static void service_with_another_doorbell_is_refused(void **state)
{
    (void)state;
    handle_t real = service.doorbell;
    assert_int_equal(handle_duplicate(real, RIGHT_ALL, 0, &service.doorbell), STATUS_OK);
    assert_int_equal(connection_open(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_BAD_DATA);
    assert_int_equal(client.state, CONNECTION_CLOSED);
    assert_int_equal(client_side.opened, 0);
    assert_int_equal(handle_close(service.doorbell), STATUS_OK);
    service.doorbell = real;
    fake_bury(server.connection->doorbell);
    loop_settle();
}

/* A domain loses what it has piece by piece, its event perhaps before its portal. */
static void service_half_gone_is_asked_again(void **state)
{
    (void)state;
    handle_t real = service.doorbell;
    assert_int_equal(handle_duplicate(real, RIGHT_ALL, 0, &service.doorbell), STATUS_OK);
    fake_bury(service.doorbell);
    assert_int_equal(connection_start(&client, "test:Echo", &config, &ops, &client_side),
                     STATUS_OK);
    assert_int_equal(client.state, CONNECTION_WAITING);
    assert_int_equal(handle_close(service.doorbell), STATUS_OK);
    service.doorbell = real;
    fake_bury(server.connection->doorbell); /* what the old life knew of the client is gone, too */
    loop_settle();
    assert_int_equal(client.state, CONNECTION_OPENED);
    assert_int_equal(client_side.closed, 0);
}

static void area_fill(const struct memory *memory, uint64_t capacity)
{
    *(struct connection_area *)memory->address =
        (struct connection_area){.magic = CONNECTION_MAGIC, .epoch = EPOCH, .capacity = capacity};
}

/* What stood in an area before would be taken for new messages. */
static void area_that_is_not_of_this_opening_is_refused(void **state)
{
    enum { FAIR, MAGIC, OLD, CAPACITY_OF_ANOTHER, SERVER, CASES };
    struct memory memory;

    (void)state;
    assert_int_equal(memory_create(4096, "area", 0, &memory), STATUS_OK);
    struct connection_area *area = memory.address;
    for (unsigned spoilt = FAIR; spoilt < CASES; spoilt++) {
        handle_t handle;

        area_fill(&memory, CAPACITY);
        area->magic ^= spoilt == MAGIC;
        area->epoch -= spoilt == OLD;
        area->capacity *= spoilt == CAPACITY_OF_ANOTHER ? 2 : 1;
        area->is_server = spoilt == SERVER;
        assert_int_equal(memory_share(&memory, RIGHT_READ, &handle), STATUS_OK);
        const unsigned opened = server.opened;
        assert_int_equal(open_by_hand(CONNECTION_VERSION, CAPACITY, handle),
                         spoilt == FAIR ? STATUS_OK : STATUS_BAD_DATA);
        assert_int_equal(server.opened - opened, 1);
        assert_int_equal(server.closed, server.opened - (spoilt == FAIR));
        if (spoilt == FAIR) {
            fake_bury(server.connection->doorbell);
            loop_settle();
        }
    }
    memory_release(&memory);
}

static void clients_that_lie_are_refused(void **state)
{
    struct memory small;
    handle_t event;

    (void)state;
    assert_int_equal(memory_create(4096, "small", 0, &small), STATUS_OK);
    assert_int_not_equal(open_by_hand(7, 8, 0), STATUS_OK);
    assert_int_not_equal(open_by_hand(CONNECTION_VERSION, 8, 0), STATUS_OK);
    static const uint64_t bad_capacity[] = {0, 1, 3, 12, 256, UINT64_C(1) << 40, UINT64_MAX};

    for (unsigned i = 0; i < sizeof bad_capacity / sizeof bad_capacity[0]; i++) {
        handle_t area;

        area_fill(&small, bad_capacity[i]);
        assert_int_equal(memory_share(&small, RIGHT_READ, &area), STATUS_OK);
        assert_int_not_equal(open_by_hand(CONNECTION_VERSION, bad_capacity[i], area), STATUS_OK);
    }
    assert_int_equal(handle_duplicate(loop_event(), RIGHT_ALL, 1, &event), STATUS_OK);
    assert_int_not_equal(open_by_hand(CONNECTION_VERSION, 8, event), STATUS_OK);
    assert_int_equal(server.closed, server.opened);
    memory_release(&small);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, before_each, after_each)
    const struct CMUnitTest tests[] = {
        CLAIM(messages_go_both_ways),
        CLAIM(no_bell_rings_while_the_other_side_is_awake),
        CLAIM(a_bell_that_is_lost_is_made_up_for),
        CLAIM(calls_carry_the_badge_of_the_client),
        CLAIM(call_without_rings_is_answered_too),
        CLAIM(buffers_are_seen_by_the_other_side),
        CLAIM(full_ring_tells_when_there_is_room),
        CLAIM(room_that_others_took_is_told_of_when_there_is_some_again),
        CLAIM(messages_that_are_left_wait_for_resume),
        CLAIM(messages_that_are_taken_elsewhere_need_no_resume),
        CLAIM(last_messages_arrive_before_the_close),
        CLAIM(messages_that_were_left_outlive_the_close),
        CLAIM(messages_that_are_taken_elsewhere_outlive_the_close),
        CLAIM(who_closed_and_dies_is_gone_at_once),
        CLAIM(who_closed_and_broke_the_rules_is_gone_at_once),
        CLAIM(who_waits_for_room_does_not_outlive_the_close),
        CLAIM(server_can_close_too),
        CLAIM(who_takes_the_other_for_gone_says_so),
        CLAIM(closed_client_is_not_called_any_more),
        CLAIM(closed_client_leaves_its_bits_to_the_next),
        CLAIM(any_number_of_clients_comes_and_goes),
        CLAIM(closed_client_can_start_again),
        CLAIM(client_waits_for_a_service_that_is_not_up),
        CLAIM(client_of_a_failed_service_is_told_once_and_waits),
        CLAIM(open_waits_until_the_service_is_up),
        CLAIM(refusals_come_back),
        CLAIM(death_of_the_service_is_told_once),
        CLAIM(no_start_inside_on_close),
        CLAIM(client_reconnects_with_the_next_epoch),
        CLAIM(service_that_dies_while_it_is_asked_is_asked_again),
        CLAIM(who_finds_the_service_dead_when_opened_waits_for_the_next),
        CLAIM(death_of_a_client_is_told_once),
        CLAIM(too_many_clients_are_refused),
        CLAIM(one_domain_takes_a_quarter_of_the_places),
        CLAIM(impossible_index_ends_only_that_connection),
        CLAIM(doorbell_of_another_is_refused),
        CLAIM(service_with_another_doorbell_is_refused),
        CLAIM(service_half_gone_is_asked_again),
        CLAIM(area_that_is_not_of_this_opening_is_refused),
        CLAIM(clients_that_lie_are_refused),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
