/*
 * malloc() and its family, in place of the C library's.
 *
 * The heap is the rest of the program's data segment; a mutex of its own guards it, because threads
 * outside the monitor allocate too.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "rt/heap.h"
#include "rt/log.h"
#include "rt/mutex.h"

#include "heap.h"
#include "program.h"

static struct heap heap; /* protected by `lock` */
static struct mutex lock;

void heap_init(uaddr_t start, uaddr_t end)
{
    if (!heap_setup(&heap, (void *)(uintptr_t)start, (void *)(uintptr_t)end))
        log_die("no heap: the manifest gives this program too little memory");
}

/* What every allocation ends with. */
static void *result_of(void *p)
{
    mutex_unlock(&lock);
    if (p == NULL)
        errno = ENOMEM;
    return p;
}

void *malloc(size_t bytes)
{
    mutex_lock(&lock);
    return result_of(heap_allocate(&heap, bytes));
}

void free(void *p)
{
    if (p == NULL)
        return;
    mutex_lock(&lock);

    bool is_fine = heap_release(&heap, p);

    mutex_unlock(&lock);
    if (!is_fine)
        log_crash("free: %p is not allocated", p);
}

void *calloc(size_t count, size_t bytes)
{
    size_t total;

    if (__builtin_mul_overflow(count, bytes, &total)) {
        errno = ENOMEM;
        return NULL;
    }

    void *p = malloc(total);

    return p == NULL ? NULL : memset(p, 0, total);
}

void *realloc(void *p, size_t bytes)
{
    if (p == NULL)
        return malloc(bytes);
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    mutex_lock(&lock);

    bool is_in_place = heap_resize(&heap, p, bytes);
    size_t old = heap_size(p);

    mutex_unlock(&lock);
    if (is_in_place)
        return p;

    void *moved = malloc(bytes);

    if (moved == NULL)
        return NULL;
    memcpy(moved, p, old < bytes ? old : bytes);
    free(p);
    return moved;
}

void *memalign(size_t alignment, size_t bytes)
{
    mutex_lock(&lock);
    return result_of(heap_allocate_aligned(&heap, alignment, bytes));
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

size_t malloc_usable_size(void *p)
{
    return p == NULL ? 0 : heap_size(p);
}

void heap_usage_read(struct heap_usage *out)
{
    mutex_lock(&lock);
    *out = (struct heap_usage){.used_bytes = heap.used_bytes, .total_bytes = heap.total_bytes};
    mutex_unlock(&lock);
}
