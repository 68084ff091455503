/* Reads the identity document from Firecracker's metadata service, version 2. It keeps connection and token, so that another
   poll costs one request; in a restored guest both are invalid, which the first request shows. That takes longer than a new
   connection, so a caller that waits for a restore keeps none. */
#include "system.h"

/* A guest may be restored while it waits for an answer, which then never comes, so the first limit is short. A guest that
   waits for a core beside many others gets a longer one at the next try. */
#define FIRST_LIMIT (SECOND / 20)
#define NEXT_LIMIT (SECOND / 4)
/* Longer than anybody waits for a guest: Hornet's limits decide how slow it may be. */
#define LONGEST_LIMIT (3600 * SECOND)

/* The service's largest document with the answer's head. */
static char answer[56 * 1024];
static char token[128];
static int line = -1;
static time_ns limit = FIRST_LIMIT;
/* The address is local in this guest: see packet.c. */
static int past_ip;

static void hang_up(void)
{
    if (past_ip) packet_hang_up();
    else if (line >= 0) CALL3(SYS_CLOSE, line, 0, 0);
    line = -1;
}

/* Resets the connection: after a regular close the kernel keeps it for a minute, and there are 50 a second. */
void drop_connection(void)
{
    int at_once[2] = { 1, 0 };
    if (line >= 0 && !past_ip) call(SYS_SETSOCKOPT, line, SOL_SOCKET, SO_LINGER, (long)at_once, sizeof at_once, 0);
    hang_up();
}

static int dial(unsigned int ip)
{
    struct address to = { AF_INET, 80 << 8, ip, { 0 } };
    if ((past_ip = is_own(ip))) {
        line = packet_dial(ip, limit) ? 0 : -1;
        return line == 0;
    }
    line = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_STREAM, 0);
    if (line < 0) return 0;
    limit_socket(line, limit);
    if (CALL3(SYS_CONNECT, line, &to, sizeof to) == 0) return 1;
    hang_up();
    return 0;
}

static long take(char *to, long room)
{
    return past_ip ? packet_receive(to, room) : call(SYS_RECVFROM, line, (long)to, room, 0, 0, 0);
}

static int ask_for(const char *request, long size)
{
    return past_ip ? packet_send(request, size) : call(SYS_SENDTO, line, (long)request, size, MSG_NOSIGNAL, 0, 0) == size;
}

/* Receives one answer. Returns its status, and its body in `body`; 0 if it is incomplete. */
static int receive(const char **body, long *length)
{
    const char *head = 0, *value;
    unsigned long long status, size = 0;
    long have = 0;
    for (;;) {
        long got = take(answer + have, (long)sizeof answer - have);
        if (got <= 0) return 0;
        have += got;
        for (const char *at = answer; !head && at + 3 < answer + have; at++) {
            if (starts_with(at, answer + have, "\r\n\r\n")) head = at + 4;
        }
        if (!head) continue;
        value = after_line(answer, head, "content-length:");
        while (value && *value == ' ') value++;
        if (!value || !number(value, head, 10, &size) || size > sizeof answer - (head - answer)) return 0;
        if (have < head - answer + (long)size) continue;
        *body = head;
        *length = (long)size;
        return starts_with(answer, head, "http/1.") && number(answer + 9, head, 10, &status) ? (int)status : 0;
    }
}

/* Asks once, over the kept connection or a new one. Returns the status, 0 without answer. */
static int exchange(unsigned int ip, const char *request, long size, const char **body, long *length)
{
    int status;
    time_ns begun = monotonic();
    if (line < 0 && !dial(ip)) return 0;
    if (ask_for(request, size) && (status = receive(body, length))) {
        limit = FIRST_LIMIT;
        return status;
    }
    hang_up();
    /* Neither refused nor answered. */
    if (monotonic() - begun >= limit && limit < LONGEST_LIMIT) limit = limit < NEXT_LIMIT ? NEXT_LIMIT : limit * 2;
    return 0;
}

/* Asks, and again over a new connection if the kept one has ended. */
static int ask(unsigned int ip, const char *request, long size, const char **body, long *length)
{
    int kept = line >= 0, status = exchange(ip, request, size, body, length);
    return status || !kept ? status : exchange(ip, request, size, body, length);
}

static int ask_token(unsigned int ip)
{
    static const char request[] = "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"
                                  "X-metadata-token-ttl-seconds: 21600\r\nContent-Length: 0\r\n\r\n";
    const char *body;
    long length;
    if (ask(ip, request, sizeof request - 1, &body, &length) != 200 || length >= (long)sizeof token) return 0;
    memcpy(token, body, length);
    token[length] = 0;
    return 1;
}

/* Reads the document, which is valid until the next call. Returns its length, 0 if there is none. Sets `absent` to 1 if the
   service answered that it has none, and to 0 if nobody answered. */
long fetch(unsigned int ip, const char **document, int *absent)
{
    *absent = 0;
    /* If an earlier call's connection is invalid, so is the token. */
    int kept = line >= 0;
    for (int round = 0; round < 2; round++, kept = 0) {
        char request[320], *end = request;
        long length;
        if (!*token && !ask_token(ip)) return 0;
        end = append(end, "GET /hornet/identity HTTP/1.1\r\nHost: 169.254.169.254\r\nAccept: text/plain\r\nX-metadata-token: ");
        end = append(append(end, token), "\r\n\r\n");
        switch ((kept ? exchange : ask)(ip, request, end - request, document, &length)) {
        case 200:
            if (starts_with(*document, *document + length, "format=")) return length;
            *absent = 1;
            return 0;
        case 404: *absent = 1; return 0;
        case 0:
            if (!kept) return 0;
            /* falls through */
        case 401: *token = 0; break;
        default: return 0;
        }
    }
    return 0;
}
