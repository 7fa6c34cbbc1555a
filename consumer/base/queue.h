/* A bounded queue of pointers between threads, with deadlines. Rank of its lock: given at init. */
#ifndef MR_BASE_QUEUE_H
#define MR_BASE_QUEUE_H

#include "base/lock.h"

struct mr_queue {
    struct mr_lock lock;
    struct mr_cond not_empty;
    struct mr_cond not_full;
    void **items MR_GUARDED_BY(lock);
    uint32_t capacity;
    uint32_t head MR_GUARDED_BY(lock);
    uint32_t n_items MR_GUARDED_BY(lock);
    bool closed MR_GUARDED_BY(lock);
};

/* 0 or -MR_NO_MEMORY. capacity >= 1. */
int mr_queue_init(struct mr_queue *queue, uint32_t capacity, int rank);
/* Items still inside are the caller's loss: drain first. */
void mr_queue_release(struct mr_queue *queue);

/* 0; -MR_FULL after `timeout_ms`; -MR_END when closed. Takes the item on 0. Any thread. */
int mr_queue_push(struct mr_queue *queue, void *item, uint32_t timeout_ms);
/* 0; -MR_EMPTY after `timeout_ms`; -MR_END when closed and empty. Gives the item. Any thread. */
int mr_queue_pop(struct mr_queue *queue, void **item, uint32_t timeout_ms);
/* Refuses further pushes and wakes all waiters. */
void mr_queue_close(struct mr_queue *queue);
uint32_t mr_queue_len(struct mr_queue *queue);

#endif
