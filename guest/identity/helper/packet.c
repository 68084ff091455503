/* A connection to the metadata service that bypasses the kernel's IP, for guests whose kernel has no policy routing: there
   access.c makes the service's address local, so that every socket of every user ends in the guest, and only root's packet
   sockets reach the link. Implements just enough of TCP (RFC 793) for a service on the same link, which loses nothing: one
   connection, no retransmission; without an answer the caller dials again. */
#include "system.h"

#define IP 0x0800
#define ARP 0x0806
#define ETHER_LENGTH 6
enum { FIN = 1, SYN = 2, RST = 4, PUSH = 8, ACK = 16 };
enum { IP_HEAD = 20, TCP_HEAD = 20, LARGEST_REQUEST = 512 };
enum { SO_ATTACH_FILTER = 26, SIOCGIFADDR = 0x8915, SIOCGIFINDEX = 0x8933 };

struct link { unsigned short family, protocol; int index; unsigned short hatype; unsigned char type, length, mac[8]; };
struct instruction { unsigned short code; unsigned char yes, no; unsigned int k; };

static int line = -1, device;
static unsigned int here, there, sent, expected;
static unsigned short port;
/* The service's MAC address; kept until a connection fails. */
static unsigned char mac[ETHER_LENGTH];
static int known;
/* A frame may be as large as an IP packet: the other side's kernel leaves segmentation to the link. */
static unsigned char frame[65536 + 64];
static const unsigned char *unread;
static long left;

static unsigned int swap(unsigned int value) { return __builtin_bswap32(value); }
static unsigned short swap16(unsigned int value) { return (unsigned short)__builtin_bswap16((unsigned short)value); }

static unsigned long sum_of(const unsigned char *bytes, long length, unsigned long sum)
{
    for (long at = 0; at < length; at++) sum += at & 1 ? bytes[at] : (unsigned long)bytes[at] << 8;
    return sum;
}

static void put_sum(unsigned char *at, unsigned long sum)
{
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    at[0] = (unsigned char)(~sum >> 8);
    at[1] = (unsigned char)~sum;
}

/* The link's name from this guest's routes: the service's route, or else the default one. */
int find_device(unsigned int ip, char *name)
{
    static char table[4096];
    int fd = (int)CALL3(SYS_OPEN, "/proc/net/route", 0, 0), found = 0;
    long length = fd < 0 ? 0 : CALL3(SYS_READ, fd, table, sizeof table);
    if (fd >= 0) CALL3(SYS_CLOSE, fd, 0, 0);
    for (const char *at = table, *end = table + (length < 0 ? 0 : length); at < end;) {
        unsigned long long destination;
        const char *begin = at, *next;
        while (at < end && *at != '\t' && *at != '\n') at++;
        if (at < end && *at == '\t' && at - begin < 16 && (next = number(at + 1, end, 16, &destination)) && *next == '\t' &&
            (destination == ip || (destination == 0 && !found))) {
            memset(name, 0, 16);
            memcpy(name, begin, (unsigned long)(at - begin));
            found = 1;
            if (destination == ip) return 1;
        }
        while (at < end && *at++ != '\n') {}
    }
    return found;
}

/* The index and the address of the service's link. Returns 0 if there is none. */
int find_link(unsigned int ip, int *index, unsigned int *address)
{
    struct { char name[16]; union { int index; struct address address; char rest[24]; } is; } request = { 0 };
    int fd = (int)CALL3(SYS_SOCKET, AF_INET, SOCK_DGRAM, 0), done;
    if (fd < 0) return 0;
    done = find_device(ip, request.name) && CALL3(SYS_IOCTL, fd, SIOCGIFINDEX, &request) == 0;
    *index = request.is.index;
    *address = done && CALL3(SYS_IOCTL, fd, SIOCGIFADDR, &request) == 0 ? request.is.address.ip : 0;
    CALL3(SYS_CLOSE, fd, 0, 0);
    return done;
}

/* Whether this process can open packet sockets. */
int has_packets(void)
{
    int fd = (int)CALL3(SYS_SOCKET, AF_PACKET, SOCK_DGRAM, 0);
    if (fd >= 0) CALL3(SYS_CLOSE, fd, 0, 0);
    return fd >= 0;
}

/* A packet socket on the link for one protocol, or -1. */
static int open_link(unsigned short protocol, time_ns limit)
{
    struct link on = { AF_PACKET, swap16(protocol), device, 0, 0, 0, { 0 } };
    int fd = (int)CALL3(SYS_SOCKET, AF_PACKET, SOCK_DGRAM, 0);
    if (fd < 0) return -1;
    limit_socket(fd, limit);
    if (CALL3(SYS_BIND, fd, &on, sizeof on) == 0) return fd;
    CALL3(SYS_CLOSE, fd, 0, 0);
    return -1;
}

static long send_to(int fd, unsigned short protocol, const unsigned char *to, const void *bytes, long length)
{
    struct link at = { AF_PACKET, swap16(protocol), device, 0, 0, ETHER_LENGTH, { 0 } };
    memcpy(at.mac, to, ETHER_LENGTH);
    return call(SYS_SENDTO, fd, (long)bytes, length, 0, (long)&at, sizeof at);
}

/* Asks the link for the service's MAC address (ARP). */
static int resolve(time_ns limit)
{
    static const unsigned char everybody[ETHER_LENGTH] = { 255, 255, 255, 255, 255, 255 };
    struct { unsigned short kind, protocol; unsigned char lengths[2]; unsigned short what; unsigned char words[20]; } ask = {
        swap16(1), swap16(IP), { ETHER_LENGTH, 4 }, swap16(1), { 0 }
    };
    struct link self = { 0 };
    int size = sizeof self, fd = open_link(ARP, limit);
    time_ns begun = monotonic();
    if (fd < 0) return 0;
    CALL3(SYS_GETSOCKNAME, fd, &self, &size);
    memcpy(ask.words, self.mac, ETHER_LENGTH);
    memcpy(ask.words + 6, &here, 4);
    memcpy(ask.words + 16, &there, 4);
    if (send_to(fd, ARP, everybody, &ask, 28) > 0) {
        while (!known && monotonic() - begun < limit) {
            long got = call(SYS_RECVFROM, fd, (long)frame, sizeof frame, 0, 0, 0);
            if (got <= 0) break;
            if (got < 28 || frame[7] != 2 || !same(frame + 14, &there, 4)) continue;
            memcpy(mac, frame + 8, ETHER_LENGTH);
            known = 1;
        }
    }
    CALL3(SYS_CLOSE, fd, 0, 0);
    return known;
}

static long send_segment(int flags, const char *text, long length)
{
    static unsigned char packet[IP_HEAD + TCP_HEAD + LARGEST_REQUEST];
    unsigned char *tcp = packet + IP_HEAD;
    unsigned short words[2] = { port, swap16(80) };
    unsigned int numbers[2] = { swap(sent), swap(expected) };
    long whole = TCP_HEAD + length;
    if (length > LARGEST_REQUEST) return -1;
    memset(packet, 0, sizeof packet);
    packet[0] = 0x45;
    packet[2] = (unsigned char)((IP_HEAD + whole) >> 8);
    packet[3] = (unsigned char)(IP_HEAD + whole);
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = 6;
    memcpy(packet + 12, &here, 4);
    memcpy(packet + 16, &there, 4);
    put_sum(packet + 10, sum_of(packet, IP_HEAD, 0));
    memcpy(tcp, words, 4);
    memcpy(tcp + 4, numbers, 8);
    tcp[12] = TCP_HEAD << 2;
    tcp[13] = (unsigned char)flags;
    tcp[14] = tcp[15] = 0xff;
    memcpy(tcp + TCP_HEAD, text, (unsigned long)length);
    put_sum(tcp + 16, sum_of(tcp, whole, sum_of(packet + 12, 8, 6 + (unsigned long)whole)));
    sent += (unsigned int)length + (flags & (SYN | FIN) ? 1 : 0);
    return send_to(line, IP, mac, packet, IP_HEAD + whole);
}

/* The next segment in sequence: returns its flags, and its content in `unread`; -1 if none comes within the socket's limit. */
static int next_segment(void)
{
    for (;;) {
        long got = call(SYS_RECVFROM, line, (long)frame, sizeof frame, 0, 0, 0), head, size;
        const unsigned char *tcp;
        unsigned int number;
        if (got <= 0) return -1;
        head = (frame[0] & 15) * 4;
        size = (long)frame[2] << 8 | frame[3];
        if (got < head + TCP_HEAD || size > got || size < head + TCP_HEAD || frame[9] != 6) continue;
        tcp = frame + head;
        if (!same(frame + 12, &there, 4) || !same(frame + 16, &here, 4) || !same(tcp + 2, &port, 2)) continue;
        if (tcp[13] & RST) return -1;
        memcpy(&number, tcp + 4, 4);
        if (tcp[13] & SYN) expected = swap(number);
        unread = tcp + (tcp[12] >> 4) * 4;
        left = frame + size - unread;
        if (left < 0) continue;
        if (swap(number) == expected) {
            expected += (unsigned int)left + (tcp[13] & (SYN | FIN) ? 1 : 0);
            if (left > 0 || tcp[13] & (SYN | FIN)) send_segment(ACK, "", 0);
            return tcp[13];
        }
        /* A retransmission, because the acknowledgement was late. */
        send_segment(ACK, "", 0);
    }
}

void packet_hang_up(void)
{
    if (line < 0) return;
    send_segment(RST | ACK, "", 0);
    CALL3(SYS_CLOSE, line, 0, 0);
    line = -1;
}

/* Connects. Returns 0 if nobody answers within the limit. */
int packet_dial(unsigned int ip, time_ns limit)
{
    /* Accept only packets whose source is the service. */
    struct instruction filter[] = { { 0x20, 0, 0, 12 }, { 0x15, 0, 1, swap(ip) }, { 6, 0, 0, 0xffffffff }, { 6, 0, 0, 0 } };
    struct { unsigned short count; struct instruction *list; } program = { 4, filter };
    int flags;
    packet_hang_up();
    there = ip;
    if (!find_link(ip, &device, &here) || (!known && !resolve(limit))) return 0;
    if ((line = open_link(IP, limit)) < 0) return 0;
    call(SYS_SETSOCKOPT, line, SOL_SOCKET, SO_ATTACH_FILTER, (long)&program, sizeof program, 0);
    sent = (unsigned int)monotonic();
    port = swap16(49152 + (monotonic() >> 10) % 16384);
    expected = 0;
    left = 0;
    send_segment(SYN, "", 0);
    flags = next_segment();
    if (flags >= 0 && (flags & (SYN | ACK)) == (SYN | ACK)) return 1;
    known = 0;
    packet_hang_up();
    return 0;
}

int packet_send(const char *text, long length) { return send_segment(PUSH | ACK, text, length) > 0; }

/* Like recv(2): the number of bytes, 0 at the end, -1 if nothing comes within the limit. */
long packet_receive(char *to, long room)
{
    while (left == 0) {
        int flags = next_segment();
        if (flags < 0) return -1;
        if (left == 0 && flags & FIN) return 0;
    }
    if (room > left) room = left;
    memcpy(to, unread, (unsigned long)room);
    unread += room;
    left -= room;
    return room;
}
