/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* What is written as it is for the sake of the kernel's verifier. */
#ifndef DIRECTOR_VERIFIER_H
#define DIRECTOR_VERIFIER_H

/*
 * A function that the verifier looks at once, whoever calls it, and whose pointers it takes to be null: what is large
 * or branches much. Others it follows anew from each caller. The frames of a chain of calls may take 512 bytes:
 * test/xdp/stack.test.ts.
 */
#define GLOBAL __attribute__((noinline))

/*
 * The compiler forgets here what it knows of a pointer or a number. It would compute with a pointer before it is known
 * not to be null; leave out a mask (the verifier of Linux 6.12 does not know that a swapped u16 has 16 bits); or make
 * one comparison of two, of another number than the one that is used then, of which the verifier learns nothing.
 */
#define CHECKED(value) __asm__ volatile("" : "+r"(value))

#endif
