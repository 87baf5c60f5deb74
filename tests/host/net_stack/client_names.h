/*
 * The client library and lwIP have functions of the same names; they never meet in one program but
 * in these tests, which compile the library under other ones.
 */
#pragma once

#define tcp_abort    client_tcp_abort
#define tcp_close    client_tcp_close
#define tcp_connect  client_tcp_connect
#define tcp_listen   client_tcp_listen
#define tcp_shutdown client_tcp_shutdown
#define udp_bind     client_udp_bind
#define udp_send     client_udp_send
