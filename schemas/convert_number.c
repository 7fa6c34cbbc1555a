/* Owns writing booleans, numbers, bytes, uuids and bits into columns: range and loss are checked
 * here, value by value (contract.md X-01..X-07, X-16, T-70..T-72). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "schemas/convert_write.h"
#include "schemas/json_text.h"

#include "base/ban.h"

bool mr_convert_fits(int64_t v, enum mr_type type)
{
    switch ((int)type) {
    case MR_T_INT2:
        return v >= INT16_MIN && v <= INT16_MAX;
    case MR_T_INT4:
        return v >= INT32_MIN && v <= INT32_MAX;
    case MR_T_OID:
        return v >= 0 && v <= UINT32_MAX;
    default:
        return true;
    }
}

int mr_write_boolean(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->boolean(run->out, &c->to, v->i != 0);
    return 0;
}

int mr_write_boolean_integer(struct mr_convert_run *run, const struct mr_convert *c,
                             struct mr_value *v)
{
    run->emit->integer(run->out, &c->to, v->i);
    return 0;
}

int mr_write_boolean_bit(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    uint8_t bit = v->i != 0 ? 0x80 : 0;
    if (c->to.length > 1)
        return mr_err_set(run->err, MR_VALUE_INVALID, "one bit into bit(%d)", (int)c->to.length);
    run->emit->bits(run->out, &c->to, &bit, 1);
    return 0;
}

static int out_of_range(struct mr_convert_run *run, int64_t v, enum mr_type type)
{
    return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%" PRId64 " into %s", v,
                      mr_type_name(type));
}

int mr_write_integer(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    if (!mr_convert_fits(v->i, c->to.type))
        return out_of_range(run, v->i, c->to.type);
    run->emit->integer(run->out, &c->to, v->i);
    return 0;
}

int mr_write_integer_boolean(struct mr_convert_run *run, const struct mr_convert *c,
                             struct mr_value *v)
{
    if (v->i != 0 && v->i != 1)
        return out_of_range(run, v->i, MR_T_BOOL);
    run->emit->boolean(run->out, &c->to, v->i == 1);
    return 0;
}

int mr_write_integer_real(struct mr_convert_run *run, const struct mr_convert *c,
                          struct mr_value *v)
{
    int64_t most = c->to.type == MR_T_FLOAT4 ? INT64_C(1) << 24 : INT64_C(1) << 53;
    if (!c->lossy && (v->i > most || v->i < -most))
        return mr_err_set(run->err, MR_VALUE_LOSSY, "%" PRId64 " into %s", v->i,
                          mr_type_name(c->to.type));
    double d = (double)v->i;
    run->emit->real(run->out, &c->to, c->to.type == MR_T_FLOAT4 ? (double)(float)d : d);
    return 0;
}

/* Digits of a decimal text, counted for what a number of the target keeps. */
struct digits {
    const uint8_t *first; /* that is not 0; NULL: none */
    size_t n;             /* from that one on */
    size_t n_zeros;       /* at their end */
    size_t n_places;      /* zeros between the point and the first */
    bool whole;           /* no point */
    bool exponent;        /* what is behind it was not counted */
};

static void digit_count(struct digits *d, const uint8_t *at)
{
    if (d->first == NULL && *at == '0') {
        d->n_places += d->whole ? 0 : 1;
        return;
    }
    if (d->first == NULL)
        d->first = at;
    d->n++;
    d->n_zeros = *at == '0' ? d->n_zeros + 1 : 0;
}

/* False where the text is no number. */
static bool digits_count(struct mr_slice text, struct digits *out)
{
    *out = (struct digits){.whole = true};
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= '0' && c <= '9') {
            digit_count(out, text.data + i);
        } else if (c == '.') {
            out->whole = false;
        } else if ((c == 'e' || c == 'E') && out->first != NULL) {
            out->exponent = true;
            return true;
        } else if (i > 0 || (c != '-' && c != '+')) {
            return false;
        }
    }
    return true;
}

/* Whether the text, taken for a number, would be another one: an int64 keeps whole numbers, a
 * double 15 digits of others (sqlite.org/datatype3.html, section 3) as long as it is not next to
 * the least one. An exponent is not looked into. */
static bool loses_digits(struct mr_slice text)
{
    enum { EXACT_DIGITS = 15, EXACT_PLACES = 306, INT64_DIGITS = 19 };
    struct digits d;
    if (!digits_count(text, &d))
        return false;
    if (d.exponent)
        return true;
    if (d.whole && d.n == INT64_DIGITS)
        return memcmp(d.first, "9223372036854775807", INT64_DIGITS) > 0;
    return d.whole ? d.n > INT64_DIGITS
                   : d.n - d.n_zeros > EXACT_DIGITS || (d.n > 0 && d.n_places > EXACT_PLACES);
}

int mr_convert_as_number(struct mr_convert_run *run, const struct mr_convert *c,
                         struct mr_slice text)
{
    if (!c->to.as_number || c->lossy || !loses_digits(text))
        return 0;
    return mr_err_set(run->err, MR_VALUE_LOSSY,
                      "a column declared %s keeps 15 digits; declare it as TEXT", c->to.sql);
}

int mr_write_numeric(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    struct mr_num_typmod to = {.precision = c->to.precision,
                               .scale = c->to.scale,
                               .round = run->excess_scale_round || c->lossy};
    int rc = mr_numeric_fit(&v->num, &to, run->num, run->err);
    if (rc == 0 && c->to.as_number) {
        mr_buf_reset(&run->more);
        mr_numeric_print(&v->num, &run->more);
        rc = mr_convert_as_number(run, c, (struct mr_slice){run->more.data, run->more.len});
    }
    if (rc == 0)
        run->emit->numeric(run->out, &c->to, &v->num);
    return rc;
}

int mr_write_integer_numeric(struct mr_convert_run *run, const struct mr_convert *c,
                             struct mr_value *v)
{
    int rc = mr_numeric_from_i64(v->i, 0, run->num, &v->num, run->err);
    return rc < 0 ? rc : mr_write_numeric(run, c, v);
}

int mr_convert_real(struct mr_convert_run *run, const struct mr_convert *c, double v)
{
    /* Items of an array are text where there is no such float. */
    if (isnan(v) && run->emit->no_nan && c->to.elem == MR_T_NONE)
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "NaN into %s", mr_type_name(c->to.type));
    run->emit->real(run->out, &c->to, v);
    return 0;
}

int mr_write_real(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    double d = v->d;
    if (c->to.type == MR_T_FLOAT4 && c->semantic != MR_SEM_FLOAT) {
        d = (double)(float)v->d;
        if (isfinite(v->d) && !isfinite(d))
            return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "a double beyond float4");
    }
    return mr_convert_real(run, c, d);
}

/* The shortest decimal that reads back as the same number. */
int mr_write_real_numeric(struct mr_convert_run *run, const struct mr_convert *c,
                          struct mr_value *v)
{
    mr_buf_reset(&run->more);
    mr_json_text_real(&run->more, v->d, c->semantic == MR_SEM_FLOAT, false);
    struct mr_slice text = {run->more.data, run->more.len};
    int rc = mr_numeric_from_text(text, run->num, &v->num, run->err);
    return rc < 0 ? rc : mr_write_numeric(run, c, v);
}

int mr_write_numeric_integer(struct mr_convert_run *run, const struct mr_convert *c,
                             struct mr_value *v)
{
    int64_t i;
    if (!mr_numeric_to_i64(&v->num, &i) || !mr_convert_fits(i, c->to.type)) {
        mr_buf_reset(&run->more);
        mr_numeric_print(&v->num, &run->more);
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "%.60s into %s", mr_buf_cstr(&run->more),
                          mr_type_name(c->to.type));
    }
    run->emit->integer(run->out, &c->to, i);
    return 0;
}

int mr_write_numeric_real(struct mr_convert_run *run, const struct mr_convert *c,
                          struct mr_value *v)
{
    mr_buf_reset(&run->more);
    mr_numeric_print(&v->num, &run->more);
    double d = strtod(mr_buf_cstr(&run->more), NULL);
    if (v->num.sign <= MR_NUM_NEG && !isfinite(d))
        return mr_err_set(run->err, MR_VALUE_OUT_OF_RANGE, "a number beyond %s",
                          mr_type_name(c->to.type));
    return mr_convert_real(run, c, c->to.type == MR_T_FLOAT4 ? (double)(float)d : d);
}

int mr_write_bytes(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->bytes(run->out, &c->to, v->s.data, v->s.len);
    return 0;
}

int mr_write_bytes_uuid(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    if (v->s.len != sizeof v->uuid)
        return mr_err_set(run->err, MR_VALUE_INVALID, "%zu bytes into uuid", v->s.len);
    memcpy(v->uuid, v->s.data, sizeof v->uuid);
    run->emit->uuid(run->out, &c->to, v->uuid);
    return 0;
}

int mr_write_uuid(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->uuid(run->out, &c->to, v->uuid);
    return 0;
}

int mr_write_uuid_bytes(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    run->emit->bytes(run->out, &c->to, v->uuid, sizeof v->uuid);
    return 0;
}

int mr_write_bits(struct mr_convert_run *run, const struct mr_convert *c, struct mr_value *v)
{
    bool exact = c->to.type == MR_T_BIT;
    if (c->to.length >= 0 &&
        (exact ? v->n_bits != (uint32_t)c->to.length : v->n_bits > (uint32_t)c->to.length))
        return mr_err_set(run->err, MR_VALUE_TOO_LONG, "%" PRIu32 " bits into %s(%d)", v->n_bits,
                          mr_type_name(c->to.type), (int)c->to.length);
    run->emit->bits(run->out, &c->to, v->s.data, v->n_bits);
    return 0;
}
