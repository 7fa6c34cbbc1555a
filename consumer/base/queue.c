/* Owns a ring of pointers between threads. Must not look into the items. Invariants: n_items <=
 * capacity; once closed, nothing enters any more, and what is inside can still be taken out. */
#include "base/queue.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

#include "base/ban.h"

MR_NO_TSA int mr_queue_init(struct mr_queue *queue, uint32_t capacity, int rank)
{
    *queue = (struct mr_queue){.capacity = capacity};
    queue->items = calloc(capacity, sizeof *queue->items);
    if (queue->items == NULL)
        return -MR_NO_MEMORY;
    mr_lock_init(&queue->lock, rank);
    mr_cond_init(&queue->not_empty);
    mr_cond_init(&queue->not_full);
    return 0;
}

MR_NO_TSA void mr_queue_release(struct mr_queue *queue)
{
    if (queue->items == NULL)
        return; /* never inited, its init failed, or released before */
    mr_cond_release(&queue->not_full);
    mr_cond_release(&queue->not_empty);
    mr_lock_release(&queue->lock);
    free(queue->items);
    queue->items = NULL;
}

int mr_queue_push(struct mr_queue *queue, void *item, uint32_t timeout_ms)
{
    struct timespec deadline;
    mr_clock_deadline(&deadline, timeout_ms);
    int rc = 0;
    bool in_time = timeout_ms > 0;
    mr_lock_take(&queue->lock);
    while (!queue->closed && queue->n_items == queue->capacity && in_time)
        in_time = mr_cond_wait_until(&queue->not_full, &queue->lock, &deadline);
    if (queue->closed) {
        rc = -MR_END;
    } else if (queue->n_items == queue->capacity) {
        rc = -MR_FULL;
    } else {
        uint64_t at = (uint64_t)queue->head + queue->n_items;
        queue->items[at % queue->capacity] = item;
        queue->n_items++;
        mr_cond_wake_one(&queue->not_empty);
    }
    mr_lock_drop(&queue->lock);
    return rc;
}

int mr_queue_pop(struct mr_queue *queue, void **item, uint32_t timeout_ms)
{
    struct timespec deadline;
    mr_clock_deadline(&deadline, timeout_ms);
    int rc = 0;
    bool in_time = timeout_ms > 0;
    mr_lock_take(&queue->lock);
    while (!queue->closed && queue->n_items == 0 && in_time)
        in_time = mr_cond_wait_until(&queue->not_empty, &queue->lock, &deadline);
    if (queue->n_items > 0) {
        *item = queue->items[queue->head];
        queue->head = queue->head + 1 == queue->capacity ? 0 : queue->head + 1;
        queue->n_items--;
        mr_cond_wake_one(&queue->not_full);
    } else {
        rc = queue->closed ? -MR_END : -MR_EMPTY;
    }
    mr_lock_drop(&queue->lock);
    return rc;
}

void mr_queue_close(struct mr_queue *queue)
{
    mr_lock_take(&queue->lock);
    queue->closed = true;
    mr_cond_wake_all(&queue->not_empty);
    mr_cond_wake_all(&queue->not_full);
    mr_lock_drop(&queue->lock);
}

uint32_t mr_queue_len(struct mr_queue *queue)
{
    mr_lock_take(&queue->lock);
    uint32_t n = queue->n_items;
    mr_lock_drop(&queue->lock);
    return n;
}
