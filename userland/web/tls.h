/*
 * TLS: encrypted streams over TCP sockets, by mbedTLS.
 *
 * Versions 1.3 and 1.2, forward secrecy only, session tickets, ALPN http/1.1.  All waiting happens
 * in the event loop: every function does what it can at once and says whether it wants more.
 */
#pragma once

#include "abi/status.h"
#include "net/tcp_client.h"
#include "text.h"

struct tls_stream;

enum tls_progress {
    TLS_DONE,  /* something was done: see `size` */
    TLS_WAITS, /* for bytes of the client, or for room to send */
    TLS_ENDED, /* the client has closed its side */
    TLS_FAILED /* nothing more can be read or written */
};

struct tls_result {
    enum tls_progress progress;
    size_t size; /* bytes read or taken, with TLS_DONE */
};

/*
 * Get ready with the server's certificates and its key, both DER, certificates one after another.
 * Ownership: borrows both for ever.
 * Errors: BAD_DATA (not readable, or no pair), OUT_OF_MEMORY.  `*what` then says what was wrong.
 */
CHECK_RESULT enum status tls_start(struct text certificates, struct text key, const char **what);

/* Begin on a fresh socket.  NULL: no memory.  The socket must outlive the stream. */
struct tls_stream *tls_stream_open(struct tcp_socket *socket);

/* Go on with the handshake: TLS_DONE when it is complete.  Costs milliseconds. */
enum tls_progress tls_stream_handshake(struct tls_stream *s);

/* Read into `data`. */
struct tls_result tls_stream_read(struct tls_stream *s, char *data, size_t size);

/* Write the bytes of `head`, then of `body`, as many as fit one record. */
struct tls_result tls_stream_write(struct tls_stream *s, struct text head, struct text body);

/* Say goodbye, as far as there is room to. */
void tls_stream_end(struct tls_stream *s);

/* Give the stream's memory back; the socket is the caller's. */
void tls_stream_close(struct tls_stream *s);
