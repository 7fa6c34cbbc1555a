#include "config/suggest.h"

#include <string.h>

#include "tests/support/mr_test.h"

static const char *nearest(const char *wanted)
{
    static const char *const known[] = {"batch.max_rows", "batch.max_wait", "lanes", "topic",
                                        "table"};
    struct mr_suggest near;
    mr_suggest_init(&near, wanted);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        mr_suggest_offer(&near, known[i]);
    return near.best;
}

MR_TEST("the distance counts insertions, deletions, replacements and swaps")
{
    MR_CHECK_U64(mr_suggest_distance("", ""), 0);
    MR_CHECK_U64(mr_suggest_distance("abc", ""), 3);
    MR_CHECK_U64(mr_suggest_distance("kitten", "sitting"), 3);
    MR_CHECK_U64(mr_suggest_distance("tpoic", "topic"), 1);
    MR_CHECK_U64(mr_suggest_distance("Max-Rows", "max_rows"), 0);
}

MR_TEST("a misspelt key finds the key that was meant")
{
    MR_CHECK_STR(nearest("batch.maxrows"), "batch.max_rows");
    MR_CHECK_STR(nearest("batch.max-wait"), "batch.max_wait");
    MR_CHECK_STR(nearest("tpoic"), "topic");
    MR_CHECK_STR(nearest("lane"), "lanes");
}

MR_TEST("a longer form of a word finds the word")
{
    MR_CHECK_STR(nearest("topics_to_load"), "topic");
    MR_CHECK_STR(nearest("lan_of_many_keys"), NULL);
}

MR_TEST("a key that is like none finds nothing")
{
    char endless[200];
    memset(endless, 'a', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    MR_CHECK_STR(nearest("zzz"), NULL);
    MR_CHECK_STR(nearest(""), NULL);
    MR_CHECK_STR(nearest(endless), NULL);
}
