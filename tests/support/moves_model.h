/* A source whose rows change their keys, as a stream of records with unavailable values, and what a
 * target may make of it (contract.md U-30 to U-32, R-09, R-10): drawn from a seed. The model knows
 * every row's true values, and follows what is known of them where partitions lag behind each
 * other. Thread: the test's own. */
#ifndef MR_TESTS_SUPPORT_MOVES_MODEL_H
#define MR_TESTS_SUPPORT_MOVES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOVES_MAX_KEYS = 6, MOVES_MAX_RECORDS = 160, MOVES_COLUMNS = 2, MOVES_UNKNOWN = -1 };

/* How the records come. */
struct moves_shape {
    unsigned n_partitions;
    bool guard;
    bool scattered; /* a key's records may be in any partition */
    bool lag;       /* partitions are read in any order, else in the source's */
};

enum moves_op { MOVES_PUT, MOVES_DELETE, MOVES_TRUNCATE };

struct moves_record {
    enum moves_op op;
    bool tombstone;
    bool skipped; /* put aside before it is gathered */
    int key;
    int other;  /* of a put: the old key; of a delete: the new one; 0: none */
    int change; /* of the source, ascending */
    int value[MOVES_COLUMNS];
    bool masked[MOVES_COLUMNS];
    unsigned partition;
    int from; /* index + 1 of the record whose values it takes where it has none; 0: none */
    /* what the row may have in the target behind it, besides its true values; MOVES_UNKNOWN */
    int known[MOVES_COLUMNS];
};

struct moves_model {
    uint64_t rng;
    struct moves_shape shape;
    struct moves_record records[MOVES_MAX_RECORDS]; /* in the order they come */
    size_t n_records;
    size_t n_come;
    size_t n_loaded;              /* those before */
    int last[MOVES_MAX_KEYS + 1]; /* index + 1 of the record that the key has; 0: none */
    int tomb[MOVES_MAX_KEYS + 1]; /* change of the last delete that was loaded */
    int floor;                    /* change of the last truncate that came */
    bool skips;                   /* are some records put aside? */
    int n_changes;
    int n_values;
};

void moves_model_draw(struct moves_model *model, uint64_t seed, const struct moves_shape *shape);
/* Below n, from the model's own source of chance. */
unsigned moves_model_below(struct moves_model *model, unsigned n);
/* Record `at` is gathered: all before it were. */
void moves_model_come(struct moves_model *model, size_t at);
/* What came is loaded. */
void moves_model_load(struct moves_model *model);
/* Record `at` has been reported as orphan: its row is not there. */
void moves_model_orphan(struct moves_model *model, size_t at);
/* Whether the target may have these values under the key, whose row is there. */
bool moves_model_allows(const struct moves_model *model, int key, const int *value);

#endif
