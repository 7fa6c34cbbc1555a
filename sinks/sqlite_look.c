/* Owns what can be told of a SQLite file before it is loaded into. Must not make it. */
#include "sinks/sqlite_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/ban.h"

bool mr_sq_file_absent(const struct mr_sq_sink *sink)
{
    return access(sink->path, F_OK) != 0 && errno == ENOENT;
}

/* The folder of the path, in a buffer. */
static const char *folder_of(const struct mr_sq_sink *sink, struct mr_buf *out)
{
    const char *slash = strrchr(sink->path, '/');

    if (slash == NULL)
        return ".";
    if (slash == sink->path)
        return "/";
    mr_buf_add(out, sink->path, (size_t)(slash - sink->path));
    return mr_buf_cstr(out);
}

/* Journals stand beside the file, so that its folder must take files, too. */
static bool folder_look(const struct mr_sq_sink *sink, struct mr_findings *findings)
{
    struct mr_buf folder = MR_BUF_INIT;
    const char *path = folder_of(sink, &folder);
    bool there = access(path, F_OK) == 0;
    bool good = there && access(path, W_OK | X_OK) == 0;

    if (!good) {
        mr_findings_add(findings, MR_FINDING_FAULT, path, "%s",
                        there ? "files cannot be made in this folder"
                              : "the folder does not exist");
        mr_findings_remedy(findings, "Make the folder, and let the user that runs millrace write "
                                     "to it: journals stand beside the file.");
        mr_findings_exit(findings, there ? EX_NOPERM : EX_CONFIG);
    }
    mr_buf_release(&folder);
    return good;
}

static int control_look(struct mr_sq_sink *sink, struct mr_look *look, struct mr_findings *findings,
                        struct mr_err *err)
{
    struct mr_sq_conn *conn = NULL;
    struct mr_buf name = MR_BUF_INIT;
    int rc = mr_sq_take(sink, MR_SQ_READ, NULL, &conn, err);

    if (rc < 0)
        return rc;
    mr_sq_control_sql(&name, sink, "%meta");
    int there = mr_buf_ok(&name) ? mr_sq_has_table(conn, mr_buf_cstr(&name), err)
                                 : mr_err_set(err, MR_NO_MEMORY, "a name");
    mr_buf_release(&name);
    mr_sq_give(sink, MR_SQ_READ);
    look->control_absent = there == 0;
    if (there >= 0)
        mr_findings_add(findings, MR_FINDING_OK, sink->control, "%s",
                        there > 0 ? "control tables are there" : "control tables would be made");
    return there < 0 ? there : 0;
}

int mr_sq_look_over(struct mr_sink *base, struct mr_look *look, struct mr_findings *findings,
                    struct mr_err *err)
{
    struct mr_sq_sink *sink = mr_sq_sink(base);

    if (look->tables != NULL || !folder_look(sink, findings))
        return 0;
    if (mr_sq_file_absent(sink)) {
        look->control_absent = true;
        mr_findings_add(findings, MR_FINDING_OK, sink->path, "would be made");
        return 0;
    }
    if (access(sink->path, R_OK | W_OK) != 0) {
        mr_findings_add(findings, MR_FINDING_FAULT, sink->path, "the file cannot be written");
        mr_findings_remedy(findings, "Let the user that runs millrace read and write it.");
        mr_findings_exit(findings, EX_NOPERM);
        return 0;
    }
    mr_findings_add(findings, MR_FINDING_OK, sink->path, "can be written");
    return control_look(sink, look, findings, err);
}
