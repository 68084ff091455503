/* The guest's clock. The document's time is outdated by its delivery, so the helper asks the gateway, which is the droplet, for
   the time of day by ICMP timestamp (RFC 792), which Linux answers in the kernel. The answer's error is at most half of the
   time between question and answer, however busy the machine is; so the helper asks until that time is short. */
#include "system.h"

#define DAY 86400000LL /* ms */
/* A short enough round trip: the clock's error is at most half of this. */
#define GOOD (20 * MILLISECOND)
#define ROUNDS 40
#define PATIENCE (3 * SECOND)
/* Ignore an answer that differs more from the document's time; ms. */
#define IMPLAUSIBLE 600000

/* The default route's gateway, or 0. */
static unsigned int gateway(void)
{
    static char table[4096];
    unsigned long long destination, via;
    int fd = (int)CALL3(SYS_OPEN, "/proc/net/route", 0, 0);
    long length = fd < 0 ? 0 : CALL3(SYS_READ, fd, table, sizeof table);
    CALL3(SYS_CLOSE, fd, 0, 0);
    for (const char *at = table, *end = table + (length < 0 ? 0 : length); at < end;) {
        while (at < end && *at != '\t' && *at != '\n') at++;
        if (at < end && *at == '\t' && (at = number(at + 1, end, 16, &destination)) && destination == 0 && at < end) {
            return number(at + 1, end, 16, &via) ? (unsigned int)via : 0;
        }
        if (!at) return 0;
        while (at < end && *at++ != '\n') {}
    }
    return 0;
}

/* Asks once. Returns ms since midnight UTC, and sets the times of question and answer; -1 without an answer. */
static long ask_time(int fd, unsigned int ip, int round, time_ns *asked, time_ns *heard)
{
    struct address to = { AF_INET, 0, ip, { 0 } };
    /* Type 13; the sequence number identifies late answers to earlier questions. */
    unsigned char question[20] = { 13, 0, 0, 0, 0, 0, 0, (unsigned char)round };
    static unsigned char answer[256];
    unsigned int sum = 0xffff - (13 << 8) - (unsigned int)round;
    question[2] = (unsigned char)(sum >> 8);
    question[3] = (unsigned char)sum;
    *asked = monotonic();
    if (call(SYS_SENDTO, fd, (long)question, sizeof question, 0, (long)&to, sizeof to) < 0) return -1;
    for (;;) {
        const unsigned char *icmp;
        if (call(SYS_RECVFROM, fd, (long)answer, sizeof answer, 0, 0, 0) < 40) return -1;
        *heard = monotonic();
        icmp = answer + (answer[0] & 15) * 4;
        if (icmp[0] == 14 && icmp[7] == question[7]) {
            /* The highest bit marks a time that is not ms since midnight UTC (RFC 792). */
            return icmp[16] & 128 ? -1 : (long)icmp[16] << 24 | icmp[17] << 16 | icmp[18] << 8 | icmp[19];
        }
        if (*heard - *asked > SECOND) return -1;
    }
}

/* The offset to the monotonic clock by the gateway's time of day; the given `offset` without a usable answer. */
static time_ns ask_gateway(time_ns offset)
{
    unsigned int ip = gateway();
    int fd = ip == 0 ? -1 : (int)CALL3(SYS_SOCKET, AF_INET, SOCK_RAW, 1);
    time_ns best = PATIENCE, begun = monotonic(), asked, heard, answer = offset;
    if (fd < 0) return offset;
    limit_socket(fd, SECOND);
    for (int round = 0; round < ROUNDS && best > GOOD && monotonic() - begun < PATIENCE; round++) {
        long of_day = ask_time(fd, ip, round, &asked, &heard);
        time_ns middle = (asked + heard) / 2;
        long long told = (offset + middle) / MILLISECOND, off;
        if (of_day < 0 || heard - asked >= best) continue;
        /* Across midnight too. */
        off = of_day - told % DAY;
        if (off > DAY / 2) off -= DAY;
        if (off < -DAY / 2) off += DAY;
        if (off > IMPLAUSIBLE || off < -IMPLAUSIBLE) continue;
        best = heard - asked;
        /* The answer is truncated to ms: half a ms on average. */
        answer = (told + off) * MILLISECOND + MILLISECOND / 2 - middle;
    }
    CALL3(SYS_CLOSE, fd, 0, 0);
    return answer;
}

/* Sets the clock: `told` is unix seconds with a fraction. Returns 0 if it is malformed or the clock cannot be set. */
int set_clock(const char *told, const char *end)
{
    unsigned long long seconds, fraction = 0;
    time_ns offset, begun = monotonic(), scale = SECOND;
    if (!(told = number(told, end, 10, &seconds))) return 0;
    if (told < end && *told == '.') {
        for (told++; told < end && *told >= '0' && *told <= '9' && scale > 1; told++) {
            fraction += (unsigned long long)(*told - '0') * (scale /= 10);
        }
    }
    if (told < end && *told != '\n') return 0;
    offset = ask_gateway((time_ns)(seconds * SECOND + fraction) - begun);
    /* Again if the guest lost its core between reading one clock and setting the other. */
    for (int tries = 0; tries < 5; tries++) {
        time_ns before = monotonic();
        struct timespec now = { (offset + before) / SECOND, (offset + before) % SECOND };
        if (CALL3(SYS_CLOCK_SETTIME, REALTIME, &now, 0) != 0) return 0;
        if (monotonic() - before < GOOD / 2) break;
    }
    return 1;
}
