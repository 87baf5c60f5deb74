/*
 * A ring between two domains: sleep and doorbell, with a peer that dies at any step.
 *
 * Memory is weak where the protocol needs it to be strong: a store waits in its side's buffer, each
 * word for itself, and becomes visible whenever it likes.  A release store comes after the stores
 * before it, and a barrier waits for all.  Loads are made in the order of the program.
 *
 * The comments after `|` quote the code that a step stands for; the test fails if the code has
 * changed.
 *
 * Bounds: a ring for two messages, and four of them.  The producer may stop at any message; each
 * side may die between any two steps, also both.
 */
#define CAPACITY 2
#define MESSAGES 4
#define NO_WAKE  255 /* RING_NO_WAKE: indices wrap at 256 here */

#define PRODUCER_BARRIER \
    (!is_produce_stored && !is_producer_wake_stored && !is_message_stored[0] \
     && !is_message_stored[1])
#define CONSUMER_BARRIER (!is_consume_stored && !is_consumer_wake_stored)

#define BELOW(a, b) (((a) & 255) < ((b) & 255))

/* Memory, as everybody sees it. */
byte produce, consume;
byte consumer_wake_at = 0, producer_wake_at = NO_WAKE;
byte messages[CAPACITY];

/* Stores on their way there. */
bool is_produce_stored, is_consume_stored, is_consumer_wake_stored, is_producer_wake_stored;
bool is_message_stored[CAPACITY];
byte stored_produce, stored_consume, stored_consumer_wake, stored_producer_wake;
byte stored_message[CAPACITY];

/* The kernel's: a bit of each side's event, and the news that the other is dead. */
bool consumer_bell, producer_bell;
bool consumer_told, producer_told;

/* Where the two are. */
bool consumer_dead, producer_dead;
bool consumer_over, producer_over; /* dead, or has ended the connection */
bool producer_sleeps; /* for want of room */
byte taken;

/* What is claimed; tests/reason/ring.changes has a change to the model that breaks each. */
bool messages_arrive_whole_and_in_order = true;
bool honest_indices_are_believed = true;
bool nobody_sleeps_on_messages = true;
bool nobody_sleeps_on_room = true;
bool survivors_are_told = true;

/*
 * Each d_step below touches memory once at the most; what it does beside that is nobody else's to
 * see, or is quicker said so.
 */
inline claim(name, condition)
{
    name = (condition);
    assert(name)
}

/* Stores become visible, in any order but the one that release asks for. */
active proctype Memory()
{
end:
    do
    :: d_step {
           is_message_stored[0] ->
           messages[0] = stored_message[0];
           is_message_stored[0] = false;
           stored_message[0] = 0
       }
    :: d_step {
           is_message_stored[1] ->
           messages[1] = stored_message[1];
           is_message_stored[1] = false;
           stored_message[1] = 0
       }
    :: d_step {
           is_produce_stored && !is_message_stored[0] && !is_message_stored[1] -> /* release */
           produce = stored_produce;
           is_produce_stored = false;
           stored_produce = 0
       }
    :: d_step {
           is_consume_stored ->
           consume = stored_consume;
           is_consume_stored = false;
           stored_consume = 0
       }
    :: d_step {
           is_consumer_wake_stored ->
           consumer_wake_at = stored_consumer_wake;
           is_consumer_wake_stored = false;
           stored_consumer_wake = 0
       }
    :: d_step {
           is_producer_wake_stored ->
           producer_wake_at = stored_producer_wake;
           is_producer_wake_stored = false;
           stored_producer_wake = 0
       }
    od
}

/* --- the producer --- */

inline look_for_room()
{
    d_step {
        if
        :: put != limit
        :: else ->
            /* | ring_producer_refresh: atomic_load_explicit(&r->peer->consume, memory_order_acq */
            /* | ring_producer_refresh: if (consume - seen > r->published - seen) { */
            claim(honest_indices_are_believed,
                  !BELOW(published - (limit - CAPACITY), consume - (limit - CAPACITY)));
            limit = consume + CAPACITY /* | ring_producer_refresh: r->limit = consume + capacity; */
        fi
    }
}

inline write_message()
{
    d_step {
        !is_message_stored[put % CAPACITY] ->
        /* | ring_put: r->messages[index & r->mask] = *m; */
        stored_message[put % CAPACITY] = put + 1;
        is_message_stored[put % CAPACITY] = true;
        put++ /* | ring_put: r->produce = index + 1; */
    }
}

inline publish()
{
    d_step {
        !is_produce_stored ->
        before = published; /* | ring_publish: uint64_t before = r->published, now = r->produce; */
        published = put;    /* | ring_publish: r->published = now; */
        /* | ring_publish: atomic_store_explicit(&r->own->produce, now, memory_order_release); */
        stored_produce = put;
        is_produce_stored = true
    }
    /* | ring_publish: atomic_thread_fence(memory_order_seq_cst); */
    PRODUCER_BARRIER;
    d_step {
        /* | ring_publish: ring_word_load(&r->peer->wake_at); */
        /* | ring_publish: wake_at - before < now - before */
        is_bell_due = BELOW(consumer_wake_at - before, published - before);
        before = 0
    }
    if
    :: is_bell_due ->
        d_step {
            consumer_bell = true; /* | connection_flush: event_signal(c->doorbell, UINT64_MAX); */
            is_bell_due = false
        }
    :: else
    fi
}

inline ask_for_room()
{
    look_for_room(); /* | ring_producer_sleep: if (ring_has_room(r)) */
    if
    :: put != limit
    :: else ->
        d_step {
            !is_producer_wake_stored ->
            /* | ring_producer_sleep: atomic_store_explicit(&r->own->wake_at, r->limit - (r->mask */
            stored_producer_wake = limit - CAPACITY;
            is_producer_wake_stored = true
        }
        /* | ring_producer_sleep: atomic_thread_fence(memory_order_seq_cst); */
        PRODUCER_BARRIER;
        look_for_room() /* | ring_producer_sleep: if (ring_has_room(r)) */
    fi
}

active proctype Producer()
{
    byte put = 0, published = 0, limit = CAPACITY; /* | ring_producer_init: .limit = capacity */
    byte before;
    bool is_bell_due;

    {
        do
        :: put < MESSAGES ->
            look_for_room();
            if
            :: put != limit -> write_message()
            :: else ->
                /* | connection_await_room: connection_flush(c); */
                if
                :: put != published -> publish()
                :: else
                fi;
                ask_for_room();
                if
                :: put != limit
                :: else -> /* | connection_await_room: if (!ring_producer_sleep(&c->out)) */
                    producer_sleeps = true;
                    d_step {
                        producer_bell || producer_told ->
                        producer_sleeps = false;
                        producer_bell = false
                    }
                    if
                    :: producer_told -> break
                    :: else
                    fi
                fi
            fi
        :: put != published -> publish()
        :: put == published -> producer_told -> break /* it has no more to say */
        od
    } unless {
        producer_dead
    }
    producer_over = true
}

/* --- the consumer --- */

inline look_for_message()
{
    d_step {
        if
        :: taken != readable
        :: else ->
            /* | ring_has_message_at: atomic_load_explicit(&r->peer->produce, memory_order_acqui */
            /* | ring_has_message_at: produce - consume - 1 < r->released - consume + (mask + 1) */
            claim(honest_indices_are_believed,
                  produce == taken || BELOW(produce - taken - 1, released - taken + CAPACITY));
            readable = produce /* | ring_has_message_at: r->limit = produce; */
        fi
    }
}

inline take_message()
{
    d_step {
        /* | ring_take: *out = ring_message_copy(slot); */
        claim(messages_arrive_whole_and_in_order, messages[taken % CAPACITY] == taken + 1);
        taken++ /* | ring_take: r->consume = index + 1; */
    }
}

inline release()
{
    d_step {
        !is_consume_stored ->
        before = released; /* | ring_release: uint64_t before = r->released, now = r->consume; */
        released = taken;  /* | ring_release: r->released = now; */
        /* | ring_release: atomic_store_explicit(&r->own->consume, now, memory_order_release); */
        stored_consume = taken;
        is_consume_stored = true
    }
    /* | ring_release: atomic_thread_fence(memory_order_seq_cst); */
    CONSUMER_BARRIER;
    d_step {
        /* | ring_release: ring_word_load(&r->peer->wake_at); */
        /* | ring_release: wake_at - before < now - before */
        is_bell_due = BELOW(producer_wake_at - before, released - before);
        before = 0
    }
    if
    :: is_bell_due ->
        d_step {
            producer_bell = true; /* | connection_flush: event_signal(c->doorbell, UINT64_MAX); */
            is_bell_due = false
        }
    :: else
    fi
}

inline ask_for_message()
{
    look_for_message(); /* | ring_consumer_sleep: if (ring_has_message(r)) */
    if
    :: taken != readable
    :: else ->
        d_step {
            !is_consumer_wake_stored ->
            /* | ring_consumer_sleep: atomic_store_explicit(&r->own->wake_at, r->consume, */
            stored_consumer_wake = taken;
            is_consumer_wake_stored = true
        }
        /* | ring_consumer_sleep: atomic_thread_fence(memory_order_seq_cst); */
        CONSUMER_BARRIER;
        look_for_message() /* | ring_consumer_sleep: if (ring_has_message(r)) */
    fi
}

active proctype Consumer()
{
    byte released = 0, readable = 0;
    byte before;
    bool is_bell_due;

    {
        do
        :: look_for_message();
            if
            :: taken != readable ->
                take_message();
                if
                :: release() /* some at a time, or all */
                :: skip
                fi
            :: else ->
                /* | connection_serve_messages: connection_flush(c); */
                if
                :: taken != released -> release()
                :: else
                fi;
                ask_for_message();
                if
                :: taken != readable
                :: else -> /* | connection_serve_messages: ring_consumer_sleep(&c->in) */
                    d_step {
                        consumer_bell || consumer_told ->
                        consumer_bell = false
                    }
                    if
                    :: consumer_told -> break
                    :: else
                    fi
                fi
            fi
        od
    } unless {
        consumer_dead
    }
    consumer_over = true
}

/* --- death, and what the kernel tells of it --- */

active proctype Producer_end()
{
    if
    :: producer_dead = true; consumer_told = true
    :: skip
    fi
}

active proctype Consumer_end()
{
    if
    :: consumer_dead = true; producer_told = true
    :: skip
    fi
}

/* When nothing moves any more. */
active proctype Rest()
{
    timeout;
    claim(survivors_are_told,
          (!producer_dead || consumer_over) && (!consumer_dead || producer_over));
    claim(nobody_sleeps_on_messages, consumer_over || taken == produce);
    claim(nobody_sleeps_on_room, producer_over || !producer_sleeps)
}
