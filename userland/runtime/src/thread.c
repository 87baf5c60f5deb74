/*
 * Threads of a program's own.
 */
#include "rt/thread.h"

#include <stdlib.h>

#include "rt/syscall.h"

#include "stack.h"
#include "tls.h"

struct thread_start {
    void (*run)(void *context);
    void *context;
    void *tls;
};

/* thread_entry (start.S) is where the kernel starts the thread; it goes on in thread_begin(). */
void thread_entry(void);
_Noreturn void thread_begin(struct thread_start *start);

void thread_begin(struct thread_start *start)
{
    struct thread_start copy = *start;

    tls_install(copy.tls);
    copy.run(copy.context);
    thread_exit();
}

enum status thread_start(void (*run)(void *context), void *context, size_t stack_bytes,
                         uint32_t priority, handle_t *out)
{
    struct stacks stacks;
    struct thread_start *start = malloc(sizeof *start);
    handle_t thread;

    if (start == NULL)
        return STATUS_OUT_OF_QUOTA;

    enum status s = stacks_create(stack_bytes, 1, "thread stack", &stacks);

    if (s != STATUS_OK) {
        free(start);
        return s;
    }
    *start = (struct thread_start){run, context, (void *)(uintptr_t)stacks.first_top};
    s = thread_create(0, (uaddr_t)(uintptr_t)thread_entry, stacks.first_top,
                      (uint64_t)(uintptr_t)start, priority, &thread);
    if (s != STATUS_OK) {
        stacks_give_back(&stacks);
        free(start);
        return s;
    }
    if (out == NULL)
        return handle_close(thread);
    *out = thread;
    return STATUS_OK;
}
