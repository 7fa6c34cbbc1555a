/* The order of a flush's tables by what they refer to. */
#include "consumer/flush_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/mr_test.h"

enum { MAX = 8, MANY = 20000 };

static struct {
    struct mr_table tables[MAX];
    struct mr_table *list[MAX];
    struct mr_ref refs[MAX][MAX];
    char names[MAX][2];
    char order[64];
} f;

/* "a:bc b:c c" is a table a that refers to b and c, and so on; they are sorted. */
static const char *order(const char *text)
{
    size_t n = 0;
    size_t used = 0;
    struct mr_flush_place *places = NULL;
    struct mr_err err = MR_ERR_INIT;

    memset(&f, 0, sizeof f);
    for (const char *at = text; *at != '\0'; n++) {
        struct mr_table *table = &f.tables[n];
        f.names[n][0] = *at++;
        table->schema = "s";
        table->name = f.names[n];
        table->references = f.refs[n];
        for (at += *at == ':'; *at != ' ' && *at != '\0'; at++) {
            static const char letters[] = "a\0b\0c\0d\0e\0f\0g\0z";
            struct mr_ref *ref = &f.refs[n][table->n_references++];
            *ref = (struct mr_ref){"s", *at == 'z' ? "z" : &letters[2 * (*at - 'a')]};
        }
        at += *at == ' ';
        f.list[n] = table;
    }
    MR_CHECK_OK(mr_flush_order_make(f.list, n, &places, &err));
    if (places == NULL)
        return "as they are";
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(f.order + used, sizeof f.order - used, "%s%s%s%s",
                                 i > 0 ? " " : "", f.names[places[i].idx],
                                 places[i].referenced ? "<" : "", places[i].circular ? "@" : "");
    free(places);
    return f.order;
}

/* R-13 */
MR_TEST("what is referred to comes first, else tables stay as they are")
{
    static const struct {
        const char *tables;
        const char *order;
    } cases[] = {
        {"", "as they are"},
        {"a b c", "as they are"},
        {"a:z b", "as they are"}, /* z is not of this flush */
        {"a:b b", "b< a"},
        {"a b:a c", "a< b c"},
        {"a:b b:c c", "c< b< a"},
        {"a:c b c d", "c< a b d"},
        {"a:bc b:d c:d d", "d< b< c< a"}, /* a diamond */
        {"a:bb b", "b< a"},               /* two keys to one table */
        {"a:a", "a@"},                    /* itself */
        {"a:a b:a", "a<@ b"},             /* and another one */
        {"a:b b:a", "a<@ b<@"},           /* a circle */
        {"a:d b c:a d:c", "a<@ c<@ d<@ b"},
        {"a:b b:c c:b d:a", "b<@ c<@ a< d"}, /* before and behind a circle */
        {"a:bd b:a c d:e e:d", "d<@ e<@ a<@ b<@ c"},
        {"a:b b:c c:ad d:e e", "e< d< a<@ b<@ c<@"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        MR_CHECK_STR(order(cases[i].tables), cases[i].order);
}

/* R-13 */
MR_TEST("tables of one name in two schemas are two tables")
{
    struct mr_flush_place *places = NULL;
    struct mr_err err = MR_ERR_INIT;

    memset(&f, 0, sizeof f);
    for (int i = 0; i < 3; i++)
        f.list[i] = &f.tables[i];
    f.refs[0][0] = (struct mr_ref){"s", "b"};
    f.tables[0] =
        (struct mr_table){.schema = "r", .name = "a", .references = f.refs[0], .n_references = 1};
    f.tables[1] = (struct mr_table){.schema = "r", .name = "b"};
    f.tables[2] = (struct mr_table){.schema = "s", .name = "b"};
    MR_CHECK_OK(mr_flush_order_make(f.list, 3, &places, &err));
    MR_CHECK_INT(places[0].idx, 2);
    MR_CHECK_INT(places[1].idx, 0);
    MR_CHECK_INT(places[2].idx, 1);
    MR_CHECK(places[0].referenced && !places[2].referenced);
    free(places);
}

/* R-13 */
MR_TEST("a chain of as many tables as there may be needs no stack")
{
    struct mr_table *tables = calloc(MANY, sizeof *tables);
    struct mr_table **list = calloc(MANY, sizeof(struct mr_table *));
    struct mr_ref *refs = calloc(MANY, sizeof *refs);
    char(*names)[16] = calloc(MANY, sizeof *names);
    struct mr_flush_place *places = NULL;
    struct mr_err err = MR_ERR_INIT;

    MR_CHECK(tables != NULL && list != NULL && refs != NULL && names != NULL);
    for (int i = 0; i < MANY; i++)
        snprintf(names[i], sizeof names[i], "t%05d", i);
    for (int i = 0; i < MANY; i++) {
        list[i] = &tables[i];
        refs[i] = (struct mr_ref){"s", i + 1 < MANY ? names[i + 1] : "none"};
        tables[i] = (struct mr_table){
            .schema = "s", .name = names[i], .references = &refs[i], .n_references = 1};
    }
    MR_CHECK_OK(mr_flush_order_make(list, MANY, &places, &err));
    for (uint32_t i = 0; i < MANY; i++)
        MR_CHECK_U64(places[i].idx, MANY - 1 - i);
    free(places);
    free(names);
    free(refs);
    free(list);
    free(tables);
}
