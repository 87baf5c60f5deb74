/*
 * Path: from what a request wrote to the name of a file in the site.
 *
 * A path is decoded exactly once and then compared byte by byte with the names
 * in the packed site, so there is no file system to escape into.  All the same
 * everything that has ever been used to climb out of a folder is refused in
 * every spelling: "." and ".." segments, encoded slashes, backslashes, NUL and
 * other control characters, overlong UTF-8.  Honest clients resolve dot
 * segments before they ask (RFC 3986 section 5.2.4), so nobody misses them.
 */

#pragma once

#include "text.h"

enum { PATH_LIMIT = 1024 }; /* bytes of a decoded path, "index.html" included */

struct path {
    char data[PATH_LIMIT];
    size_t size;
};

/*
 * Decode the path of a request target; a folder ("/", "/docs/") becomes its index.html.
 * False when it must be refused; `path` is then worthless.
 */
bool path_decode(struct text encoded, struct path *path);

static inline struct text path_text(const struct path *path)
{
    return (struct text){path->data, path->size};
}
