/* Copyright: (c) 2026, the meshwork.swarm contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * ptrace(2) for User Mode Linux on a processor whose register state is larger than it knows.
 *
 * User Mode Linux 6.1 keeps 2696 bytes of floating point state (arch/x86/um/user-offsets.c: HOST_FP_SIZE). Where a processor has more
 * (AMX: 11008), the kernel of the machine gives a part of it, but refuses to set one, and the node dies before its first program. Here the
 * part is set with zeros behind it: a program of a node has no AMX.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PEEK_FIRST = 1, PEEK_LAST = 3, GET_REGISTERS = 0x4204, SET_REGISTERS = 0x4205, EXTENDED_STATE = 0x202 };

static long system_ptrace(long request, pid_t process, void *address, void *value)
{
    return syscall(SYS_ptrace, request, process, address, value);
}

/* Node programs stop here at each of their system calls, so that nothing is read which is known: the part beyond is never used, and zero. */
static long set_extended_state(pid_t process, struct iovec *part)
{
    static char state[1 << 16];
    static size_t size;

    if (!size) {
        static char found[sizeof state];
        struct iovec whole = {found, sizeof found};
        if (system_ptrace(GET_REGISTERS, process, (void *)EXTENDED_STATE, &whole) < 0)
            return -1;
        size = whole.iov_len;
    }
    if (size <= part->iov_len)
        return system_ptrace(SET_REGISTERS, process, (void *)EXTENDED_STATE, part);
    memcpy(state, part->iov_base, part->iov_len);
    struct iovec whole = {state, size};
    return system_ptrace(SET_REGISTERS, process, (void *)EXTENDED_STATE, &whole);
}

long ptrace(int request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    pid_t process = va_arg(arguments, pid_t);
    void *address = va_arg(arguments, void *);
    void *value = va_arg(arguments, void *);
    va_end(arguments);

    if (request == SET_REGISTERS && (long)address == EXTENDED_STATE)
        return set_extended_state(process, value);
    if (request < PEEK_FIRST || request > PEEK_LAST)
        return system_ptrace(request, process, address, value);
    /* the C library gives a peeked word back, the kernel writes it where it is told */
    long word = 0;
    if (system_ptrace(request, process, address, &word) < 0)
        return -1;
    errno = 0;
    return word;
}
