/* Schema resolution for tests in another language. Each line of standard input is the writer's
 * schema, the reader's and a datum in hexadecimal, with tabs between; each line of standard output
 * the datum in the reader's form, or "!" and the code that refused it. */
#include "schemas/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ZERO = 65536, MAX_BYTES = 16 * 1024 * 1024 };

static struct mr_schema *parse(const char *json, struct mr_err *err)
{
    struct mr_schema_opts opts = {.lenient_names = true};
    struct mr_schema_text text = {json, strlen(json)};
    struct mr_schema *schema = NULL;
    return mr_schema_parse(&text, 1, &opts, &schema, err) < 0 ? NULL : schema;
}

static bool unhex(const char *hex, struct mr_buf *out)
{
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        const char digits[] = {hex[0], hex[1], '\0'};
        char *end;
        mr_buf_byte(out, (uint8_t)strtoul(digits, &end, 16));
        if (*end != '\0')
            return false;
    }
    return hex[0] == '\0' && mr_buf_ok(out);
}

static int resolve(const char *writer_json, const char *reader_json, const struct mr_buf *datum,
                   struct mr_buf *out, struct mr_err *err)
{
    struct mr_schema *writer = parse(writer_json, err);
    struct mr_schema *reader = writer != NULL ? parse(reader_json, err) : NULL;
    struct mr_resolver *resolver = NULL;
    struct mr_slice bytes = {datum->data, datum->len};
    int rc = reader != NULL ? mr_resolver_compile(writer, reader, &resolver, err) : -1;
    if (rc == 0 && resolver != NULL)
        rc = mr_resolver_run(resolver, bytes, MAX_ZERO, out, err);
    else if (rc == 0)
        mr_buf_add(out, bytes.data, bytes.len); /* the reader's as they are */
    mr_resolver_free(resolver);
    mr_schema_unref(writer);
    mr_schema_unref(reader);
    return rc;
}

static bool answer(char *line)
{
    struct mr_err err = MR_ERR_INIT;
    struct mr_buf datum = MR_BUF_INIT;
    struct mr_buf out = {.limit = MAX_BYTES};
    char code[64];
    char *reader = strchr(line, '\t');
    char *hex = reader != NULL ? strchr(reader + 1, '\t') : NULL;
    if (hex == NULL)
        return false;
    *reader++ = '\0';
    *hex++ = '\0';
    hex[strcspn(hex, "\n")] = '\0';
    bool ok = unhex(hex, &datum);
    if (ok && resolve(line, reader, &datum, &out, &err) < 0)
        printf("!%s", mr_err_printed(&err, code, sizeof code));
    for (size_t i = 0; ok && err.code == MR_OK && i < out.len; i++)
        printf("%02x", out.data[i]);
    putchar('\n');
    mr_buf_release(&datum);
    mr_buf_release(&out);
    return ok;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    bool ok = true;
    while (ok && getline(&line, &cap, stdin) > 0)
        ok = answer(line);
    free(line);
    if (!ok)
        fprintf(stderr, "a line is no writer, reader and datum\n");
    return ok ? 0 : 1;
}
