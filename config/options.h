/* The option table: one row a key, and all that the parser, the defaults, -o, --help, the reference
 * page, the printed configuration and a reload know about it. Threads: any; const. */
#ifndef MR_CONFIG_OPTIONS_H
#define MR_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/config.h"

enum mr_opt_type {
    MR_OPT_BOOL,      /* bool */
    MR_OPT_U32,       /* uint32_t; min, max */
    MR_OPT_SIZE,      /* uint64_t bytes from "64KiB"; min, max in bytes */
    MR_OPT_TIME,      /* uint64_t milliseconds from "500ms"; min, max in ms */
    MR_OPT_RATIO,     /* double; min, max in thousandths */
    MR_OPT_STR,       /* const char *; min, max in bytes */
    MR_OPT_STRS,      /* struct mr_strs from a string or an array */
    MR_OPT_CHOICE,    /* an enum, by `choices` */
    MR_OPT_START,     /* struct mr_conf_start */
    MR_OPT_SCALAR,    /* struct mr_conf_scalar from a string, number or boolean */
    MR_OPT_LIST,      /* T * at `at` and uint32_t at `count`, entries by `sub`; max entries */
    MR_OPT_PROPERTIES /* struct mr_kafka_property *, likewise: all other keys of a group */
};

enum mr_reload {
    MR_RELOAD_NOW,        /* as soon as the snapshot is swapped */
    MR_RELOAD_NEXT_BATCH, /* from the next batch on */
    MR_RELOAD_RESTART     /* waits for a restart; the log names it */
};

struct mr_choice {
    const char *name;
    int value;
    bool later; /* known, and refused by this version */
};

struct mr_choices {
    const struct mr_choice *items;
    size_t n_items;
};

struct mr_options;

struct mr_option {
    const char *name; /* within its table; a dot stands between a group and its key */
    enum mr_opt_type type;
    size_t at;             /* offset in the table's struct */
    size_t count;          /* LIST, PROPERTIES: offset of the number of entries */
    const char *dflt;      /* as one would write it with -o; NULL: zero, "" or empty */
    const char *dflt_says; /* for people, where the default is computed */
    const char *env;       /* variable that stands in for an absent setting */
    int64_t min;
    int64_t max; /* 0: no bounds, but see MR_CONF_TEXT_BYTES and MR_CONF_LIST_ITEMS */
    const char *unit;
    const struct mr_choices *choices;
    const struct mr_options *sub;
    enum mr_reload reload;
    bool secret; /* never printed */
    bool url;    /* printed with its password replaced */
    bool required;
    bool later; /* known, and anything but its default is refused by this version */
    const char *help;
};

struct mr_options {
    const char *title; /* a heading of the reference page */
    const char *about;
    const struct mr_option *rows;
    size_t n_rows;
    size_t bytes; /* of the struct that the rows fill */
};

enum {
    MR_CONF_TEXT_BYTES = 256 * 1024, /* one string, substituted files included */
    MR_CONF_LIST_ITEMS = 10000,
    MR_CONF_MEMORY_BYTES = 128 * 1024 * 1024, /* all of one configuration */
    MR_CONF_NAME_BYTES = 63,                  /* of a PostgreSQL identifier */
    MR_CONF_PATH_BYTES = 256                  /* a key's whole path, with indexes */
};

extern const struct mr_options mr_options_global;
extern const struct mr_options mr_options_route;

/* Writes a table's defaults into `base`, which has table->bytes bytes. */
void mr_options_defaults(const struct mr_options *table, void *base);

/* The row of that name, or NULL. */
const struct mr_option *mr_options_find(const struct mr_options *table, const char *name);

/* True when rows of the table begin with `name` and a dot. */
bool mr_options_is_group(const struct mr_options *table, const char *name);

const char *mr_reload_name(enum mr_reload reload); /* "at once", "next batch", "restart" */

/* docs/configuration.md, and a shorter list for --help. */
void mr_options_reference(struct mr_buf *out);
void mr_options_help(struct mr_buf *out);

/* Goes through every option of a configuration, entries of lists included: `option`, `base` (the
 * struct that it is a field of) and `path` are those of the present one. With a second
 * configuration, both are walked in step, and a list whose lengths differ is given once and not
 * entered. */
enum { MR_CONF_WALK_DEPTH = 3 };

struct mr_walk_frame {
    const struct mr_options *table;
    const char *base;
    const char *other_base;
    size_t row_idx;
    const struct mr_option *list; /* NULL: the global table */
    uint32_t item_idx;
    uint32_t n_items;
    size_t prefix_len; /* of path, before "[i]" */
};

struct mr_walk {
    struct mr_walk_frame frames[MR_CONF_WALK_DEPTH];
    size_t depth;
    bool enter; /* the present option is a list to go into */
    char path[MR_CONF_PATH_BYTES];
    const struct mr_option *option;
    const void *base;
    const void *other_base; /* NULL without a second configuration */
};

void mr_walk_init(struct mr_walk *walk, const struct mr_config *config,
                  const struct mr_config *other);
bool mr_walk_next(struct mr_walk *walk);

/* A changed option. */
struct mr_config_change {
    char path[MR_CONF_PATH_BYTES];
    enum mr_reload reload;
};

/* What differs between two configurations, in the table's order; at most `cap` are written to
 * `out`, all are counted. A list whose length changed is one change, by the list's own class. */
size_t mr_config_changes(const struct mr_config *now, const struct mr_config *next,
                         struct mr_config_change *out, size_t cap);

#endif
