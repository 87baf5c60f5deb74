/*
 * HTTP connection: the only file that changes a connection's state.
 */

#include "http_connection.h"

static void enter(struct http_connection *c, enum http_connection_state state, uint64_t now_ns)
{
    c->state = state;
    c->since_ns = now_ns;
}

static void enter_idle(struct http_connection *c, uint64_t now_ns)
{
    enter(c, HTTP_IDLE, now_ns);
    c->request = (struct http_request){0};
    c->deadline_ns = now_ns + c->service->limits.idle_ns;
}

static void window_open(struct http_connection *c, uint64_t now_ns)
{
    c->window = c->service->limits.send_least;
    c->deadline_ns = now_ns + c->service->limits.send_ns;
}

static void enter_sending(struct http_connection *c, uint64_t now_ns)
{
    enter(c, HTTP_SENDING, now_ns);
    c->head_sent = 0;
    c->body_sent = 0;
    c->service->counters.answers[c->answer.status / 100]++;
    window_open(c, now_ns);
}

static void enter_delivering(struct http_connection *c, uint64_t now_ns)
{
    enter(c, HTTP_DELIVERING, now_ns);
    c->discarded = c->input_size;
    c->input_size = 0;
    c->unsent = UINT64_MAX;
    c->deadline_ns = now_ns + c->service->limits.send_ns;
}

static void enter_lingering(struct http_connection *c, uint64_t now_ns)
{
    enter(c, c->peer_ended ? HTTP_CLOSED : HTTP_LINGERING, now_ns);
    c->deadline_ns = now_ns + c->service->limits.linger_ns;
}

/* Drop the head that was just answered; what follows is the next request. */
static void input_consume(struct http_connection *c, size_t size)
{
    c->input_size -= size;
    if (c->input_size > 0)
        memmove(c->input, c->input + size, c->input_size);
}

/* Look at the input there is, while a request is being waited for. */
static void advance(struct http_connection *c, uint64_t now_ns)
{
    if (c->input_size == 0)
        return;
    if (c->state == HTTP_IDLE) {
        enter(c, HTTP_READING, now_ns);
        c->deadline_ns = now_ns + c->service->limits.head_ns;
    }
    switch (http_request_read(&c->request, c->input, c->input_size)) {
    case HTTP_MORE:
        return;
    case HTTP_COMPLETE:
        c->service->counters.requests++;
        http_answer_make(&c->answer, c->service, &c->request, c->input);
        input_consume(c, c->request.head_length);
        break;
    case HTTP_REFUSED:
        http_answer_refuse(&c->answer, c->service, c->request.refusal);
        break;
    }
    enter_sending(c, now_ns);
}

void http_connection_open(struct http_connection *c, struct http_service *s, uint64_t now_ns)
{
    c->service = s;
    c->peer_ended = false;
    c->input_size = 0;
    s->counters.connections++;
    enter_idle(c, now_ns);
    /* A fresh client has something to ask at once. */
    c->deadline_ns = now_ns + s->limits.head_ns;
}

struct http_room http_connection_room(struct http_connection *c)
{
    if (c->state == HTTP_CLOSED || c->peer_ended)
        return (struct http_room){c->input, 0};
    return (struct http_room){c->input + c->input_size, sizeof(c->input) - c->input_size};
}

void http_connection_on_input(struct http_connection *c, size_t size, uint64_t now_ns)
{
    if (c->state == HTTP_DELIVERING || c->state == HTTP_LINGERING) {
        c->discarded += size;
        if (c->discarded > c->service->limits.discard_most)
            c->state = HTTP_CLOSED;
        return;
    }
    c->input_size += size;
    if (c->state == HTTP_IDLE || c->state == HTTP_READING)
        advance(c, now_ns);
}

void http_connection_linger(struct http_connection *c, uint64_t now_ns)
{
    enter_delivering(c, now_ns);
}

void http_connection_on_unsent(struct http_connection *c, uint64_t size, uint64_t now_ns)
{
    const struct http_limits *limits = &c->service->limits;

    if (c->state != HTTP_DELIVERING)
        return;
    if (size == 0) {
        enter_lingering(c, now_ns);
    } else if (size + limits->send_least <= c->unsent) {
        c->unsent = size;
        c->deadline_ns = now_ns + limits->send_ns;
    }
}

void http_connection_on_end(struct http_connection *c, uint64_t now_ns)
{
    c->peer_ended = true;
    /* An answer on its way is still sent: the client may only have closed its own side. */
    if (c->state == HTTP_LINGERING)
        c->state = HTTP_CLOSED;
    else if (c->state == HTTP_IDLE || c->state == HTTP_READING)
        enter_delivering(c, now_ns);
}

void http_connection_on_failure(struct http_connection *c)
{
    c->state = HTTP_CLOSED;
}

void http_connection_output(const struct http_connection *c, struct text *head, struct text *body)
{
    const struct http_answer *a = &c->answer;

    if (c->state != HTTP_SENDING) {
        *head = *body = (struct text){NULL, 0};
        return;
    }
    *head = (struct text){a->head + c->head_sent, a->head_size - c->head_sent};
    *body = (struct text){a->body_size == 0 ? NULL : a->body + c->body_sent,
                          (size_t)(a->body_size - c->body_sent)};
}

static void on_answer_sent(struct http_connection *c, uint64_t now_ns)
{
    if (c->answer.close) {
        enter_delivering(c, now_ns);
        return;
    }
    enter_idle(c, now_ns);
    advance(c, now_ns);
    if (c->peer_ended && c->state != HTTP_SENDING)
        enter_delivering(c, now_ns);
}

void http_connection_on_sent(struct http_connection *c, uint64_t size, uint64_t now_ns)
{
    const struct http_answer *a = &c->answer;
    size_t head_left = a->head_size - c->head_sent;
    size_t of_head = size < head_left ? (size_t)size : head_left;

    if (c->state != HTTP_SENDING)
        return;
    c->service->counters.bytes += size;
    c->head_sent += of_head;
    c->body_sent += size - of_head;
    if (c->head_sent == a->head_size && c->body_sent == a->body_size) {
        on_answer_sent(c, now_ns);
        return;
    }
    if (size >= c->window)
        window_open(c, now_ns);
    else
        c->window -= size;
}

uint64_t http_connection_waiting_since(const struct http_connection *c)
{
    if (c->state == HTTP_SENDING || c->state == HTTP_DELIVERING)
        return c->deadline_ns - c->service->limits.send_ns;
    return c->since_ns;
}

void http_connection_on_time(struct http_connection *c, uint64_t now_ns)
{
    if (c->state == HTTP_CLOSED || now_ns < c->deadline_ns)
        return;
    c->service->counters.timeouts++;
    if (c->state != HTTP_READING) {
        c->state = HTTP_CLOSED;
        return;
    }
    http_answer_refuse(&c->answer, c->service, HTTP_REQUEST_TIMEOUT);
    enter_sending(c, now_ns);
}
