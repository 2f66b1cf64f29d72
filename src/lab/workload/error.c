// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * error.c - what each error of libpamt and the vmm means to whoever reads a message.
 */
#include <stddef.h>
#include <stdlib.h>
#include <pamt/os.h>

#include "lab/workload/error.h"

const char *error_text(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{ OS_EIO, "the TDX module refused a call (-EIO)" },
		{ OS_EAGAIN, "contention did not end (-EAGAIN)" },
		{ OS_ENOMEM, "no memory (-ENOMEM)" },
		{ OS_EBUSY, "in use (-EBUSY)" },
		{ OS_ENODEV, "the TDX module does not know it (-ENODEV)" },
		{ OS_EINVAL, "not possible with these arguments (-EINVAL)" },
		{ OS_ENOSPC, "no private KeyID is free (-ENOSPC)" },
		{ OS_ERANGE, "more than there is room for (-ERANGE)" },
		{ OS_ENOTSUP, "not supported (-ENOTSUP)" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == abs(error))
			return texts[i].text;
	return "an error without a name";
}
