// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* link.cpp - a program in C++ that links both libraries and calls each: install.sh builds it. */
#include <cstdio>
#include <pamt/host.h>
#include <pamt/softseam.h>
#include <pamt/thread.h>

int main()
{
	softseam_options options = {};
	softseam *machine;
	char why[256];

	options.machine = "builtin:256g";
	if (softseam_create(&options, &machine, why, sizeof(why))) {
		std::fprintf(stderr, "%s\n", why);
		return 1;
	}

	tdx_regs regs = {};
	regs.rax = TDX_RAX(TDH_SYS_INIT, 0);
	tdx_status_t status = softseam_call(machine, 0, &regs);

	pamt_host_config config = {};
	pamt_error error = {};
	pamt_host *host = nullptr;
	int refused = pamt_host_create(softseam_services(machine), &config, &host, &error);

	softseam_destroy(machine);
	std::printf("SYS.INIT: %#llx, a host without memory: %d, %s\n",
		    static_cast<unsigned long long>(status.v), refused, error.reason);
	return 0;
}
