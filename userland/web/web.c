/*
 * The web server: HTTPS from a site that lies in the boot image.
 *
 * Port 443 serves the site over TLS, port 80 sends people there.  Keys need true randomness, so
 * without an entropy source there is no TLS: port 443 stays shut and port 80 serves the site
 * itself, which holds nothing secret.
 *
 * The argument in the manifest is a list of words:
 *   https-port=N   the port that redirects name, if clients see another one than 443
 *   plain          port 80 serves the site too, for measuring
 */
#include "boot_file.h"
#include "client.h"
#include "randomness.h"
#include "rt/log.h"
#include "rt/loop.h"
#include "rt/startup.h"
#include "rt/time.h"
#include "tls.h"
#include "wall_clock.h"

enum {
    PLAIN_CLIENTS = 48,
    TLS_CLIENTS = 240,
    SEND_BYTES = 32 * 1024,         /* of one client, encrypted and on its way */
    SEND_BYTES_AVERAGE = 16 * 1024, /* when all are slow to take it */
    ENTROPY_WAIT_S = 5,
};

static struct site site;
static struct client_port plain_port = {.number = 80, .limit = PLAIN_CLIENTS};
static struct client_port secure_port = {.number = 443, .limit = TLS_CLIENTS, .uses_tls = true};

/* Read the argument: words between blanks. */
static void argument_read(struct text argument, uint16_t *port, bool *is_plain)
{
    static const struct text port_word = {"https-port=", 11};

    while (argument.size > 0) {
        const char *blank = memchr(argument.data, ' ', argument.size);
        size_t size = blank == NULL ? argument.size : (size_t)(blank - argument.data);
        struct text word = {argument.data, size};
        uint64_t number = 0;

        if (text_starts_with(word, port_word) && text_number(text_after(word, 11), &number)
            && number > 0 && number <= UINT16_MAX)
            *port = (uint16_t)number;
        else if (text_equals(word, text_of("plain")))
            *is_plain = true;
        else if (size > 0)
            log_line("argument '%.*s' means nothing to me", (int)size, word.data);
        argument = text_after(argument, size + 1);
    }
}

static void site_start(void)
{
    struct text blob = boot_file_find("site");

    if (!site_open(&site, blob.data, blob.size))
        log_die("the boot image has no readable site");
    log_line("site: %zu files, %zu KiB", site.count, blob.size / 1024);
}

/* What is short now, and won't be after a restart: no reason to do without for ever. */
static bool is_shortage(enum status s)
{
    return s == STATUS_OUT_OF_QUOTA || s == STATUS_OUT_OF_MEMORY || s == STATUS_OUT_OF_SPACE;
}

/* TLS with all that it needs; false and a line in the log when something is missing. */
static bool tls_is_possible(void)
{
    struct text certificates = boot_file_find("tls-certificate");
    struct text key = boot_file_find("tls-key");
    const char *what = "";
    enum status s = randomness_open(time_after_ns(ENTROPY_WAIT_S * NS_PER_S));

    if (is_shortage(s))
        log_die("entropy source: %s", status_text(s));
    if (s != STATUS_OK) {
        log_line("NO TLS: no entropy source (%s), so no keys that nobody could guess",
                 status_text(s));
        return false;
    }
    if (tls_start(certificates, key, &what) != STATUS_OK) {
        log_line("NO TLS: %s", what);
        return false;
    }
    return true;
}

static void port_start(struct client_port *port)
{
    enum status s = client_port_open(port);

    if (s != STATUS_OK)
        log_die("port %u: %s", (unsigned)port->number, status_text(s));
}

static void network_start(void)
{
    static const struct tcp_client_limits limits = {
        .sockets = PLAIN_CLIENTS + TLS_CLIENTS + 2,
        .send_buffer_bytes = (PLAIN_CLIENTS + TLS_CLIENTS + 2) * SEND_BYTES_AVERAGE,
        .socket_send_bytes = SEND_BYTES,
    };
    struct tcp_client *net;
    enum status s = tcp_client_open(&limits, &net);

    if (s == STATUS_OK)
        s = client_start(net);
    if (s != STATUS_OK)
        log_die("network: %s", status_text(s));
}

int main(void)
{
    uint16_t shown_port = 443;
    bool is_plain = false;

    argument_read(text_of(startup_get()->argument), &shown_port, &is_plain);
    site_start();
    wall_clock_open();
    network_start();

    bool has_tls = tls_is_possible();

    http_service_open(&plain_port.service, has_tls && !is_plain ? HTTP_REDIRECT : HTTP_SERVE,
                      &site);
    plain_port.service.secure_port = shown_port;
    port_start(&plain_port);
    if (has_tls) {
        http_service_open(&secure_port.service, HTTP_SERVE, &site);
        secure_port.service.strict_transport = !is_plain;
        port_start(&secure_port);
    }
    log_line("%s, http on port 80 %s", has_tls ? "https on port 443" : "no https",
             plain_port.service.mode == HTTP_REDIRECT ? "leads there" : "serves the site");
    loop_run();
    return 0;
}
