/*
 * HTTP answers: redirect, page from the site, or built-in page.
 *
 * Everything is decided before the first byte is written, except that a
 * redirect may turn out too long for the buffer; it is then refused instead.
 */

#include "http_answer.h"

#include "http_conditional.h"
#include "http_encoding.h"
#include "http_range.h"
#include "http_response.h"
#include "path.h"

/* What an answer is made from, so that it need not be passed in five pieces. */
struct making {
    struct http_answer *answer;
    const struct http_service *service;
    const struct http_request *request; /* NULL when there was none worth the name */
    const char *data;
    struct http_response response;
};

static bool is_head(const struct making *m)
{
    return m->request != NULL && m->request->method == HTTP_HEAD;
}

/* A browser that was told to use TLS for "localhost" would do so for every port of it. */
static bool host_is_local(struct text host)
{
    static const struct text local = {"localhost", 9};

    if (host.size < local.size)
        return false;
    return text_matches(text_after(host, host.size - local.size), local)
           && (host.size == local.size || host.data[host.size - local.size - 1] == '.');
}

/* Status line and the lines that every answer has. */
static void start(struct making *m, enum http_status status)
{
    const struct http_service *s = m->service;
    const struct http_request *r = m->request;

    m->answer->status = status;
    http_response_start(&m->response, m->answer->head, HTTP_ANSWER_SIZE, status);
    http_response_text(&m->response, (struct text){s->common, s->common_size});
    if (m->answer->close)
        http_response_text(&m->response, text_of("Connection: close\r\n"));
    else if (r != NULL && r->minor == 0)
        http_response_text(&m->response, text_of("Connection: keep-alive\r\n"));
    if (s->strict_transport && r != NULL && r->host.length > 0
        && !host_is_local(http_slice_text(m->data, r->host)))
        http_response_text(&m->response,
                           text_of("Strict-Transport-Security: max-age=31536000\r\n"));
}

static void finish(struct making *m)
{
    m->answer->head_size = m->response.size;
}

/* The fields and body of a built-in page; the caller has begun the head. */
static void finish_with_page(struct making *m, enum http_status status)
{
    struct http_response *out = &m->response;

    http_response_text(out, text_of("Content-Type: text/html; charset=utf-8\r\n"
                                    "Content-Security-Policy: default-src 'none'; "
                                    "style-src 'unsafe-inline'; base-uri 'none'; "
                                    "form-action 'none'; frame-ancestors 'none'\r\n"));
    http_response_number_field(out, "Content-Length", http_page_size(status));
    http_response_end(out);
    if (!is_head(m))
        http_response_page(out, status);
    finish(m);
}

static void answer_page(struct making *m, enum http_status status)
{
    start(m, status);
    if (status == HTTP_METHOD_NOT_ALLOWED)
        http_response_text(&m->response, text_of("Allow: GET, HEAD\r\n"));
    finish_with_page(m, status);
}

/* ---- redirects ---- */

static void put_target(struct making *m, bool as_folder)
{
    struct text path = http_slice_text(m->data, m->request->path);
    struct text query = http_slice_text(m->data, m->request->query);

    http_response_text(&m->response, path.size > 0 ? path : text_of("/"));
    if (as_folder)
        http_response_text(&m->response, text_of("/"));
    if (query.size > 0) {
        http_response_text(&m->response, text_of("?"));
        http_response_text(&m->response, query);
    }
}

static void finish_redirect(struct making *m)
{
    http_response_text(&m->response, text_of("\r\n"));
    finish_with_page(m, HTTP_MOVED_PERMANENTLY);
    if (m->response.overflowed)
        answer_page(m, HTTP_URI_TOO_LONG);
}

/* To the same place over TLS. */
static void answer_secure(struct making *m)
{
    struct text host = http_slice_text(m->data, m->request->host);

    if (host.size == 0) {
        answer_page(m, HTTP_BAD_REQUEST);
        return;
    }
    start(m, HTTP_MOVED_PERMANENTLY);
    http_response_text(&m->response, text_of("Location: https://"));
    http_response_text(&m->response, host);
    if (m->service->secure_port != 443) {
        http_response_text(&m->response, text_of(":"));
        http_response_number(&m->response, m->service->secure_port);
    }
    put_target(m, false);
    finish_redirect(m);
}

/* To the same path with a slash behind it. */
static void answer_folder(struct making *m)
{
    start(m, HTTP_MOVED_PERMANENTLY);
    http_response_text(&m->response, text_of("Location: "));
    put_target(m, true);
    finish_redirect(m);
}

/* ---- files ---- */

static void put_content_range(struct making *m, const struct http_range *range, uint64_t size)
{
    struct http_response *out = &m->response;

    http_response_text(out, text_of("Content-Range: bytes "));
    if (range->kind == HTTP_RANGE_PART) {
        http_response_number(out, range->first);
        http_response_text(out, text_of("-"));
        http_response_number(out, range->last);
    } else {
        http_response_text(out, text_of("*"));
    }
    http_response_text(out, text_of("/"));
    http_response_number(out, size);
    http_response_end(out);
}

/* The lines that describe `v`, and the policy of the site. */
static void put_content_lines(struct making *m, const struct site_variant *v)
{
    const struct site *site = m->service->site;

    http_response_text(&m->response, site_text(site, v->content_lines));
    http_response_text(&m->response, site->policy_line);
}

static void finish_with_body(struct making *m, const struct site_variant *v, uint64_t first,
                             uint64_t size)
{
    http_response_number_field(&m->response, "Content-Length", size);
    http_response_end(&m->response);
    finish(m);
    if (is_head(m))
        return;
    m->answer->body = m->service->site->blob + v->body_offset + first;
    m->answer->body_size = size;
}

static void answer_unsatisfiable(struct making *m, const struct http_range *range, uint64_t size)
{
    start(m, HTTP_RANGE_NOT_SATISFIABLE);
    put_content_range(m, range, size);
    finish_with_page(m, HTTP_RANGE_NOT_SATISFIABLE);
}

/* Ranges have a meaning for GET alone (RFC 9110 section 14.2). */
static struct http_range range_of(const struct making *m, const struct http_version_mark *mark,
                                  uint64_t size)
{
    const struct http_request *r = m->request;

    if (r->method != HTTP_GET || !http_request_has(r, HTTP_RANGE)
        || !http_conditional_allows_range(r, m->data, mark))
        return (struct http_range){.kind = HTTP_RANGE_WHOLE};
    return http_range_read(http_request_text(r, m->data, HTTP_RANGE), size);
}

static enum site_coding coding_of(const struct making *m)
{
    struct text accepted = http_request_text(m->request, m->data, HTTP_ACCEPT_ENCODING);

    return http_encoding_takes_gzip(accepted) ? SITE_GZIP : SITE_PLAIN;
}

static void answer_file(struct making *m, const struct site_entry *entry)
{
    const struct site *site = m->service->site;
    const struct site_variant *v = site_variant_choose(entry, coding_of(m));
    struct http_version_mark mark = {site_text(site, v->etag), entry->modified};
    enum http_status status = http_conditional_judge(m->request, m->data, &mark);

    if (status == HTTP_PRECONDITION_FAILED) {
        answer_page(m, status);
        return;
    }
    if (status == HTTP_NOT_MODIFIED) {
        start(m, status);
        http_response_text(&m->response, site_text(site, v->version_lines));
        http_response_end(&m->response);
        finish(m);
        return;
    }

    struct http_range range = range_of(m, &mark, v->body_size);

    if (range.kind == HTTP_RANGE_UNSATISFIABLE) {
        answer_unsatisfiable(m, &range, v->body_size);
        return;
    }

    bool partial = range.kind == HTTP_RANGE_PART;

    start(m, partial ? HTTP_PARTIAL_CONTENT : HTTP_OK);
    http_response_text(&m->response, site_text(site, v->version_lines));
    put_content_lines(m, v);
    if (partial)
        put_content_range(m, &range, v->body_size);
    finish_with_body(m, v, partial ? range.first : 0,
                     partial ? range.last - range.first + 1 : v->body_size);
}

/* A site may bring its own page for what it doesn't have. */
static void answer_missing(struct making *m)
{
    const struct site_entry *entry = site_find(m->service->site, text_of("/404.html"));

    if (entry == NULL) {
        answer_page(m, HTTP_NOT_FOUND);
        return;
    }

    const struct site_variant *v = site_variant_choose(entry, coding_of(m));

    start(m, HTTP_NOT_FOUND);
    put_content_lines(m, v);
    finish_with_body(m, v, 0, v->body_size);
}

/* Does the site have a folder where the request named a file? */
static bool folder_exists(const struct site *site, struct path *path)
{
    static const struct text rest = {"/index.html", 11};

    if (PATH_LIMIT - path->size < rest.size)
        return false;
    memcpy(path->data + path->size, rest.data, rest.size);
    path->size += rest.size;
    return site_find(site, path_text(path)) != NULL;
}

static void answer_from_site(struct making *m)
{
    struct path path;

    if (!path_decode(http_slice_text(m->data, m->request->path), &path)) {
        answer_page(m, HTTP_BAD_REQUEST);
        return;
    }

    const struct site_entry *entry = site_find(m->service->site, path_text(&path));

    if (entry != NULL)
        answer_file(m, entry);
    else if (folder_exists(m->service->site, &path))
        answer_folder(m);
    else
        answer_missing(m);
}

void http_answer_make(struct http_answer *a, const struct http_service *s,
                      const struct http_request *r, const char *data)
{
    struct making m = {.answer = a, .service = s, .request = r, .data = data};

    a->body = NULL;
    a->body_size = 0;
    a->close = !r->keep_alive;
    if (r->method == HTTP_KNOWN_METHOD)
        answer_page(&m, HTTP_METHOD_NOT_ALLOWED);
    else if (r->method == HTTP_UNKNOWN_METHOD)
        answer_page(&m, HTTP_NOT_IMPLEMENTED);
    else if (s->mode == HTTP_REDIRECT)
        answer_secure(&m);
    else
        answer_from_site(&m);
}

void http_answer_refuse(struct http_answer *a, const struct http_service *s,
                        enum http_status status)
{
    struct making m = {.answer = a, .service = s};

    a->body = NULL;
    a->body_size = 0;
    a->close = true;
    answer_page(&m, status);
}
