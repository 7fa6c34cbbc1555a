/* Owns the grammar of a search vector's text. Must not keep words. Invariant: the states are those
 * of the server's scanner, and a character that ends a word is looked at again as the next one's
 * first. Source: PostgreSQL, src/backend/utils/adt/tsvector_parser.c and tsvector.c. */
#include "schemas/tsvector.h"

#include "base/ban.h"

enum {
    MAX_WORD_BYTES = 2047,     /* MAXSTRLEN */
    MAX_WORDS_BYTES = 1048575, /* MAXSTRPOS: of the words before the last one */
    END = 0                    /* of the text, which has no U+0000 */
};

enum state {
    WAIT_WORD,
    IN_WORD,
    QUOTED,
    QUOTE_SEEN, /* the end of the word, or the first of two */
    WORD_DONE,  /* a quoted one: positions may follow */
    WAIT_POSITION,
    IN_POSITION,
    DONE,
    BAD
};

struct scan {
    enum state state;
    bool escaped;   /* behind a backslash */
    bool again;     /* the character ended a word */
    bool weighted;  /* the position has its letter */
    bool zero;      /* its digits are zeros so far */
    size_t n_word;  /* bytes */
    size_t n_words; /* bytes of the words before */
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= 9 && c <= 13);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static enum state word_end(struct scan *s)
{
    bool fits = s->n_word <= MAX_WORD_BYTES && s->n_words <= MAX_WORDS_BYTES;
    s->n_words += s->n_word;
    s->n_word = 0;
    s->again = true;
    return fits ? WAIT_WORD : BAD;
}

static enum state first_of_word(struct scan *s, uint8_t c)
{
    if (c == END)
        return DONE;
    if (c == '\'')
        return QUOTED;
    if (is_blank(c))
        return WAIT_WORD;
    s->escaped = c == '\\';
    s->n_word += c != '\\';
    return IN_WORD;
}

static enum state in_word(struct scan *s, uint8_t c)
{
    if (is_blank(c) || c == END)
        return word_end(s);
    if (c == ':')
        return WAIT_POSITION;
    s->escaped = c == '\\';
    s->n_word += c != '\\';
    return IN_WORD;
}

static enum state quoted(struct scan *s, uint8_t c)
{
    if (c == END)
        return BAD;
    if (c == '\'')
        return QUOTE_SEEN;
    s->escaped = c == '\\';
    s->n_word += c != '\\';
    return QUOTED;
}

static enum state quote_seen(struct scan *s, uint8_t c)
{
    if (c == '\'') {
        s->n_word++;
        return QUOTED;
    }
    s->again = true;
    return s->n_word > 0 ? WORD_DONE : BAD;
}

static enum state in_position(struct scan *s, uint8_t c)
{
    if (is_digit(c)) {
        s->zero = s->zero && c == '0';
        return IN_POSITION;
    }
    if (s->zero)
        return BAD;
    if (c == ',')
        return WAIT_POSITION;
    if (is_blank(c) || c == END)
        return word_end(s);
    if (c >= 0x80 || strchr("aAbBcCdD*", c) == NULL || s->weighted)
        return BAD;
    s->weighted = c != 'd' && c != 'D';
    return IN_POSITION;
}

static enum state step(struct scan *s, uint8_t c)
{
    switch (s->state) {
    case WAIT_WORD:
        return first_of_word(s, c);
    case IN_WORD:
        return in_word(s, c);
    case QUOTED:
        return quoted(s, c);
    case QUOTE_SEEN:
        return quote_seen(s, c);
    case WORD_DONE:
        return c == ':' ? WAIT_POSITION : word_end(s);
    case WAIT_POSITION:
        s->weighted = false;
        s->zero = c == '0';
        return is_digit(c) ? IN_POSITION : BAD;
    case IN_POSITION:
        return in_position(s, c);
    case DONE:
    case BAD:
    default:
        return s->state;
    }
}

/* The first bytes of characters that a locale may call blanks, among others. */
static bool may_be_blank(struct mr_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == 0xc2 || (text.data[i] >= 0xe1 && text.data[i] <= 0xe3))
            return true;
    }
    return false;
}

bool mr_tsvector_valid(struct mr_slice text)
{
    struct scan s = {.state = WAIT_WORD};
    if (may_be_blank(text))
        return true;
    for (size_t i = 0; s.state != BAD && i <= text.len;) {
        uint8_t c = i < text.len ? text.data[i] : END;
        s.again = false;
        if (s.escaped && c == END)
            return false;
        if (s.escaped) {
            s.escaped = false;
            s.n_word++;
        } else {
            s.state = step(&s, c);
        }
        i += s.again ? 0 : 1;
    }
    return s.state == DONE;
}
