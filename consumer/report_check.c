/* Owns the JSON form of findings. Must not decide what stands in them. */
#include "consumer/report_check.h"

#include <stdlib.h>

#include <jansson.h>

#include "base/ban.h"

int mr_report_findings(const struct mr_findings *findings, struct mr_buf *out)
{
    json_t *list = json_array();
    const size_t *counts = findings->counts;

    for (size_t i = 0; i < findings->n; i++) {
        const struct mr_finding *f = &findings->items[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "level",
                                              mr_finding_level_name(f->level), "check", f->check,
                                              "subject", f->subject, "what", f->what, "remedy",
                                              f->remedy, "sql", f->sql));
    }
    json_t *root = json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:i}", "findings", list, "ok",
        (json_int_t)counts[MR_FINDING_OK], "notes", (json_int_t)counts[MR_FINDING_NOTE], "warnings",
        (json_int_t)counts[MR_FINDING_WARNING], "faults", (json_int_t)counts[MR_FINDING_FAULT],
        "skipped", (json_int_t)counts[MR_FINDING_SKIPPED], "exit_code",
        mr_findings_exit_code(findings));
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    json_decref(root);
    if (text == NULL)
        return -MR_NO_MEMORY;
    mr_buf_fmt(out, "%s\n", text);
    free(text);
    return mr_buf_ok(out) ? 0 : -MR_NO_MEMORY;
}
