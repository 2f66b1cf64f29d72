// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_state.c - the naive model's lists: what is used by whom, searched from front to back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_state.h"

static void *grow(void *list, size_t nr, size_t *max, size_t bytes)
{
	if (nr < *max)
		return list;
	*max = *max ? 2 * *max : 64;
	list = realloc(list, *max * bytes);
	if (!list)
		abort();
	return list;
}

struct model *model_create(const struct seam_config *config, struct memory *memory)
{
	struct model *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	m->config = *config;
	m->memory = memory;
	memset(m->lp_done, true, sizeof(m->lp_done));
	return m;
}

static void free_td(struct m_td *td)
{
	free(td->maps);
	free(td->vcpus);
	free(td);
}

void model_destroy(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nr_tds; i++)
		free_td(m->tds[i]);
	free(m->tds);
	free(m->pages);
	free(m->regions);
	free(m->blocks);
	free(m->inside);
	free(m);
}

void model_lose(struct model *m) { m->lost = true; }

bool model_is_lost(const struct model *m) { return m->lost; }

/* ------------------------------------------------------------------------------------------- */
/* Memory.                                                                                      */

uint64_t m_key_mask(const struct model *m)
{
	return ((UINT64_C(1) << m->config.hkid_bits) - 1)
	       << (m->config.max_pa - m->config.hkid_bits);
}

static const struct m_tdmr *find_tdmr(const struct model *m, uint64_t hpa)
{
	for (unsigned int i = 0; i < m->nr_tdmrs; i++)
		if (hpa >= m->tdmrs[i].base && hpa - m->tdmrs[i].base < m->tdmrs[i].size)
			return &m->tdmrs[i];
	return NULL;
}

bool m_covered(const struct model *m, uint64_t hpa)
{
	const struct m_tdmr *tdmr = find_tdmr(m, hpa);

	return tdmr && hpa - tdmr->base < tdmr->usable;
}

bool m_reserved(const struct model *m, uint64_t hpa)
{
	const struct m_tdmr *tdmr = find_tdmr(m, hpa);

	for (unsigned int j = 0; tdmr && j < TDX_MAX_RESERVED; j++) {
		uint64_t offset = hpa - tdmr->base;

		if (offset >= tdmr->reserved[j].offset &&
		    offset - tdmr->reserved[j].offset < tdmr->reserved[j].size)
			return true;
	}
	return false;
}

struct m_page *m_find_page(const struct model *m, uint64_t hpa)
{
	for (size_t i = m->chain[hpa / SIZE_4K % M_CHAINS]; i; i = m->pages[i - 1].next)
		if (m->pages[i - 1].hpa == (hpa & ~(SIZE_4K - 1)))
			return &m->pages[i - 1];
	return NULL;
}

struct m_region *m_find_region(const struct model *m, uint64_t hpa)
{
	for (size_t i = 0; i < m->nr_regions; i++)
		if (m->regions[i].hpa == (hpa & ~(SIZE_2M - 1)))
			return &m->regions[i];
	return NULL;
}

struct m_block *m_find_block(const struct model *m, uint64_t hpa)
{
	for (size_t i = 0; i < m->nr_blocks; i++)
		if (m->blocks[i].hpa == (hpa & ~(SIZE_1G - 1)))
			return &m->blocks[i];
	return NULL;
}

struct m_page *m_page(struct model *m, uint64_t hpa)
{
	struct m_page *page = m_find_page(m, hpa);

	if (page)
		return page;
	m->pages = grow(m->pages, m->nr_pages, &m->max_pages, sizeof(*page));
	page = &m->pages[m->nr_pages++];
	*page = (struct m_page){ .hpa = hpa & ~(SIZE_4K - 1),
				 .next = m->chain[hpa / SIZE_4K % M_CHAINS] };
	m->chain[hpa / SIZE_4K % M_CHAINS] = m->nr_pages;
	return page;
}

struct m_region *m_region(struct model *m, uint64_t hpa)
{
	struct m_region *region = m_find_region(m, hpa);

	if (region)
		return region;
	m->regions = grow(m->regions, m->nr_regions, &m->max_regions, sizeof(*region));
	region = &m->regions[m->nr_regions++];
	*region = (struct m_region){ .hpa = hpa & ~(SIZE_2M - 1) };
	return region;
}

void m_add_block(struct model *m, uint64_t hpa, uint64_t owner)
{
	m->blocks = grow(m->blocks, m->nr_blocks, &m->max_blocks, sizeof(*m->blocks));
	m->blocks[m->nr_blocks++] = (struct m_block){ hpa, owner };
}

void m_drop_block(struct model *m, uint64_t hpa)
{
	struct m_block *block = m_find_block(m, hpa);

	*block = m->blocks[m->nr_blocks - 1];
	m->nr_blocks--;
}

unsigned int m_level(const struct model *m, uint64_t hpa)
{
	const struct m_region *region = m_find_region(m, hpa);

	if (m_find_block(m, hpa))
		return TDX_1G;
	if (region && region->leaf)
		return TDX_2M;
	return m->dynamic && !(region && region->has_pair) ? TDX_2M : TDX_4K;
}

int m_type(const struct model *m, uint64_t hpa)
{
	const struct m_region *region = m_find_region(m, hpa);
	const struct m_page *page = m_find_page(m, hpa);

	if (m_find_block(m, hpa) || (region && region->leaf))
		return TDX_PT_REG;
	if (page && page->type != TDX_PT_NDA)
		return page->type;
	return !m->dynamic && m_reserved(m, hpa) ? TDX_PT_RSVD : TDX_PT_NDA;
}

uint64_t m_owner(const struct model *m, uint64_t hpa)
{
	const struct m_block *block = m_find_block(m, hpa);
	const struct m_region *region = m_find_region(m, hpa);
	const struct m_page *page = m_find_page(m, hpa);

	if (block)
		return block->owner;
	if (region && region->leaf)
		return region->owner;
	return page ? page->owner : 0;
}

bool m_donated(const struct model *m, uint64_t hpa)
{
	const struct m_page *page = m_find_page(m, hpa);

	return m->dynamic && ((page && page->donated) || m_reserved(m, hpa));
}

unsigned int m_count(const struct model *m, uint64_t hpa)
{
	unsigned int n = 0;

	for (size_t i = 0; i < m->nr_pages; i++)
		if ((m->pages[i].hpa & ~(SIZE_2M - 1)) == (hpa & ~(SIZE_2M - 1)) &&
		    m->pages[i].type != TDX_PT_NDA)
			n++;
	return n;
}

bool m_region_is_free(const struct model *m, uint64_t hpa)
{
	uint64_t base = hpa & ~(SIZE_2M - 1);
	const struct m_region *region = m_find_region(m, base);

	if (m_find_block(m, base) || (region && (region->leaf || region->has_pair)))
		return false;
	for (size_t i = 0; i < m->nr_pages; i++)
		if ((m->pages[i].hpa & ~(SIZE_2M - 1)) == base &&
		    (m->pages[i].type != TDX_PT_NDA || m->pages[i].donated))
			return false;
	for (uint64_t at = base; at < base + SIZE_2M; at += SIZE_4K)
		if (m_reserved(m, at))
			return false;
	return true;
}

bool m_free_page(struct model *m, uint64_t hpa)
{
	m_page(m, hpa)->type = TDX_PT_NDA;
	return m->dynamic && m_count(m, hpa) == 0;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs.                                                                                         */

struct m_td *m_find_td(const struct model *m, uint64_t tdr)
{
	for (size_t i = 0; i < m->nr_tds; i++)
		if (m->tds[i]->tdr == tdr)
			return m->tds[i];
	return NULL;
}

struct m_td *m_add_td(struct model *m, uint64_t tdr, uint16_t hkid)
{
	struct m_td *td = calloc(1, sizeof(*td));

	m->tds = realloc(m->tds, (m->nr_tds + 1) * sizeof(*m->tds));
	if (!td || !m->tds)
		abort();
	td->tdr = tdr;
	td->hkid = hkid;
	m->tds[m->nr_tds++] = td;
	return td;
}

void m_drop_td(struct model *m, uint64_t tdr)
{
	for (size_t i = 0; i < m->nr_tds; i++)
		if (m->tds[i]->tdr == tdr) {
			free_td(m->tds[i]);
			m->tds[i] = m->tds[--m->nr_tds];
			return;
		}
}

struct m_vcpu *m_find_vcpu(const struct model *m, uint64_t tdvpr, struct m_td **td)
{
	for (size_t i = 0; i < m->nr_tds; i++)
		for (size_t k = 0; k < m->tds[i]->nr_vcpu_pages; k++)
			if (m->tds[i]->vcpus[k].tdvpr == tdvpr) {
				*td = m->tds[i];
				return &m->tds[i]->vcpus[k];
			}
	return NULL;
}

void m_add_vcpu(struct m_td *td, uint64_t tdvpr)
{
	td->vcpus = realloc(td->vcpus, (td->nr_vcpu_pages + 1) * sizeof(*td->vcpus));
	if (!td->vcpus)
		abort();
	td->vcpus[td->nr_vcpu_pages++] = (struct m_vcpu){ .tdvpr = tdvpr, .pages = 1 };
}

void m_begin_td(struct m_td *td, unsigned int pwl, bool gpaw, unsigned int max_vcpus)
{
	td->pwl = pwl;
	td->shared_bit = td->gpa_bits = gpaw ? 51 : 47;
	td->max_vcpus = max_vcpus;
	td->epoch = 1;
	td->hp_timeout_us = 1000000;
}

struct m_map *m_find_map(const struct m_td *td, uint64_t gpa, unsigned int level)
{
	for (size_t i = 0; i < td->nr_maps; i++)
		if (td->maps[i].level == level && td->maps[i].gpa == gpa)
			return &td->maps[i];
	return NULL;
}

const struct m_map *m_find_leaf(const struct m_td *td, uint64_t gpa)
{
	for (unsigned int l = td->pwl + 1; l-- > 0;) {
		const struct m_map *map =
			m_find_map(td, gpa & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(l)) - 1), l);

		if (!map || !map->table)
			return map;
		if (map->blocked)
			return NULL;
	}
	return NULL;
}

struct m_map *m_add_map(struct m_td *td, const struct m_map *map)
{
	td->maps = grow(td->maps, td->nr_maps, &td->max_maps, sizeof(*map));
	td->maps[td->nr_maps] = *map;
	return &td->maps[td->nr_maps++];
}

void m_drop_map(struct m_td *td, uint64_t gpa, unsigned int level)
{
	struct m_map *map = m_find_map(td, gpa, level);

	*map = td->maps[td->nr_maps - 1];
	td->nr_maps--;
}

/* ------------------------------------------------------------------------------------------- */
/* What is set from outside.                                                                    */

void model_force_td(struct model *m, uint64_t tdr, enum tdx_op_state state, unsigned int pwl,
		    bool gpaw)
{
	struct m_td *td = m_find_td(m, tdr);

	if (!td) {
		m->lost = true;
		return;
	}
	td->op_state = state;
	if (td->pwl)
		return;
	td->attributes = TDX_ATTR_SEPT_VE_DISABLE;
	m_begin_td(td, pwl, gpaw, 4);
}

void model_num_vcpus(struct model *m, uint64_t tdr, uint32_t n)
{
	struct m_td *td = m_find_td(m, tdr);

	if (td)
		td->nr_vcpus = n;
	else
		m->lost = true;
}

void model_assoc_vcpus(struct model *m, uint64_t tdr, uint32_t n)
{
	struct m_td *td = m_find_td(m, tdr);

	if (td)
		td->nr_assoc = n;
	else
		m->lost = true;
}

void model_vcpu_state(struct model *m, uint64_t tdvpr, uint32_t state)
{
	struct m_td *td;
	struct m_vcpu *vcpu = m_find_vcpu(m, tdvpr, &td);

	if (vcpu) {
		vcpu->state = state;
		vcpu->forced = true;
	} else {
		m->lost = true;
	}
}

void model_epf(struct model *m, uint64_t tdvpr, const uint64_t *gpa, unsigned int nr)
{
	struct m_td *td;
	struct m_vcpu *vcpu = m_find_vcpu(m, tdvpr, &td);

	if (!vcpu) {
		m->lost = true;
		return;
	}
	vcpu->nr_epf = nr;
	for (unsigned int i = 0; i < nr; i++)
		vcpu->epf[i] = gpa[i];
}

void model_lp_init(struct model *m, uint32_t lp, bool done) { m->lp_done[lp] = done; }

void model_td_fatal(struct model *m, uint64_t tdr, bool fatal)
{
	struct m_td *td = m_find_td(m, tdr);

	if (td)
		td->fatal = fatal;
	else
		m->lost = true;
}

void model_enter(struct model *m, uint64_t tdr, uint32_t id)
{
	struct m_td *td = m_find_td(m, tdr);

	if (!td) {
		m->lost = true;
		return;
	}
	m->inside = realloc(m->inside, (m->nr_inside + 1) * sizeof(*m->inside));
	if (!m->inside)
		abort();
	m->inside[m->nr_inside++] = (struct m_inside){ id, tdr, td->epoch & 1 };
	td->inside[td->epoch & 1]++;
}

void model_exit(struct model *m, uint32_t id)
{
	for (size_t i = 0; i < m->nr_inside; i++)
		if (m->inside[i].id == id) {
			struct m_td *td = m_find_td(m, m->inside[i].tdr);

			if (td)
				td->inside[m->inside[i].parity]--;
			m->inside[i] = m->inside[--m->nr_inside];
			return;
		}
}

/* ------------------------------------------------------------------------------------------- */
/* Comparison with the module.                                                                  */

static bool differ(char *why, size_t why_size, const char *what, uint64_t at, uint64_t expected,
		   uint64_t got)
{
	snprintf(why, why_size, "%s of 0x%llx: 0x%llx, the model has 0x%llx", what,
		 (unsigned long long)at, (unsigned long long)got, (unsigned long long)expected);
	return false;
}

static bool same_region(const struct model *m, const struct m_region *region, struct seam *seam,
			char *why, size_t why_size)
{
	struct seam_debug_entry entry = { 0 };
	int type = region->leaf && !m_find_block(m, region->hpa) ? TDX_PT_REG
		   : region->has_pair				 ? TDX_PT_PAMT
								 : TDX_PT_NDA;

	seam_debug_pamt(seam, hpa(region->hpa), TDX_2M, &entry);
	if ((int)entry.type != type)
		return differ(why, why_size, "2M type", region->hpa, (uint64_t)type, entry.type);
	if (type == TDX_PT_REG && entry.owner.v != region->owner)
		return differ(why, why_size, "2M owner", region->hpa, region->owner, entry.owner.v);
	if (type != TDX_PT_PAMT)
		return true;
	if (entry.count != m_count(m, region->hpa))
		return differ(why, why_size, "page count", region->hpa, m_count(m, region->hpa),
			      entry.count);
	for (int i = 0; i < 2; i++)
		if (entry.pair[i].v != region->pair[i])
			return differ(why, why_size, "pair", region->hpa, region->pair[i],
				      entry.pair[i].v);
	return true;
}

static bool same_page(const struct model *m, const struct m_page *page, struct seam *seam,
		      char *why, size_t why_size)
{
	struct seam_debug_entry entry = { 0 };
	bool reserved = m_reserved(m, page->hpa), donated = page->donated || reserved;
	int type = page->type;

	if (m->dynamic && seam_debug_bitmap(seam, hpa(page->hpa)) != donated)
		return differ(why, why_size, "bit", page->hpa, donated, !donated);
	if (type == TDX_PT_NDA && !m->dynamic && reserved)
		type = TDX_PT_RSVD;
	if (m_level(m, page->hpa) != TDX_4K)
		return true;
	seam_debug_pamt(seam, hpa(page->hpa), TDX_4K, &entry);
	if ((int)entry.type != type)
		return differ(why, why_size, "4K type", page->hpa, (uint64_t)type, entry.type);
	if (page->type != TDX_PT_NDA && entry.owner.v != page->owner)
		return differ(why, why_size, "4K owner", page->hpa, page->owner, entry.owner.v);
	return true;
}

bool model_same_metadata(const struct model *m, struct seam *seam, char *why, size_t why_size)
{
	uint64_t children;

	for (size_t i = 0; i < m->nr_regions; i++)
		if (!same_region(m, &m->regions[i], seam, why, why_size))
			return false;
	for (size_t i = 0; i < m->nr_pages; i++)
		if (!same_page(m, &m->pages[i], seam, why, why_size))
			return false;
	for (size_t i = 0; i < m->nr_tds; i++) {
		if (seam_debug_chldcnt(seam, hpa(m->tds[i]->tdr), &children))
			return differ(why, why_size, "TDR", m->tds[i]->tdr, 1, 0);
		if (children != m->tds[i]->children)
			return differ(why, why_size, "CHLDCNT", m->tds[i]->tdr, m->tds[i]->children,
				      children);
	}
	return true;
}
