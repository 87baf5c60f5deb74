/*
 * HTTP status: one table row per status.  The status line is kept whole so
 * that an answer starts with a single copy.
 */

#include "http_status.h"

#define STATUS(code, reason, sentence)                         \
    {                                                          \
        code,                                                  \
            {"HTTP/1.1 " #code " " reason "\r\n",              \
             sizeof("HTTP/1.1 " #code " " reason "\r\n") - 1}, \
            {reason, sizeof(reason) - 1},                      \
        {                                                      \
            sentence, sizeof(sentence) - 1                     \
        }                                                      \
    }

struct status_words {
    int code;
    struct text line;
    struct text reason;
    struct text sentence;
};

static const struct status_words words[] = {
    STATUS(200, "OK", "Here it is."),
    STATUS(206, "Partial Content", "Here is the part that was asked for."),
    STATUS(301, "Moved Permanently", "This page has another address."),
    STATUS(304, "Not Modified", "The copy you have is still good."),
    STATUS(400, "Bad Request", "The request is not one that HTTP allows."),
    STATUS(404, "Not Found", "There is nothing at this address."),
    STATUS(405, "Method Not Allowed", "Pages here can be read with GET and HEAD, nothing else."),
    STATUS(408, "Request Timeout", "The request took too long to arrive."),
    STATUS(412, "Precondition Failed", "The page is not in the state the request asked for."),
    STATUS(414, "URI Too Long", "The address is longer than this server accepts."),
    STATUS(416, "Range Not Satisfiable", "The file ends before the part that was asked for."),
    STATUS(417, "Expectation Failed", "The request expects something this server cannot do."),
    STATUS(431, "Request Header Fields Too Large", "The request header is too large."),
    STATUS(500, "Internal Server Error", "The server could not make this answer."),
    STATUS(501, "Not Implemented", "The request asks for something this server does not know."),
    STATUS(505, "HTTP Version Not Supported", "This server speaks HTTP/1.1 and HTTP/1.0."),
};

enum { WORDS_COUNT = sizeof(words) / sizeof(words[0]) };

static const struct status_words *words_of(enum http_status status)
{
    const struct status_words *internal_error = NULL;

    for (size_t i = 0; i < WORDS_COUNT; i++) {
        if (words[i].code == (int)status)
            return &words[i];
        if (words[i].code == HTTP_INTERNAL_ERROR)
            internal_error = &words[i];
    }
    return internal_error;
}

struct text http_status_line(enum http_status status)
{
    return words_of(status)->line;
}

struct text http_status_reason(enum http_status status)
{
    return words_of(status)->reason;
}

struct text http_status_sentence(enum http_status status)
{
    return words_of(status)->sentence;
}
