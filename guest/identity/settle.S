# settle: sets the clock and renews the random generator's key, for guests where no other program can (x86_64 Linux).
# stdin: 16 bytes struct timespec (all zero: leave the clock alone), then seed bytes. Exit code: 0, or 1 for the random
# generator, 2 for the clock, 3 for both.
#
# Writing to /dev/urandom only stirs the pool; RNDRESEEDCRNG makes the generator draw a new key from it now instead of up
# to a minute later. install.sh carries the assembled file; a test assembles this and compares:
#   as --64 -o settle.o settle.S && ld --oformat binary -Ttext 0x400000 -o settle settle.o

        .intel_syntax noprefix
        .text
        .globl _start
base:   .byte 0x7f, 'E', 'L', 'F', 2, 1, 1, 0           # ELF header: 64 bit, little endian
        .quad 0
        .word 2, 62                                     # executable, x86-64
        .long 1
        .quad _start, header - base, 0
        .long 0
        .word 64, 56, 1, 64, 0, 0
header: .long 1, 5                                      # program header: load, read and execute
        .quad 0, base, base, end - base, end - base, 0x1000

_start: sub     rsp, 512
        xor     ebp, ebp                                # ebp: exit code
        xor     ebx, ebx                                # the timespec may come in pieces
more:   xor     eax, eax                                # read(0, rsp + rbx, 16 - rbx)
        xor     edi, edi
        lea     rsi, [rsp + rbx]
        mov     edx, 16
        sub     edx, ebx
        syscall
        test    rax, rax
        jle     short_input
        add     ebx, eax
        cmp     ebx, 16
        jb      more
        cmp     qword ptr [rsp], 0
        je      seed
        mov     eax, 227                                # clock_settime(CLOCK_REALTIME, rsp)
        xor     edi, edi
        mov     rsi, rsp
        syscall
        test    rax, rax
        jz      seed
short_input:
        or      ebp, 2
seed:   mov     eax, 2                                  # open("/dev/urandom", O_WRONLY)
        lea     rdi, [rip + urandom]
        mov     esi, 1
        xor     edx, edx
        syscall
        mov     ebx, eax
        test    eax, eax
        js      unseeded
copy:   xor     eax, eax                                # read(0, rsp, 512)
        xor     edi, edi
        mov     rsi, rsp
        mov     edx, 512
        syscall
        test    rax, rax
        jle     reseed
        mov     edx, eax                                # write(urandom, rsp, what was read)
        mov     eax, 1
        mov     edi, ebx
        mov     rsi, rsp
        syscall
        test    rax, rax
        jg      copy
reseed: mov     eax, 16                                 # ioctl(urandom, RNDRESEEDCRNG)
        mov     edi, ebx
        mov     esi, 0x5207
        xor     edx, edx
        syscall
        test    rax, rax
        jz      done
unseeded:
        or      ebp, 1
done:   mov     eax, 60                                 # exit(ebp)
        mov     edi, ebp
        syscall
urandom:
        .asciz  "/dev/urandom"
end:
