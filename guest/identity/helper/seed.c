/* The kernel's random generator. A write to /dev/urandom stirs the pool without credit: in a guest without an RDRAND that its
   kernel trusts and without an entropy device, the generator is never ready, and its ssh server waits for it. RNDADDENTROPY
   credits the droplet's seed (root only). RNDRESEEDCRNG makes the generator draw a new key now instead of up to a minute
   later: until then all clones of a snapshot share the key. */
#include "system.h"

#define RNDADDENTROPY 0x40085203
#define RNDRESEEDCRNG 0x5207
/* A seed is base64 text, at most six bits a letter. The kernel needs 256 bits in all. */
#define BITS_PER_LETTER 4

/* Returns 0 if it failed. */
int renew_random(const char *seed, long length)
{
    static struct { int bits, size; char bytes[512]; } credit;
    int fd = (int)CALL3(SYS_OPEN, "/dev/urandom", 1, 0), done;
    if (fd < 0) return 0;
    if (length > (long)sizeof credit.bytes) length = sizeof credit.bytes;
    credit.bits = (int)length * BITS_PER_LETTER;
    credit.size = (int)length;
    memcpy(credit.bytes, seed, length);
    done = CALL3(SYS_IOCTL, fd, RNDADDENTROPY, &credit) == 0 || write_all(fd, seed, length);
    memset(&credit, 0, sizeof credit);
    if (CALL3(SYS_IOCTL, fd, RNDRESEEDCRNG, 0) != 0) done = 0;
    CALL3(SYS_CLOSE, fd, 0, 0);
    return done;
}
