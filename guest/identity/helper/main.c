/* The identity service's helper, for tasks that a shell cannot do, or only with processes, which cost most of the time of a
   guest that wakes up beside many others. x86_64 Linux; other guests do without.

     helper set SECONDS              sets the clock (unix time, a fraction is allowed; empty: leaves it) and renews the random
                                     generator with the seed on stdin
     helper close ADDRESS            closes the metadata service at ADDRESS to everyone but root (access.c), and connects as
                                     nobody; exit code 1 if the kernel cannot close it or does not refuse that at once
     helper watch ADDRESS SECONDS GENERATION ACCESS [KEY=] [taken]
                                     polls the metadata service every SECONDS (0: only on request), or less often if a poll
                                     takes long, for an identity document of another generation than this one, and then for
                                     the next. With the generation "none" it applies the first document's `seed` and `clock`
                                     at once. It prints each document on stdout, without the line of KEY and without an
                                     applied seed, because a shell reads it byte by byte; the last line is `end=CODE`. A line
                                     on stdin makes it poll at once and then print `looked`. A knock, any datagram on UDP
                                     port 9, makes it poll at once; its content is ignored and it has no other effect. The
                                     line `gone` means that the metadata service has no document any more after one was
                                     printed (with `taken`: by another process). ACCESS `closed` keeps the metadata service
                                     closed to everyone but root

   The exit code, and CODE: 0, 1 if the random generator failed, 2 if the clock failed, 3 for both; 64 for wrong arguments.

   guest/build-helper.sh compiles it; a guest needs no compiler. */
#include "system.h"

/* Pauses between two polls for the first document: while a snapshot and its resume are likely, and later. */
#define EAGER SPACING
#define PATIENT (SECOND / 5)
#define EAGER_LOOKS 3000
/* A slow guest, whose polls take longer than the pause, would do nothing else; so the pause grows with the poll's time. That
   is limited, because the clock may jump in a restored guest. */
#define LONGEST_PAUSE (2 * SECOND)
/* A guest that has its identity uses at most a twentieth of its CPU for polls: on a slow host one poll a second took a quarter
   of a core while its ssh had to start. A knock makes it poll at once. */
#define IDLE_SHARE 19
#define LONGEST_IDLE (30 * SECOND)
/* Minimum time between two polls, however often somebody knocks. */
#define SPACING (20 * MILLISECOND)
/* Discard (RFC 863): nobody serves it any more, and Wake-on-LAN uses it. */
#define KNOCK_PORT 9

/* The socket for knocks; -1, which `poll` ignores, if there is none. */
static int door(void)
{
    struct address any = { AF_INET, KNOCK_PORT << 8, 0, { 0 } };
    int fd = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || CALL3(SYS_BIND, fd, &any, sizeof any) == 0) return fd;
    CALL3(SYS_CLOSE, fd, 0, 0);
    return -1;
}

enum wakened { BY_TIME, BY_LINE, BY_KNOCK };

/* Waits for `span` (0: for ever), a line on stdin or a knock. */
static enum wakened pause_for(time_ns span, int knocks)
{
    struct { int fd; short wanted, seen; } input[2] = { { 0, 1, 0 }, { knocks, 1, 0 } };
    char line[64];
    long come = CALL3(SYS_POLL, input, 1, SPACING / MILLISECOND);
    if (come == 0 && span != EAGER) {
        come = CALL3(SYS_POLL, input, 2, span == 0 ? -1 : (span - SPACING) / MILLISECOND);
        while (input[1].seen && call(SYS_RECVFROM, knocks, (long)line, sizeof line, MSG_DONTWAIT, 0, 0) >= 0) {}
    }
    if (come <= 0 || !input[0].seen) return come > 0 ? BY_KNOCK : BY_TIME;
    if (CALL3(SYS_READ, 0, line, sizeof line) > 0) return BY_LINE;
    CALL3(SYS_EXIT, 0, 0, 0);
    return BY_TIME;
}

static int set(const char *clock)
{
    static char seed[512];
    long length = 0, got;
    while ((got = CALL3(SYS_READ, 0, seed + length, sizeof seed - length)) > 0) length += got;
    return (renew_random(seed, length) ? 0 : 1) | (!*clock || set_clock(clock, end_of(clock)) ? 0 : 2);
}

static int settle(const char *document, const char *end)
{
    const char *seed = after_line(document, end, "seed="), *clock = after_line(document, end, "clock="), *seed_end = seed;
    while (seed && seed_end < end && *seed_end != '\n') seed_end++;
    return (seed && !renew_random(seed, seed_end - seed) ? 1 : 0) | (clock && !set_clock(clock, end) ? 2 : 0);
}

/* Whether a document's generation differs from `known`, which it then replaces. */
static int is_news(const char *document, const char *end, char *known, long size)
{
    const char *generation = after_line(document, end, "generation="), *at = generation;
    long length = 0;
    while (at && at < end && *at != '\n') at++;
    if (!generation || at - generation >= size) return 0;
    while (generation + length < at && generation[length] == known[length]) length++;
    if (generation + length == at && !known[length]) return 0;
    memcpy(known, generation, at - generation);
    known[at - generation] = 0;
    return 1;
}

/* Writes a document without the lines of the key `needless` (may be empty), and without a seed that was used. */
static int hand_on(const char *document, const char *end, const char *needless, int seeded)
{
    const char *from = document, *at = document;
    while (at < end) {
        const char *begin = at;
        while (at < end && *at++ != '\n') {}
        if (!(*needless && starts_with(begin, end, needless)) && !(seeded && starts_with(begin, end, "seed="))) continue;
        if (!write_all(1, from, begin - from)) return 0;
        from = at;
    }
    return write_all(1, from, end - from);
}

/* `span`, or longer: `wanted`, up to `longest`. */
static time_ns at_least(time_ns span, time_ns wanted, time_ns longest)
{
    if (wanted > longest) wanted = longest;
    return span < wanted ? wanted : span;
}

/* Waits until the next look of a guest that has its identity, which took so long to look. Meanwhile it closes the metadata
   service again and again: somebody may have flushed the rules, and where they are there, this changes nothing. */
static enum wakened idle(unsigned int ip, time_ns interval, time_ns took, int closed, int knocks)
{
    time_ns until = monotonic() + at_least(interval, IDLE_SHARE * took, LONGEST_IDLE);
    for (;;) {
        time_ns begun = monotonic(), now, span;
        enum wakened by;
        if (closed) close_access(ip);
        now = monotonic();
        span = at_least(interval, IDLE_SHARE * (now - begun), LONGEST_IDLE);
        if (interval == 0) span = 0;
        else if (now + span > until) span = until > now + SPACING ? until - now : SPACING;
        by = pause_for(span, knocks);
        if (by != BY_TIME || monotonic() >= until) return by;
    }
}

static int watch(unsigned int ip, time_ns interval, const char *generation, const char *access, const char *needless,
                 int taken)
{
    static char known[128];
    int first = starts_with(generation, end_of(generation), "none"), code = 0, asked = 0, knocks = door();
    /* `taken`: a document was printed that the metadata service still had at the last poll. */
    int absent;
    unsigned long looks = 0;
    if (end_of(generation) - generation >= (long)sizeof known) return 64;
    append(known, generation);
    for (;; looks++) {
        const char *document;
        time_ns begun = monotonic();
        long length = fetch(ip, &document, &absent);
        time_ns took = monotonic() - begun;
        if (length > 0 && is_news(document, document + length, known, sizeof known)) {
            char end[] = "end=0\n";
            if (first) code = settle(document, document + length);
            end[4] = (char)('0' + code);
            if (!hand_on(document, document + length, needless, first && !(code & 1)) || !write_all(1, end, 6)) return 1;
            first = code = 0;
            taken = 1;
            looks = 0;
        } else if (taken && absent) {
            if (!write_all(1, "gone\n", 5)) return 1;
            taken = 0;
        }
        if (first) drop_connection();
        if (asked && !write_all(1, "looked\n", 7)) return 1;
        if (first || taken) {
            time_ns span = looks < EAGER_LOOKS ? EAGER : PATIENT;
            asked = pause_for(at_least(span, 2 * took, LONGEST_PAUSE), knocks) == BY_LINE;
        } else {
            asked = idle(ip, interval, took, *access == 'c', knocks) == BY_LINE;
        }
    }
}

/* An IPv4 address in network byte order; 0 if it is malformed. */
static unsigned int address_of(const char *text)
{
    const char *end = end_of(text);
    unsigned int ip = 0;
    for (int part = 0; part < 4; part++) {
        unsigned long long value;
        if (!(text = number(text, end, 10, &value)) || value > 255 || (part < 3 && *text++ != '.')) return 0;
        ip |= (unsigned int)value << part * 8;
    }
    return *text ? 0 : ip;
}

__attribute__((noreturn, used)) static void start(const long *stack)
{
    const char *const *argv = (const char *const *)(stack + 1);
    const char *mode = stack[0] > 1 ? argv[1] : "";
    unsigned long long seconds;
    unsigned int ip;
    long code = 64;
    if (stack[0] == 3 && starts_with(mode, end_of(mode), "set")) code = set(argv[2]);
    else if (stack[0] == 3 && starts_with(mode, end_of(mode), "close") && (ip = address_of(argv[2])))
        code = close_access(ip) && is_refused(ip) ? 0 : 1;
    else if (stack[0] >= 6 && starts_with(mode, end_of(mode), "watch") && (ip = address_of(argv[2])) &&
             number(argv[3], end_of(argv[3]), 10, &seconds))
        code = watch(ip, (time_ns)seconds * SECOND, argv[4], argv[5], stack[0] > 6 ? argv[6] : "",
                     stack[0] > 7);
    CALL3(SYS_EXIT, code, 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call start\n");
