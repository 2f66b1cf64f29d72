/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * probe.h - places where a running hypervisor can be watched from outside, by bpftrace, perf or
 * gdb: one no-op instruction each, and a note in the ELF file that says where it is.
 *
 * The note is of the kind that these tools know as SDT or USDT (owner "stapsdt", type 3): address
 * of the instruction, address of a symbol by which a moved file is recognised, no semaphore, then
 * provider, name and where the arguments are. It is written here and not by a header of the
 * system's, since this library sees none. Defined for user space on x86-64 (PAMT_PROBES); otherwise
 * nothing is left of a probe, its arguments are not even evaluated.
 *
 * None is on the hot path: probes are edges, SEAMCALLs and what may sleep.
 */
#ifndef PAMT_HOST_PROBE_H
#define PAMT_HOST_PROBE_H

#include <stdint.h>

/* Name, and what its two arguments (64 bits each) are. */
#define PAMT_PROBE_LIST(X)                                                                    \
	X(get_edge, "a region without a pair has got users: region, how many")                \
	X(put_edge, "the last users of a region have left: region, how many")                 \
	X(add, "PAMT.ADD has returned: region, status")                                       \
	X(remove, "PAMT.REMOVE has returned for good: region, status")                        \
	X(topup, "a cache is to be filled: pages wanted beyond what it has, pages that came") \
	X(grow, "the pool takes a chunk from the system: address, order")                     \
	X(shrink, "memory is to be given back: pages wanted, pages given")

#if defined(PAMT_PROBES) && defined(__x86_64__)
#define PROBE(name, a, b)                                                                        \
	__asm__ volatile("990:	nop\n"                                                            \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"                            \
			 ".balign 4\n"                                                           \
			 ".4byte 992f - 991f, 994f - 993f, 3\n"                                  \
			 "991:	.asciz \"stapsdt\"\n"                                             \
			 "992:	.balign 4\n"                                                      \
			 "993:	.8byte 990b, _.stapsdt.base, 0\n"                                 \
			 ".asciz \"pamt\"\n"                                                     \
			 ".asciz \"" #name "\"\n"                                                \
			 ".asciz \"8@%0 8@%1\"\n"                                                \
			 "994:	.balign 4\n"                                                      \
			 ".popsection\n"                                                         \
			 ".ifndef _.stapsdt.base\n"                                              \
			 ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
			 ".weak _.stapsdt.base\n"                                                \
			 ".hidden _.stapsdt.base\n"                                              \
			 "_.stapsdt.base: .space 1\n"                                            \
			 ".size _.stapsdt.base, 1\n"                                             \
			 ".popsection\n"                                                         \
			 ".endif\n"                                                              \
			 : /* none */                                                            \
			 : "nor"((uint64_t)(a)), "nor"((uint64_t)(b)))
#else
#define PROBE(name, a, b) ((void)0)
#endif

#endif
