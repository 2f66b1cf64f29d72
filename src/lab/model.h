/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * model.h - a model of the TDX module's rules for Dynamic PAMT, behind the SEAMCALL interface.
 */
#ifndef PAMT_LAB_MODEL_H
#define PAMT_LAB_MODEL_H

#include "lab/module.h"

struct model;

/*
 * A module that is READY already, all regions [first, first + nr) in one TDMR. Its state is taken
 * from os; the guest address of a page is its host address. Return: NULL if there is no memory.
 */
struct model *model_create(const struct os_services *os, region_t first, uint64_t nr);
void model_module(struct model *model, struct lab_module *module);

#endif
