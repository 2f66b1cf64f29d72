// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stock.c - what is drawn before the MMU lock is taken, and how it goes back or is lost: control
 * pages, pairs, mirror nodes, guest memory.
 */
#include "vmm/td.h"

/* As the system's allocator counts. */
static const unsigned int size_order[] = { [TDX_4K] = 0, [TDX_2M] = 9 };

int td_stock_topup(struct td *td, struct td_stock *stock, unsigned int control, unsigned int pairs)
{
	const struct os_services *os = td->vmm->os;
	const struct vmm_backing *backing = td->vmm->backing;
	int error = backing->topup(td->vmm->backing_state, &stock->pages, control, pairs);

	/* What was drawn stays in the stock: the next try begins with it. */
	if (error)
		return error;
	/* Every S-EPT page has its node in the mirror. */
	while (stock->nr_nodes < control) {
		struct mirror_node *node = os->alloc(os->ctx, sizeof(*node));

		if (!node)
			return -OS_ENOMEM;
		td_stock_return_node(stock, node);
	}
	return 0;
}

int td_stock_for_fault(struct td *td, struct td_stock *stock)
{
	return td_stock_topup(td, stock, td_fault_control(td->mirror.levels), TD_FAULT_PAIRS);
}

void td_stock_free(struct td *td, struct td_stock *stock)
{
	const struct os_services *os = td->vmm->os;
	struct mirror_node *node;

	while ((node = td_stock_node(stock)))
		os->free(os->ctx, node);
	td->vmm->backing->cache_free(td->vmm->backing_state, &stock->pages);
}

struct mirror_node *td_stock_node(struct td_stock *stock)
{
	struct mirror_node *node = stock->nodes;

	if (node) {
		stock->nodes = node->next;
		stock->nr_nodes--;
	}
	return node;
}

void td_stock_return_node(struct td_stock *stock, struct mirror_node *node)
{
	node->next = stock->nodes;
	stock->nodes = node;
	stock->nr_nodes++;
}

/* Near the TD's vCPUs if there is memory, elsewhere before not at all. */
tdx_hpa_t td_alloc_memory(struct td *td, enum tdx_size size)
{
	const struct vmm_backing *backing = td->vmm->backing;
	const struct os_services *os = td->vmm->os;
	tdx_hpa_t page = os->alloc_pages(os->ctx, size_order[size], td->config.node);

	if (hpa_is_none(page) && td->config.node != OS_ANY_NODE)
		page = os->alloc_pages(os->ctx, size_order[size], OS_ANY_NODE);
	if (hpa_is_none(page) || !backing->take ||
	    !backing->take(td->vmm->backing_state, hpa_to_pfn(page), size))
		return page;
	os->free_pages(os->ctx, page, size_order[size]);
	return HPA_NONE;
}

void td_free_memory(struct td *td, tdx_hpa_t page, enum tdx_size size)
{
	const struct vmm_backing *backing = td->vmm->backing;

	if (backing->give)
		backing->give(td->vmm->backing_state, hpa_to_pfn(page), size);
	td->vmm->os->free_pages(td->vmm->os->ctx, page, size_order[size]);
}

int td_alloc_page(struct td *td, struct td_stock *stock, tdx_hpa_t *page)
{
	return td->vmm->backing->alloc_page(td->vmm->backing_state, td->config.node,
					    stock ? &stock->pages : NULL, page);
}

void td_free_page(struct td *td, tdx_hpa_t page, bool last)
{
	td->vmm->backing->free_page(td->vmm->backing_state, page, last);
}

void td_put(struct td *td, tdx_hpa_t page, enum tdx_size size, bool last)
{
	const struct vmm_backing *backing = td->vmm->backing;

	if (size == TDX_4K)
		backing->put(td->vmm->backing_state, hpa_to_pfn(page), last);
	else if (backing->release_2m)
		backing->release_2m(td->vmm->backing_state, hpa_to_pfn(page));
}

void td_leak(struct td *td, tdx_hpa_t page, uint64_t pages, const char *why, tdx_status_t status)
{
	td->leaked_pages += pages;
	vmm_leak(td->vmm, page, pages, why, status);
}
