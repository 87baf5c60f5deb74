/*
 * TLS: the one configuration of this server, and its streams.
 *
 * Cipher suites follow the CPU.  Where it has AES instructions the only suite for TLS 1.3 is the
 * one that every implementation must have, AES-128-GCM; offering more would let the client's
 * taste decide, and OpenSSL's is for the slower ones.
 */
#include "tls.h"

#include <stdlib.h>

#include <mbedtls/rotunda_crypto_features.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include "randomness.h"
#include "rt/startup.h"
#include "rt/time.h"

enum {
    RECORD_BYTES = MBEDTLS_SSL_OUT_CONTENT_LEN,
    TICKET_LIFETIME_S = 86400,
    TICKETS = 1, /* one for each handshake is enough */
};

_Static_assert((int)STARTUP_CRYPTO_AES == (int)CRYPTO_FEATURE_AES
                   && (int)STARTUP_CRYPTO_PMULL == (int)CRYPTO_FEATURE_PMULL
                   && (int)STARTUP_CRYPTO_SHA256 == (int)CRYPTO_FEATURE_SHA256,
               "the launcher and mbedTLS count features alike");

static const int suites_with_aes[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static const int suites_without_aes[] = {
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    0,
};

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

static const char *const protocols[] = {"http/1.1", "http/1.0", NULL};

static mbedtls_ssl_config config;
static mbedtls_ssl_ticket_context tickets;
static mbedtls_x509_crt chain;
static mbedtls_pk_context private_key;

/* Head and body of one record, where a short answer is put together.  Used within a call. */
static char staging[RECORD_BYTES];

struct tls_stream {
    mbedtls_ssl_context ssl;
    struct tcp_socket *socket;
    size_t unflushed; /* bytes of the record that is encrypted but not wholly sent */
};

unsigned rotunda_crypto_features(void)
{
    return startup_get()->crypto;
}

mbedtls_ms_time_t mbedtls_ms_time(void)
{
    return (mbedtls_ms_time_t)(time_now_ns() / NS_PER_MS);
}

/* ---- the configuration ---- */

/* How long the DER element at the start of `t` is; 0 when it is none, or cut off. */
static size_t der_length(struct text t)
{
    const unsigned char *bytes = (const unsigned char *)t.data;
    size_t length = 0;

    if (t.size < 2 || (bytes[1] & 0x80) == 0)
        return t.size < 2 || bytes[1] + 2U > t.size ? 0 : bytes[1] + 2U;

    size_t count = bytes[1] & 0x7f;

    if (count > 3 || t.size < 2 + count)
        return 0;
    for (size_t i = 0; i < count; i++)
        length = length << 8 | bytes[2 + i];
    return length > t.size - 2 - count ? 0 : length + 2 + count;
}

static bool chain_read(struct text certificates)
{
    size_t length;

    mbedtls_x509_crt_init(&chain);
    while ((length = der_length(certificates)) > 0) {
        if (mbedtls_x509_crt_parse_der_nocopy(&chain, (const unsigned char *)certificates.data,
                                              length)
            != 0)
            return false;
        certificates = text_after(certificates, length);
    }
    return certificates.size == 0 && chain.raw.len > 0;
}

static bool key_read(struct text key)
{
    mbedtls_pk_init(&private_key);
    return mbedtls_pk_parse_key(&private_key, (const unsigned char *)key.data, key.size, NULL, 0,
                                randomness_fill, NULL)
               == 0
           && mbedtls_pk_check_pair(&chain.pk, &private_key, randomness_fill, NULL) == 0;
}

static bool cpu_has_aes(void)
{
    const unsigned gcm = CRYPTO_FEATURE_AES | CRYPTO_FEATURE_PMULL;

    return (rotunda_crypto_features() & gcm) == gcm;
}

static bool config_make(void)
{
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_ticket_init(&tickets);
    if (mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT)
            != 0
        || mbedtls_ssl_ticket_setup(&tickets, randomness_fill, NULL, MBEDTLS_CIPHER_AES_128_GCM,
                                    TICKET_LIFETIME_S)
               != 0
        || mbedtls_ssl_conf_own_cert(&config, &chain, &private_key) != 0
        || mbedtls_ssl_conf_alpn_protocols(&config, (const char **)(uintptr_t)protocols) != 0)
        return false;
    mbedtls_ssl_conf_rng(&config, randomness_fill, NULL);
    mbedtls_ssl_conf_min_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(&config, cpu_has_aes() ? suites_with_aes : suites_without_aes);
    mbedtls_ssl_conf_groups(&config, groups);
    mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &tickets);
    mbedtls_ssl_conf_new_session_tickets(&config, TICKETS);
    return true;
}

enum status tls_start(struct text certificates, struct text key, const char **what)
{
    if (!chain_read(certificates)) {
        *what = "the certificate can't be read";
        return STATUS_BAD_DATA;
    }
    if (!key_read(key)) {
        *what = "the key can't be read, or isn't the certificate's";
        return STATUS_BAD_DATA;
    }
    if (!config_make()) {
        *what = "no memory";
        return STATUS_OUT_OF_MEMORY;
    }
    return STATUS_OK;
}

/* ---- streams ---- */

static int socket_send(void *context, const unsigned char *data, size_t size)
{
    size_t sent = tcp_send(context, data, size);

    return sent == 0 ? MBEDTLS_ERR_SSL_WANT_WRITE : (int)sent;
}

static int socket_receive(void *context, unsigned char *data, size_t size)
{
    size_t received = tcp_receive(context, data, size);

    if (received > 0)
        return (int)received;
    return tcp_peer_has_finished(context) ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
}

struct tls_stream *tls_stream_open(struct tcp_socket *socket)
{
    struct tls_stream *s = malloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    s->socket = socket;
    s->unflushed = 0;
    mbedtls_ssl_init(&s->ssl);
    if (mbedtls_ssl_setup(&s->ssl, &config) != 0) {
        tls_stream_close(s);
        return NULL;
    }
    mbedtls_ssl_set_bio(&s->ssl, socket, socket_send, socket_receive, NULL);
    return s;
}

/* What an mbedTLS result below or equal to zero means to us. */
static enum tls_progress progress_of(int result)
{
    switch (result) {
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return TLS_WAITS;
    case 0:
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return TLS_ENDED;
    default:
        return TLS_FAILED;
    }
}

enum tls_progress tls_stream_handshake(struct tls_stream *s)
{
    int result = mbedtls_ssl_handshake(&s->ssl);

    return result == 0 ? TLS_DONE : progress_of(result);
}

struct tls_result tls_stream_read(struct tls_stream *s, char *data, size_t size)
{
    int result;

    /* A record that carries no data for us is no reason to wait when another one is there. */
    do
        result = mbedtls_ssl_read(&s->ssl, (unsigned char *)data, size);
    while (result == MBEDTLS_ERR_SSL_WANT_READ && tcp_received_bytes(s->socket) > 0);
    if (result > 0)
        return (struct tls_result){TLS_DONE, (size_t)result};
    return (struct tls_result){progress_of(result), 0};
}

/* The next record's bytes in one piece: where they lie already, or staged. */
static struct text record_gather(struct text head, struct text body)
{
    size_t of_body = body.size < RECORD_BYTES - head.size ? body.size : RECORD_BYTES - head.size;

    if (head.size == 0)
        return (struct text){body.data, of_body};
    if (of_body == 0)
        return head;
    memcpy(staging, head.data, head.size);
    memcpy(staging + head.size, body.data, of_body);
    return (struct text){staging, head.size + of_body};
}

struct tls_result tls_stream_write(struct tls_stream *s, struct text head, struct text body)
{
    /* An unsent record is encrypted already: mbedTLS looks at its length again, not its bytes. */
    struct text record =
        s->unflushed > 0 ? (struct text){staging, s->unflushed} : record_gather(head, body);
    int result = mbedtls_ssl_write(&s->ssl, (const unsigned char *)record.data, record.size);

    if (result > 0) {
        s->unflushed = 0;
        return (struct tls_result){TLS_DONE, (size_t)result};
    }
    s->unflushed = result == MBEDTLS_ERR_SSL_WANT_WRITE ? record.size : 0;
    return (struct tls_result){progress_of(result), 0};
}

void tls_stream_end(struct tls_stream *s)
{
    if (mbedtls_ssl_is_handshake_over(&s->ssl) && s->unflushed == 0)
        mbedtls_ssl_close_notify(&s->ssl);
}

void tls_stream_close(struct tls_stream *s)
{
    mbedtls_ssl_free(&s->ssl);
    free(s);
}
