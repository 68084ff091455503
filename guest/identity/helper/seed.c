/* The kernel's random generator. Writing to /dev/urandom only stirs the pool; RNDRESEEDCRNG makes the generator draw a new
   key from it now instead of up to a minute later: the key until then is the one that all clones of a snapshot share. */
#include "system.h"

#define RNDRESEEDCRNG 0x5207

/* Gives 0 where it could not be done. */
int renew_random(const char *seed, long length)
{
    int fd = (int)CALL3(SYS_OPEN, "/dev/urandom", 1, 0), done;
    if (fd < 0) return 0;
    done = write_all(fd, seed, length);
    if (CALL3(SYS_IOCTL, fd, RNDRESEEDCRNG, 0) != 0) done = 0;
    CALL3(SYS_CLOSE, fd, 0, 0);
    return done;
}
