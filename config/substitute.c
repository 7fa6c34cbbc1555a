/* Owns ${...}. Must not show values in messages: they may be secrets. */
#include "config/substitute.h"

#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "config/setting.h"
#include "config/source_text.h"

#include "base/ban.h"

static int fail(const struct mr_substitution *sub, struct mr_err *err, const char *why)
{
    return mr_setting_fail_at(err, sub->origin, MR_CONFIG_INVALID, "%.120s: %s", sub->setting, why);
}

static bool is_name(const char *name)
{
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    return name[0] != '\0' && strspn(name, bytes) == strlen(name);
}

/* `inside` is NAME or NAME:-default. */
static int put_env(const struct mr_substitution *sub, char *inside, struct mr_buf *out,
                   struct mr_err *err)
{
    char why[256];
    char *dflt = strstr(inside, ":-");
    if (dflt != NULL) {
        *dflt = '\0';
        dflt += 2;
    }
    if (!is_name(inside))
        return fail(sub, err, "${env:NAME} wants the name of a variable: letters, digits and _");
    const char *value =
        sub->args->getenv == NULL ? NULL : sub->args->getenv(inside, sub->args->getenv_arg);
    /* As in a shell: :- stands in for an empty variable too. */
    if (dflt != NULL && (value == NULL || value[0] == '\0'))
        value = dflt;
    if (value == NULL) {
        snprintf(why, sizeof(why),
                 "the environment has no %.80s; set it, or write ${env:%.80s:-default}", inside,
                 inside);
        return fail(sub, err, why);
    }
    mr_buf_str(out, value);
    return 0;
}

static int put_file(struct mr_substitution *sub, const char *name, struct mr_buf *out,
                    struct mr_err *err)
{
    struct mr_buf path = MR_BUF_INIT;
    struct mr_buf bytes = MR_BUF_INIT;
    const char *from = sub->origin->kind == MR_CONF_FROM_FILE ? sub->origin->file : NULL;
    mr_source_path(from, name, &path);
    int rc =
        mr_source_file_read(mr_buf_cstr(&path), MR_SUBSTITUTE_FILE_BYTES, sub->origin, &bytes, err);
    if (rc == 0 && bytes.len > 0 && memchr(bytes.data, 0, bytes.len) != NULL)
        rc = fail(sub, err, "the file of ${file:} holds a NUL byte; only text can be put in");
    if (rc == 0 && bytes.len > 0) {
        size_t len = bytes.len;
        if (bytes.data[len - 1] == '\n')
            len--;
        if (len > 0 && len < bytes.len && bytes.data[len - 1] == '\r')
            len--;
        mr_buf_add(out, bytes.data, len);
    }
    sub->secret = true;
    mr_buf_release(&path);
    mr_buf_release(&bytes);
    return rc;
}

static int put(struct mr_substitution *sub, char *inside, struct mr_buf *out, struct mr_err *err)
{
    sub->any = true;
    if (strncmp(inside, "env:", 4) == 0)
        return put_env(sub, inside + 4, out, err);
    if (strncmp(inside, "file:", 5) == 0 && inside[5] != '\0')
        return put_file(sub, inside + 5, out, err);
    return fail(
        sub, err,
        "${...} is ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; write $${ for a plain ${");
}

int mr_substitute(struct mr_substitution *sub, const char *text, struct mr_buf *out,
                  struct mr_err *err)
{
    struct mr_buf inside = MR_BUF_INIT;
    int rc = 0;
    while (*text != '\0' && rc == 0) {
        const char *dollar = strstr(text, "${");
        if (dollar == NULL) {
            mr_buf_str(out, text);
            break;
        }
        bool escaped = dollar > text && dollar[-1] == '$';
        mr_buf_add(out, text, (size_t)(dollar - text) - (escaped ? 1 : 0));
        if (escaped) {
            mr_buf_str(out, "${");
            text = dollar + 2;
            continue;
        }
        const char *close = strchr(dollar, '}');
        if (close == NULL) {
            rc = fail(sub, err, "${ has no closing }; add it, or write $${ for a plain ${");
            break;
        }
        mr_buf_reset(&inside);
        mr_buf_add(&inside, dollar + 2, (size_t)(close - dollar) - 2);
        (void)mr_buf_cstr(&inside);
        rc = mr_buf_ok(&inside) ? put(sub, (char *)inside.data, out, err) : mr_setting_no_room(err);
        text = close + 1;
    }
    if (rc == 0 && (!mr_buf_ok(out) || out->len > MR_CONF_TEXT_BYTES))
        rc = fail(sub, err, "the value is longer than 256 KiB; make it shorter");
    mr_buf_release(&inside);
    return rc;
}
