# settle: sets the clock and renews the random generator's key, for guests where no other program can (x86_64 Linux).
# stdin: 16 bytes struct timespec (all zero: leave the clock alone), 4 bytes IPv4 address of the gateway (zero: ask nobody),
# then seed bytes. Exit code: 0, or 1 for the random generator, 2 for the clock, 3 for both.
#
# The timespec is as old as the guest is slow, so the gateway, which is the droplet, is asked for the time of day by ICMP's
# timestamp (RFC 792), which Linux answers in the kernel: three times, and the answer that came back fastest counts.
#
# Writing to /dev/urandom only stirs the pool; RNDRESEEDCRNG makes the generator draw a new key from it now instead of up
# to a minute later. settle.base64 is the assembled file; a test assembles this and compares:
#   as --64 -o settle.o settle.S && ld --oformat binary -Ttext 0x400000 -o settle settle.o

        .intel_syntax noprefix
        .set    now, 0                                  # struct timespec
        .set    gateway, 16
        .set    address, 32                             # struct sockaddr_in
        .set    moment, 48                              # struct timespec
        .set    limit, 64                               # struct timeval
        .set    question, 80                            # 20 bytes
        .set    rounds, 112
        .set    answer, 128                             # 256 bytes
        .set    seeds, 512                              # 512 bytes

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

        .macro  monotonic                               # rax: nanoseconds since boot
        mov     eax, 228                                # clock_gettime(CLOCK_MONOTONIC, moment)
        mov     edi, 1
        lea     rsi, [rsp + moment]
        syscall
        imul    rax, [rsp + moment], 1000000000
        add     rax, [rsp + moment + 8]
        .endm

_start: sub     rsp, 1024
        xor     ebp, ebp                                # ebp: exit code
        xor     ebx, ebx                                # the first 20 bytes may come in pieces
more:   xor     eax, eax                                # read(0, rsp + rbx, 20 - rbx)
        xor     edi, edi
        lea     rsi, [rsp + rbx]
        mov     edx, 20
        sub     edx, ebx
        syscall
        test    rax, rax
        jle     short_input
        add     ebx, eax
        cmp     ebx, 20
        jb      more
        cmp     qword ptr [rsp + now], 0
        je      seed
        mov     ebx, [rsp + gateway]
        test    ebx, ebx
        jz      set

        mov     eax, 41                                 # socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)
        mov     edi, 2
        mov     esi, 3
        mov     edx, 1
        syscall
        test    eax, eax
        js      set
        mov     r12d, eax                               # r12: socket
        mov     qword ptr [rsp + address], 2            # AF_INET, no port
        mov     [rsp + address + 4], ebx
        mov     qword ptr [rsp + address + 8], 0
        mov     qword ptr [rsp + limit], 1              # a second
        mov     qword ptr [rsp + limit + 8], 0
        mov     eax, 54                                 # setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, limit, 16)
        mov     edi, r12d
        mov     esi, 1
        mov     edx, 20
        lea     r10, [rsp + limit]
        mov     r8d, 16
        syscall
        mov     r13, -1                                 # r13: the shortest way there and back, ns
        mov     dword ptr [rsp + rounds], 3
ask:    mov     ecx, [rsp + rounds]                     # the sequence number, or a late answer would count as quick
        shl     ecx, 24
        mov     eax, 0xfff2000d                         # type 13, code 0, and the checksum of that and zeros
        sub     eax, ecx
        mov     [rsp + question], eax
        mov     [rsp + question + 4], ecx
        mov     qword ptr [rsp + question + 8], 0
        mov     dword ptr [rsp + question + 16], 0
        monotonic
        mov     rbx, rax                                # rbx: when it was asked
        mov     eax, 44                                 # sendto(socket, question, 20, 0, address, 16)
        mov     edi, r12d
        lea     rsi, [rsp + question]
        mov     edx, 20
        xor     r10d, r10d
        lea     r8, [rsp + address]
        mov     r9d, 16
        syscall
        test    rax, rax
        js      asked
hear:   mov     eax, 45                                 # recvfrom(socket, answer, 256, 0, 0, 0)
        mov     edi, r12d
        lea     rsi, [rsp + answer]
        mov     edx, 256
        xor     r10d, r10d
        xor     r8d, r8d
        xor     r9d, r9d
        syscall
        cmp     rax, 40
        jl      asked
        movzx   ecx, byte ptr [rsp + answer]            # behind the IP header, whose length is in its first byte
        and     ecx, 15
        lea     rsi, [rsp + rcx * 4 + answer]
        cmp     byte ptr [rsi], 14
        jne     hear
        mov     ecx, [rsp + question + 4]
        cmp     [rsi + 4], ecx
        jne     hear
        mov     r8d, [rsi + 16]
        bswap   r8d                                     # ms since midnight UTC when it was answered
        test    r8d, r8d
        js      asked                                   # some other time (RFC 792)
        monotonic
        mov     rdx, rax
        sub     rdx, rbx
        cmp     rdx, r13
        jae     asked
        mov     r13, rdx
        mov     r14d, r8d                               # r14: the droplet's ms of the day
        mov     r15, rax                                # r15: when we heard it
asked:  dec     dword ptr [rsp + rounds]
        jnz     ask
        cmp     r13, -1
        je      set

        imul    rbx, [rsp + now], 1000                  # rbx: what we were told, in ms
        mov     rax, [rsp + now + 8]
        xor     edx, edx
        mov     edi, 1000000
        div     rdi
        add     rbx, rax
        mov     rax, rbx
        xor     edx, edx
        mov     edi, 86400000
        div     rdi
        mov     eax, r14d                               # rax: how far it is from the droplet's, across midnight too
        sub     rax, rdx
        cmp     rax, 43200000
        jle     day
        sub     rax, 86400000
day:    cmp     rax, -43200000
        jge     whole
        add     rax, 86400000
whole:  mov     rdx, rax
        neg     rdx
        cmovs   rdx, rax
        cmp     rdx, 600000                             # more than ten minutes: that is no time of day
        ja      set
        add     rbx, rax
        imul    rbx, rbx, 1000000
        shr     r13, 1
        add     rbx, r13
        monotonic
        sub     rax, r15
        add     rax, rbx
        xor     edx, edx
        mov     edi, 1000000000
        div     rdi
        mov     [rsp + now], rax
        mov     [rsp + now + 8], rdx

set:    mov     eax, 227                                # clock_settime(CLOCK_REALTIME, now)
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
copy:   xor     eax, eax                                # read(0, seeds, 512)
        xor     edi, edi
        lea     rsi, [rsp + seeds]
        mov     edx, 512
        syscall
        test    rax, rax
        jle     reseed
        mov     edx, eax                                # write(urandom, seeds, what was read)
        mov     eax, 1
        mov     edi, ebx
        lea     rsi, [rsp + seeds]
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
