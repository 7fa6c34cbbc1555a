#include "config/choices.h"

#include "tests/support/mr_test.h"

MR_TEST("every word of a choice is found, and no two share a value")
{
    static const struct mr_choices *const all[] = {
        &mr_choices_strategy,    &mr_choices_evolve,     &mr_choices_format,
        &mr_choices_route_by,    &mr_choices_key_source, &mr_choices_envelope,
        &mr_choices_tombstone,   &mr_choices_truncate,   &mr_choices_keyless,
        &mr_choices_key_change,  &mr_choices_nested,     &mr_choices_detect,
        &mr_choices_missing_row, &mr_choices_text_nul,   &mr_choices_nanos,
        &mr_choices_case,        &mr_choices_long_name,  &mr_choices_excess_scale,
        &mr_choices_name_source, &mr_choices_unmangle,   &mr_choices_bad_record,
        &mr_choices_unit,        &mr_choices_mask,       &mr_choices_meta,
        &mr_choices_isolation,   &mr_choices_data_loss,  &mr_choices_registry_kind,
        &mr_choices_dlq_to,      &mr_choices_log_level,  &mr_choices_log_format,
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        MR_CHECK(all[i]->n_items >= 2);
        for (size_t j = 0; j < all[i]->n_items; j++) {
            const struct mr_choice *choice = &all[i]->items[j];
            MR_CHECK(mr_choices_find(all[i], choice->name) == choice);
            MR_CHECK_STR(mr_choices_name(all[i], choice->value), choice->name);
        }
    }
    MR_CHECK(mr_choices_find(&mr_choices_strategy, "merge") == NULL);
    MR_CHECK_STR(mr_choices_name(&mr_choices_strategy, 99), "");
}

MR_TEST("words that this version does not build are not offered")
{
    struct mr_buf out = MR_BUF_INIT;
    mr_choices_list(&mr_choices_strategy, &out);
    MR_CHECK_STR(mr_buf_cstr(&out), "\"upsert\" | \"append\"");
    mr_buf_release(&out);
}
