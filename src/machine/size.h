/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * size.h - numbers and sizes as people, QEMU, libvirt and Kubernetes write them.
 */
#ifndef PAMT_MACHINE_SIZE_H
#define PAMT_MACHINE_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * size_parse - a number, decimal or with 0x, and what it counts: "512", "0x1000", "16G", "16GB",
 * "16GiB", "16Gi", "16 GB", "2815m", "2.5T". K, M, G, T and P are powers of 1024 however they are
 * written. With a point, which needs a unit, the result is rounded up to a multiple of 4096.
 * False: it is none, or does not fit 64 bits.
 */
bool size_parse(const char *text, uint64_t *value);

#endif
