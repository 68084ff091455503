/* Who may reach the metadata service: root alone. Policy routing (ip-rule(8)) decides it, because that is in the kernel of
   nearly every guest, holds from the first instruction after a restore, and covers every protocol and also connections that
   were open before. Two rules, which the kernel consults right after its table of local addresses:

     to ADDRESS, of this guest's own processes, user id 0: the main table
     to ADDRESS, of everybody else, and of what is forwarded (containers): prohibited

   They carry the kernel's own protocol number, because systemd-networkd removes the rules of strangers when it starts. */
#include "system.h"

#define RTM_NEWRULE 32
/* Request, acknowledge, create, and fail with EEXIST where the rule is there already. */
#define NEW_AND_EXCLUSIVE (1 | 4 | 0x200 | 0x400)
#define EEXIST 17
enum { DESTINATION = 1, IIF_NAME = 3, PRIORITY = 6, TABLE = 15, UID_RANGE = 20, PROTOCOL = 21 };
enum { TO_TABLE = 1, PROHIBIT = 8, MAIN = 254, BY_KERNEL = 2 };
#define NOBODY 65534

/* nlmsghdr and fib_rule_hdr (linux/netlink.h, linux/fib_rules.h), and room for the attributes. */
struct request {
    unsigned int length;
    unsigned short type, flags;
    unsigned int sequence, port;
    unsigned char family, dst_length, src_length, tos, table, reserved[2], action;
    unsigned int rule_flags;
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

/* Adds one of the two rules. Returns 0 where the kernel cannot. */
static int add_rule(int fd, unsigned int ip, int of_root)
{
    static const unsigned int priority = 0, table = MAIN, root_only[2] = { 0, 0 };
    static const unsigned char protocol = BY_KERNEL;
    struct { unsigned int length; unsigned short type, flags; unsigned int sequence, port; int error; char rest[256]; } answer;
    struct request request = { 0 };
    request.length = (unsigned int)((char *)request.attributes - (char *)&request);
    request.type = RTM_NEWRULE;
    request.flags = NEW_AND_EXCLUSIVE;
    request.family = AF_INET;
    request.dst_length = 32;
    request.action = of_root ? TO_TABLE : PROHIBIT;
    put(&request, DESTINATION, &ip, sizeof ip);
    put(&request, PRIORITY, &priority, sizeof priority);
    put(&request, PROTOCOL, &protocol, sizeof protocol);
    if (of_root) {
        request.table = MAIN;
        put(&request, TABLE, &table, sizeof table);
        put(&request, IIF_NAME, "lo", 3);
        put(&request, UID_RANGE, root_only, sizeof root_only);
    }
    if (call(SYS_SENDTO, fd, (long)&request, request.length, 0, 0, 0) < 0) return 0;
    if (call(SYS_RECVFROM, fd, (long)&answer, sizeof answer, 0, 0, 0) < 20) return 0;
    return answer.error == 0 || answer.error == -EEXIST;
}

/* Closes the address to everyone but root. Where it is closed already nothing changes. Returns 0 where the kernel cannot. */
int close_access(unsigned int ip)
{
    int fd = (int)CALL3(SYS_SOCKET, AF_NETLINK, SOCK_RAW, 0), done;
    if (fd < 0) return 0;
    limit_socket(fd, SECOND);
    done = add_rule(fd, ip, 1) && add_rule(fd, ip, 0);
    CALL3(SYS_CLOSE, fd, 0, 0);
    return done;
}

/* Becomes nobody for good and connects to the address. Returns 1 where the kernel refuses that at once; a connection, and
   also none within half a second, is no refusal. */
int is_refused(unsigned int ip)
{
    struct address to = { AF_INET, 80 << 8, ip, { 0 } };
    long code;
    int fd;
    if (CALL3(SYS_SETGROUPS, 0, 0, 0) != 0 || CALL3(SYS_SETRESGID, NOBODY, NOBODY, NOBODY) != 0 ||
        CALL3(SYS_SETRESUID, NOBODY, NOBODY, NOBODY) != 0)
        return 0;
    fd = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_STREAM, 0);
    if (fd < 0) return 0;
    limit_socket(fd, SECOND / 2);
    code = CALL3(SYS_CONNECT, fd, &to, sizeof to);
    /* EPERM, EACCES, ENETUNREACH, EHOSTUNREACH. */
    return code == -1 || code == -13 || code == -101 || code == -113;
}
