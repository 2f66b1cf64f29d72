/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pamt_model.h - a model of the TDX module's rules for Dynamic PAMT, behind the SEAMCALL interface.
 */
#ifndef PAMT_LAB_EXPLORE_PAMT_MODEL_H
#define PAMT_LAB_EXPLORE_PAMT_MODEL_H

#include "lab/designs/module.h"

struct pamt_model;

/*
 * A module that is READY already, all regions [first, first + nr) in one TDMR. Its state is taken
 * from os; the guest address of a page is its host address. Return: NULL if there is no memory.
 */
struct pamt_model *pamt_model_create(const struct os_services *os, region_t first, uint64_t nr);
void pamt_model_module(struct pamt_model *model, struct lab_module *module);

#endif
