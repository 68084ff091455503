/* Bytes and text. */
#include "system.h"

/* The compiler generates calls of these. */
void *memcpy(void *to, const void *from, unsigned long length)
{
    char *target = to;
    const char *source = from;
    while (length--) *target++ = *source++;
    return to;
}

void *memset(void *to, int byte, unsigned long length)
{
    char *target = to;
    while (length--) *target++ = (char)byte;
    return to;
}

int same(const void *one, const void *other, unsigned long length)
{
    const char *left = one, *right = other;
    while (length--) {
        if (*left++ != *right++) return 0;
    }
    return 1;
}

/* Whether a text begins with a lower-case prefix, ignoring the text's case. */
int starts_with(const char *text, const char *end, const char *prefix)
{
    for (; *prefix; text++, prefix++) {
        if (text >= end || (*text | (*text >= 'A' && *text <= 'Z' ? 32 : 0)) != *prefix) return 0;
    }
    return 1;
}

/* The text after a key at the beginning of a line; null if no line begins with it. */
const char *after_line(const char *text, const char *end, const char *key)
{
    const char *from = key;
    while (text < end) {
        if (starts_with(text, end, key)) {
            while (*from) from++;
            return text + (from - key);
        }
        while (text < end && *text++ != '\n') {}
    }
    return 0;
}

/* Reads an unsigned number; returns the text after it, null if there is none. */
const char *number(const char *text, const char *end, int base, unsigned long long *value)
{
    const char *begin = text;
    for (*value = 0; text < end; text++) {
        int digit = *text >= '0' && *text <= '9' ? *text - '0' : (*text | 32) >= 'a' ? (*text | 32) - 'a' + 10 : 99;
        if (digit >= base) break;
        *value = *value * base + digit;
    }
    return text == begin ? 0 : text;
}

const char *end_of(const char *text)
{
    while (*text) text++;
    return text;
}

/* Copies a text without its NUL; returns the end of the copy. */
char *append(char *to, const char *text)
{
    while (*text) *to++ = *text++;
    return to;
}

int write_all(int fd, const char *text, long length)
{
    while (length > 0) {
        long written = CALL3(SYS_WRITE, fd, text, length);
        if (written <= 0) return 0;
        text += written;
        length -= written;
    }
    return 1;
}
