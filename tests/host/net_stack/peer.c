#include "peer.h"

#include "net_stack_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PEER_FRAME_BYTES = 14 + 20 + 20 };

uint16_t peer_window = 30000;

static uint16_t sum_of(const uint8_t *data, size_t length, uint32_t sum)
{
    for (size_t i = 0; i < length; i += 2)
        sum += (uint32_t)(data[i] << 8 | data[i + 1]);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static uint32_t get(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

void peer_send(uint16_t peer, uint16_t port, uint8_t flags, uint32_t sequence,
               uint32_t acknowledged, uint16_t data_bytes)
{
    uint8_t frame[PEER_FRAME_BYTES + 512] = {0};
    uint8_t *ip = frame + 14, *tcp = ip + 20;
    uint16_t tcp_bytes = (uint16_t)(20 + data_bytes);

    memcpy(frame, "\x52\x54\x00\x12\x34\x56\x52\x55\x0a\x00\x02\x02\x08\x00", 14);
    memcpy(ip, "\x45\x00\x00\x00\x00\x00\x40\x00\x40\x06\x00\x00\x0b\x00", 14);
    put(ip + 2, 20U + tcp_bytes, 2);
    put(ip + 14, peer, 2);
    memcpy(ip + 16, "\x0a\x00\x02\x0f", 4);
    put(ip + 10, (uint16_t)~sum_of(ip, 20, 0), 2);
    put(tcp, 5000, 2);
    put(tcp + 2, port, 2);
    put(tcp + 4, sequence, 4);
    put(tcp + 8, acknowledged, 4);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    put(tcp + 14, peer_window, 2);
    for (uint16_t i = 0; i < data_bytes; i++)
        tcp[20 + i] = pattern(i);
    put(tcp + 16, (uint16_t)~sum_of(tcp, tcp_bytes, sum_of(ip + 12, 8, 6U + tcp_bytes)), 2);
    driver_receive(frame, (uint16_t)(PEER_FRAME_BYTES + data_bytes));
    settle();
    driver_report();
}

uint32_t peer_heard(uint16_t peer, uint8_t flags)
{
    const uint8_t *ip = driver.sent + 14;

    assert_int_equal(get(ip + 16), 0x0b000000U | peer);
    assert_int_equal(ip[20 + 13], flags);
    return get(ip + 20 + 4);
}

uint16_t listen_for_peers(void)
{
    listen_for_sides();
    driver_receive(arp_request, sizeof arp_request);
    settle();
    return PORT;
}

uint32_t peer_connect(uint16_t peer, uint16_t port)
{
    peer_send(peer, port, FLAG_SYN, 1000, 0, 0);
    uint32_t own_next = peer_heard(peer, FLAG_SYN | FLAG_ACK) + 1;
    peer_send(peer, port, FLAG_ACK, 1001, own_next, 0);
    return own_next;
}

bool peer_reads(uint16_t peer, uint16_t port, uint32_t own_next, uint32_t bytes)
{
    uint32_t heard = 0;

    while (heard < bytes) {
        uint32_t length = driver.sent_length - PEER_FRAME_BYTES;
        uint32_t sequence = get(driver.sent + 14 + 20 + 4);
        if (get(driver.sent + 14 + 16) != (0x0b000000U | peer) || length == 0
            || sequence + length - own_next <= heard)
            return false;
        heard = sequence + length - own_next;
        peer_send(peer, port, FLAG_ACK, 1001, own_next + heard, 0);
    }
    return true;
}
