/* Only root may reach the metadata service. Policy routing (ip-rule(8)) enforces this, because most guests' kernels have it, it
   holds from the first instruction after a restore, and it covers every protocol and connections that were open before. The
   kernel consults these rules right after its table of local addresses:

     from ADDRESS to ADDRESS: the table OWN, in which the address is local
     to ADDRESS, from processes of this guest with user id 0: the main table
     to ADDRESS, from every other user id: the table OWN
     to ADDRESS, forwarded packets (containers): prohibited

   A rule that only prohibits is not enough: if a lookup fails, the kernel assumes that the address is on the link that a
   socket is bound to (SO_BINDTODEVICE, which needs no privileges since Linux 5.7). So every user's lookup must succeed and
   end in this guest, where nobody listens; the first rule routes the refusal back. Sockets bound to other links fail or end here.

   If the kernel has no such rules, the address is local for all users, root included, and the helper bypasses the kernel's IP
   (packet.c).

   Rules and route carry the kernel's protocol number, because systemd-networkd removes those of others when it starts. */
#include "system.h"

#define RTM_NEWROUTE 24
#define RTM_NEWRULE 32
/* Request, acknowledge, create, and fail with EEXIST if it exists. */
#define NEW_AND_EXCLUSIVE (1 | 4 | 0x200 | 0x400)
#define EEXIST 17
enum { DESTINATION = 1, SOURCE = 2, IIF_NAME = 3, PRIORITY = 6, TABLE = 15, UID_RANGE = 20, PROTOCOL = 21 };
enum { TO_TABLE = 1, PROHIBIT = 8, MAIN = 254, OWN = 169254, BY_KERNEL = 2 };
/* Of a route. LOCAL is the kernel's table of local addresses. */
enum { OUT_INDEX = 4, LOCAL_TYPE = 2, LOCAL = 255, SCOPE_HOST = 254 };
enum rule { REPLY, OF_ROOT, OF_OTHERS, PROHIBITED };
#define NOBODY 65534

/* nlmsghdr, fib_rule_hdr or rtmsg, which have the same length (linux/netlink.h, linux/fib_rules.h, linux/rtnetlink.h), and
   space for the attributes. In an rtmsg, `reserved` is protocol and scope, and `action` the type. */
struct request {
    unsigned int length;
    unsigned short type, flags;
    unsigned int sequence, port;
    unsigned char family, dst_length, src_length, tos, table, reserved[2], action;
    unsigned int flags_or_index;
    char attributes[96];
};

static void put(struct request *request, unsigned short type, const void *value, unsigned short size)
{
    char *at = (char *)request + request->length;
    unsigned short head[2] = { (unsigned short)(4 + size), type };
    memcpy(at, head, 4);
    memcpy(at + 4, value, size);
    request->length += 4 + ((size + 3u) & ~3u);
}

static struct request request_for(unsigned short type)
{
    struct request request = { 0 };
    request.length = (unsigned int)((char *)request.attributes - (char *)&request);
    request.type = type;
    request.flags = NEW_AND_EXCLUSIVE;
    request.family = AF_INET;
    request.dst_length = 32;
    return request;
}

/* Returns 0 if the kernel cannot do it. */
static int send_request(int fd, struct request *request)
{
    struct { unsigned int length; unsigned short type, flags; unsigned int sequence, port; int error; char rest[256]; } answer;
    if (call(SYS_SENDTO, fd, (long)request, request->length, 0, 0, 0) < 0) return 0;
    if (call(SYS_RECVFROM, fd, (long)&answer, sizeof answer, 0, 0, 0) < 20) return 0;
    return answer.error == 0 || answer.error == -EEXIST;
}

static int add_rule(int fd, unsigned int ip, enum rule rule)
{
    static const unsigned int priority = 0, main = MAIN, own = OWN, root_only[2] = { 0, 0 }, others[2] = { 1, 0xfffffffe };
    static const unsigned char protocol = BY_KERNEL;
    struct request request = request_for(RTM_NEWRULE);
    request.action = rule == PROHIBITED ? PROHIBIT : TO_TABLE;
    put(&request, DESTINATION, &ip, sizeof ip);
    put(&request, PRIORITY, &priority, sizeof priority);
    put(&request, PROTOCOL, &protocol, sizeof protocol);
    if (rule == REPLY) {
        request.src_length = 32;
        put(&request, SOURCE, &ip, sizeof ip);
    }
    if (rule == OF_ROOT) put(&request, IIF_NAME, "lo", 3);
    if (rule == OF_ROOT || rule == OF_OTHERS) put(&request, UID_RANGE, rule == OF_ROOT ? root_only : others, sizeof others);
    if (rule != PROHIBITED) put(&request, TABLE, rule == OF_ROOT ? &main : &own, sizeof own);
    return send_request(fd, &request);
}

/* Makes the address local in a table, by a route: programs would list an address of the link as the guest's address. */
static int add_route(int fd, unsigned int ip, int index, unsigned int table)
{
    struct request request = request_for(RTM_NEWROUTE);
    request.reserved[0] = BY_KERNEL;
    request.reserved[1] = SCOPE_HOST;
    request.action = LOCAL_TYPE;
    put(&request, DESTINATION, &ip, sizeof ip);
    put(&request, OUT_INDEX, &index, sizeof index);
    put(&request, TABLE, &table, sizeof table);
    return send_request(fd, &request);
}

/* Closes the address to everyone but root. Idempotent. Returns 0 if the kernel cannot do it. */
int close_access(unsigned int ip)
{
    int fd, index, done;
    unsigned int address;
    if (!find_link(ip, &index, &address) || (fd = (int)CALL3(SYS_SOCKET, AF_NETLINK, SOCK_RAW, 0)) < 0) return 0;
    limit_socket(fd, SECOND);
    done = !is_own(ip) && add_rule(fd, ip, REPLY) && add_rule(fd, ip, OF_ROOT) && add_route(fd, ip, index, OWN) &&
           add_rule(fd, ip, OF_OTHERS) && add_rule(fd, ip, PROHIBITED);
    if (!done) done = has_packets() && add_route(fd, ip, index, LOCAL);
    CALL3(SYS_CLOSE, fd, 0, 0);
    return done;
}

/* Whether the address is local in this guest. */
int is_own(unsigned int ip)
{
    struct address self = { AF_INET, 0, ip, { 0 } };
    int fd = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0), own = fd >= 0 && CALL3(SYS_BIND, fd, &self, sizeof self) == 0;
    if (fd >= 0) CALL3(SYS_CLOSE, fd, 0, 0);
    return own;
}

/* Becomes nobody permanently and connects to the address, once normally and once bound to its link. Returns 1 if the kernel
   refuses both; a connection, or silence until the kernel gives up, is no refusal. There is no time limit, because a slow
   guest could exceed it. */
int is_refused(unsigned int ip)
{
    struct address to = { AF_INET, 80 << 8, ip, { 0 } };
    char name[16] = { 0 };
    if (CALL3(SYS_SETGROUPS, 0, 0, 0) != 0 || CALL3(SYS_SETRESGID, NOBODY, NOBODY, NOBODY) != 0 ||
        CALL3(SYS_SETRESUID, NOBODY, NOBODY, NOBODY) != 0 || !find_device(ip, name))
        return 0;
    for (int bound = 0; bound < 2; bound++) {
        int fd = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_STREAM, 0);
        long code;
        if (fd < 0) return 0;
        /* Before Linux 5.7 this needs privileges, which the user nobody lacks. */
        if (bound && call(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_BINDTODEVICE, (long)name, sizeof name, 0) != 0) return 1;
        code = CALL3(SYS_CONNECT, fd, &to, sizeof to);
        CALL3(SYS_CLOSE, fd, 0, 0);
        /* EPERM, EACCES, ENETUNREACH, EHOSTUNREACH; ECONNREFUSED: the address was closed before, so this guest refused. */
        if (code != -1 && code != -13 && code != -101 && code != -113 && code != -111) return 0;
    }
    return 1;
}
