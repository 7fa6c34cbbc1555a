/* The configuration over arbitrary text: libconfig's syntax, the option table, units,
 * substitutions, validation. Beside memory safety: a refusal is FATAL and says where; what is
 * accepted can be printed. */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_BYTES = 64 * 1024 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

static const char *environment(const char *name, void *arg)
{
    (void)arg;
    return strcmp(name, "SET") == 0 ? "value" : NULL;
}

/* The client would be asked; it owns no state here. */
static int kafka_check(struct mr_kafka_check *question, void *arg)
{
    (void)arg;
    snprintf(question->canonical, sizeof question->canonical, "%s", question->name);
    return 0;
}

static void load(const char *path)
{
    struct mr_config_args args = {.path = path, .getenv = environment, .kafka_check = kafka_check};
    struct mr_config *config = NULL;
    struct mr_err err = MR_ERR_INIT;
    int rc = mr_config_load(&args, &config, &err);
    if (rc < 0) {
        check(config == NULL && err.class == MR_CLASS_FATAL && err.detail[0] != '\0');
        return;
    }
    struct mr_buf text = MR_BUF_INIT;
    check(mr_config_print(config, true, &text) == 0 && text.len > 0);
    mr_buf_release(&text);
    mr_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        char name[] = "/tmp/millrace-fuzz-XXXXXX";
        fd = mkstemp(name);
        check(fd >= 0 && unlink(name) == 0); /* the open descriptor's own name goes on working */
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (size > MAX_BYTES)
        return 0;
    check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    load(path);
    return 0;
}
