/* The parts of Linux on x86_64 that the helper needs. It has no C library, so that it runs in any guest. */
#define CALL3(number, a, b, c) call(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)

enum {
    SYS_READ = 0, SYS_WRITE = 1, SYS_OPEN = 2, SYS_CLOSE = 3, SYS_POLL = 7, SYS_IOCTL = 16, SYS_SOCKET = 41,
    SYS_CONNECT = 42, SYS_SENDTO = 44, SYS_RECVFROM = 45, SYS_BIND = 49, SYS_GETSOCKNAME = 51, SYS_SETSOCKOPT = 54, SYS_EXIT = 60,
    SYS_SETGROUPS = 116, SYS_SETRESUID = 117, SYS_SETRESGID = 119, SYS_CLOCK_SETTIME = 227, SYS_CLOCK_GETTIME = 228,
    REALTIME = 0, MONOTONIC = 1, AF_INET = 2, AF_NETLINK = 16, AF_PACKET = 17,
    SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_RAW = 3, SOL_SOCKET = 1, SO_LINGER = 13, SO_BINDTODEVICE = 25, SO_RCVTIMEO = 20,
    SO_SNDTIMEO = 21, O_WRONLY_NOCTTY = 0x101, MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000
};

/* Nanoseconds. */
typedef long long time_ns;
#define SECOND 1000000000LL
#define MILLISECOND 1000000LL

struct timespec { long seconds, nanoseconds; };
struct address { unsigned short family, port; unsigned int ip; char zero[8]; };

static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The clock that only runs forward, and stands still in a snapshot. */
static inline time_ns monotonic(void)
{
    struct timespec now;
    CALL3(SYS_CLOCK_GETTIME, MONOTONIC, &now, 0);
    return now.seconds * SECOND + now.nanoseconds;
}

static inline void limit_socket(int fd, time_ns limit)
{
    long value[2] = { limit / SECOND, limit % SECOND / 1000 };
    call(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_RCVTIMEO, (long)value, sizeof value, 0);
    call(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_SNDTIMEO, (long)value, sizeof value, 0);
}

/* text.c */
void *memcpy(void *to, const void *from, unsigned long length);
void *memset(void *to, int byte, unsigned long length);
int same(const void *one, const void *other, unsigned long length);
int starts_with(const char *text, const char *end, const char *prefix);
const char *after_line(const char *text, const char *end, const char *key);
const char *number(const char *text, const char *end, int base, unsigned long long *value);
const char *end_of(const char *text);
char *append(char *to, const char *text);
int write_all(int fd, const char *text, long length);

/* metadata.c */
long fetch(unsigned int ip, const char **document, int *absent);
void drop_connection(void);

/* packet.c */
int find_device(unsigned int ip, char *name);
int find_link(unsigned int ip, int *index, unsigned int *address);
int has_packets(void);
int packet_dial(unsigned int ip, time_ns limit);
int packet_send(const char *text, long length);
long packet_receive(char *to, long room);
void packet_hang_up(void);

/* access.c */
int is_own(unsigned int ip);
int close_access(unsigned int ip);
int is_refused(unsigned int ip);

/* clock.c */
int set_clock(const char *told, const char *end);

/* seed.c */
int renew_random(const char *seed, long length);
