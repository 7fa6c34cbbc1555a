/* Cases of rows whose key changes across batches (contract.md U-32), on one table t(id int8, a
 * text, b text, g int8) of a real target. One test program's state. Thread: the test's own. */
#ifndef MR_TESTS_SUPPORT_KEPT_CASE_H
#define MR_TESTS_SUPPORT_KEPT_CASE_H

#include "sinks/load.h"
#include "tests/support/sink_cases.h"

enum { KEPT_A = 2, KEPT_B = 4 }; /* masks */
enum { KEPT_MAX_ORPHANS = 256 };

struct kept_case {
    struct mr_rows rows;
    struct mr_arena arena;
    struct mr_load_memory memory;
    struct mr_load_stats stats;
    struct mr_load_faults faults;
    struct mr_route route;
    bool parts; /* batches are taken apart at random (load_split.h) */
    struct mr_rng rng;
    size_t most;                       /* rows of a part that kept_case_small does not refuse */
    int64_t guard;                     /* of the rows that follow; 0: the table has none */
    int64_t orphans[KEPT_MAX_ORPHANS]; /* offsets of the last flush's */
    size_t n_orphans;
};
extern struct kept_case kept_case;
extern const struct mr_colset kept_all;   /* its columns */
extern const struct mr_span kept_spans[]; /* partitions 0 and 1 of a topic, and 0 of another one */
extern const uint32_t kept_rank[];

void kept_case_start(void);
void kept_case_stop(void);
void kept_case_make(void);             /* the table */
void kept_case_open(void);             /* as the catalogue has it now */
void kept_case_guarded(int64_t guard); /* the table, with guards; the next rows have this one */
void kept_case_moving(
    void); /* the table, and in two batches row (1,x,BIG), which leaves for key 2 */
void kept_case_settle(void); /* R-10, of what was added */

/* One record. */
struct kept_change {
    int64_t id;
    int64_t old_id; /* of a row with a new key; 0 */
    int64_t new_id; /* of a delete, where the row goes on; 0 */
    const char *a;  /* "~": masked */
    const char *b;
    uint32_t span;
    int64_t offset; /* 0: the next one */
    bool delete;
    bool insert; /* its key is likely new */
};
void kept_case_add(struct kept_change change);
/* A text as field of column `col`; NULL: NULL. */
void kept_case_text(struct mr_buf *out, uint16_t col, const char *text);
/* "~" sets the bit, and is NULL. */
const char *kept_case_mask(const char *text, uint64_t bit, uint64_t *mask);
void kept_put(int64_t id, const char *a, const char *b);
/* The two halves of a change of the key; the first with its tombstone. */
void kept_leave(int64_t from, int64_t to);
void kept_arrive(int64_t from, int64_t to, const char *a, const char *b);

/* A load of what was added, and an end of it once what it had was looked at. */
struct mr_load kept_case_load(void);
void kept_case_reset(void);
/* An upsert that refuses more than kept_case.most rows, after it was done: nothing may be left. */
extern const struct mr_load_ops kept_case_small;
/* Loads what was added in a transaction; how many records were at fault is returned. */
size_t kept_flush(void);
const char *kept_query(const char *sql);
void kept_check(const char *expected); /* id, a, b of all rows */
int kept_n_tombs(void);

#endif
