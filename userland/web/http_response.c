/*
 * HTTP response head and the built-in pages.  A page is assembled from three
 * constant pieces and the status's words, so its length is known beforehand.
 */

#include "http_response.h"

static const char page_start[] = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                                 "<meta name=\"viewport\" content=\"width=device-width\">"
                                 "<meta name=\"color-scheme\" content=\"light dark\"><title>";
static const char page_middle[] =
    "</title>\n<style>body{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;"
    "margin:18vh auto;padding:0 1.5rem}h1{font-weight:600;letter-spacing:-.02em}"
    "a{color:inherit}hr{border:0;border-top:3px double;opacity:.4;width:4rem;margin:2rem 0}"
    "</style>\n<h1>";
static const char page_end[] = "</p>\n<hr>\n<p><a href=\"/\">Rotunda</a></p>\n</html>\n";
static const char page_between[] = "</h1>\n<p>";

void http_response_text(struct http_response *r, struct text t)
{
    if (t.size > r->capacity - r->size) {
        r->overflowed = true;
        return;
    }
    if (t.size > 0)
        memcpy(r->data + r->size, t.data, t.size);
    r->size += t.size;
}

static void put(struct http_response *r, const char *string)
{
    http_response_text(r, text_of(string));
}

void http_response_start(struct http_response *r, char *buffer, size_t capacity,
                         enum http_status status)
{
    *r = (struct http_response){.data = buffer, .capacity = capacity};
    http_response_text(r, http_status_line(status));
}

void http_response_number(struct http_response *r, uint64_t number)
{
    char digits[20];
    size_t start = sizeof(digits);

    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    http_response_text(r, (struct text){digits + start, sizeof(digits) - start});
}

void http_response_field(struct http_response *r, const char *name, struct text value)
{
    put(r, name);
    put(r, ": ");
    http_response_text(r, value);
    put(r, "\r\n");
}

void http_response_number_field(struct http_response *r, const char *name, uint64_t value)
{
    put(r, name);
    put(r, ": ");
    http_response_number(r, value);
    put(r, "\r\n");
}

void http_response_end(struct http_response *r)
{
    put(r, "\r\n");
}

void http_response_page(struct http_response *r, enum http_status status)
{
    put(r, page_start);
    http_response_text(r, http_status_reason(status));
    put(r, page_middle);
    http_response_text(r, http_status_reason(status));
    put(r, page_between);
    http_response_text(r, http_status_sentence(status));
    put(r, page_end);
}

size_t http_page_size(enum http_status status)
{
    enum {
        FIXED =
            sizeof(page_start) + sizeof(page_middle) + sizeof(page_between) + sizeof(page_end) - 4
    };

    return FIXED + 2 * http_status_reason(status).size + http_status_sentence(status).size;
}
