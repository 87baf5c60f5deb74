/*
 * A small packed site for the tests of the web server, put together in memory.
 *
 * Four files: "/index.html" (plain and gzip), "/big.bin", "/docs/index.html" and "/404.html".
 * The bodies are told apart by their first letter; no real compression is involved.
 */
#pragma once

#include "userland/web/site.h"

enum { SAMPLE_BLOB_BYTES = 16384, SAMPLE_BIG_BYTES = 5000 };

static const uint64_t sample_modified = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */

static union {
    uint64_t alignment;
    char bytes[SAMPLE_BLOB_BYTES];
} sample_blob;

static size_t sample_size;

static uint32_t sample_bytes(const char *data, size_t size)
{
    size_t at = sample_size;

    memcpy(sample_blob.bytes + at, data, size);
    sample_size += size;
    return (uint32_t)at;
}

static struct site_string sample_string(const char *string)
{
    return (struct site_string){sample_bytes(string, strlen(string)), (uint32_t)strlen(string)};
}

static struct site_variant sample_variant(const char *etag, const char *content_lines,
                                          const char *body, size_t size)
{
    char version[128];
    size_t used = 0;
    const char *parts[] = {"ETag: ", etag, "\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"};

    for (int i = 0; i < 3; i++) {
        memcpy(version + used, parts[i], strlen(parts[i]));
        used += strlen(parts[i]);
    }
    version[used] = '\0';
    return (struct site_variant){
        .body_offset = sample_bytes(body, size),
        .body_size = size,
        .etag = sample_string(etag),
        .version_lines = sample_string(version),
        .content_lines = sample_string(content_lines),
    };
}

/* Build the blob and say how many bytes it has. */
static size_t sample_site_build(void)
{
    static char big[SAMPLE_BIG_BYTES];
    struct site_header header = {.magic = "ROTSITE"};
    struct site_entry entries[4] = {0};

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)('a' + i % 26);
    memset(&sample_blob, 0, sizeof(sample_blob));
    sample_size = sizeof(header) + sizeof(entries);

    header.policy_line = sample_string("Content-Security-Policy: default-src 'self'\r\n");
    entries[0].path = sample_string("/404.html");
    entries[0].variant[SITE_PLAIN] =
        sample_variant("\"missing\"", "Content-Type: text/html; charset=utf-8\r\n", "gone", 4);
    entries[1].path = sample_string("/big.bin");
    entries[1].variant[SITE_PLAIN] = sample_variant(
        "\"big\"", "Content-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n", big,
        sizeof(big));
    entries[2].path = sample_string("/docs/index.html");
    entries[2].variant[SITE_PLAIN] =
        sample_variant("\"docs\"", "Content-Type: text/html; charset=utf-8\r\n", "docs", 4);
    entries[3].path = sample_string("/index.html");
    entries[3].variant[SITE_PLAIN] =
        sample_variant("\"index\"", "Content-Type: text/html; charset=utf-8\r\n", "plain page", 10);
    entries[3].variant[SITE_GZIP] = sample_variant(
        "\"index-gz\"", "Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n",
        "gzipped", 7);
    for (int i = 0; i < 4; i++)
        entries[i].modified = sample_modified;

    header.magic[7] = '1';
    header.size = sample_size;
    header.entries_offset = sizeof(header);
    header.entries_count = 4;
    memcpy(sample_blob.bytes, &header, sizeof(header));
    memcpy(sample_blob.bytes + sizeof(header), entries, sizeof(entries));
    return sample_size;
}
