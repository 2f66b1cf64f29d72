// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bare.c - a machine without an operating system that asks its processor what the plugin should
 * answer: CPUID, MSRs, CR4, the VMX instructions and every reader of the flags behind them,
 * MOVDIR64B, SEAMCALL. Prints KTAP on the debug console. With the command line "late" it runs into
 * a reader of flags that the plugin cannot serve.
 */
#include <stdbool.h>
#include <stdint.h>

#define CONSOLE	 0xe9
#define EXIT	 0x501
#define CR4_VMXE (1ul << 13)

#define FLAG_CF 0x001u
#define FLAGS	0x8d5u

void bare_main(const char *command_line);
unsigned int late_reader(void);
uint32_t cpuid_at_page_end(void);
uint32_t cpuid_in_full_block(void);
extern volatile uint64_t faults;
extern void *volatile resume_at;
extern uint8_t vmcs[4096];
extern volatile uint64_t interrupt_status;
extern volatile uint8_t interrupt_carry;
extern uint16_t idt[32][8];
void calling_gate(void);
uint64_t seamcall_in_32_bit_code(void);

enum { JCC, JCC_NEAR, SETCC, SETCC_MEMORY, CMOV, CMOV_MEMORY, PUSHF, LAHF, KINDS };
extern uint32_t (*const readers[KINDS][2][16])(void);

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void print(const char *text)
{
	while (*text)
		out8(CONSOLE, (uint8_t)*text++);
}

static void print_number(uint64_t value, unsigned int base)
{
	char text[24], *at = text + sizeof(text);

	*--at = 0;
	do
		*--at = "0123456789abcdef"[value % base];
	while (value /= base);
	print(at);
}

static unsigned int tests, failures;

static void check(const char *name, bool fine)
{
	print(fine ? "ok " : "not ok ");
	print_number(++tests, 10);
	print(" ");
	print(name);
	print("\n");
	failures += !fine;
}

static void note(const char *what, uint64_t value)
{
	print("# ");
	print(what);
	print(" 0x");
	print_number(value, 16);
	print("\n");
}

/* ------------------------------------------------------------------------------------------- */

static uint32_t cpuid_ecx(uint32_t leaf)
{
	uint32_t a = leaf, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static uint64_t read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

static void write_cr4(uint64_t value) { __asm__ volatile("mov %0, %%cr4" : : "r"(value)); }

/* Was there an exception in these instructions? */
#define FAULTS(instructions, ...)                                                              \
	({                                                                                     \
		uint64_t before_ = faults;                                                     \
		__asm__ volatile("movq $1f, resume_at\n" instructions "\n1:" : : __VA_ARGS__); \
		faults != before_;                                                             \
	})

static bool vmxon(void)
{
	uint64_t at = (uint64_t)vmcs;

	return !FAULTS("vmxon %0", "m"(at) : "memory", "cc");
}

/* SEAMCALL with leaf 0xffff, which is none: the module says so. */
static bool seamcall(uint64_t *status)
{
	uint64_t rax = 0xffff;
	uint8_t carry;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf\nsetc %1"
			 : "+a"(rax), "=r"(carry)
			 :
			 : "memory", "cc");
	*status = rax;
	return !carry;
}

/* The same in the handler of an interrupt. */
static bool seamcall_in_interrupt(uint64_t *status)
{
	idt[31][0] = (uint16_t)(uint64_t)calling_gate;
	idt[31][3] = (uint16_t)((uint64_t)calling_gate >> 16);
	__asm__ volatile("int $31" : : : "memory", "cc");
	*status = interrupt_status;
	return !interrupt_carry;
}

static bool condition_holds(unsigned int condition, uint32_t flags)
{
	bool cf = flags & 1, pf = flags & 4, zf = flags & 0x40, sf = flags & 0x80,
	     of = flags & 0x800;
	const bool holds[8] = { of, cf, zf, cf || zf, sf, pf, sf != of, zf || sf != of };

	return holds[condition >> 1] != (condition & 1);
}

/* All conditions behind an instruction that works and one that fails. */
static bool reader_is_right(unsigned int kind)
{
	bool fine = true;

	for (unsigned int fails = 0; fails < 2; fails++) {
		for (unsigned int n = 0; n < 16; n++) {
			uint32_t flags = fails ? FLAG_CF : 0, want = condition_holds(n, flags), got;

			if (kind == PUSHF || kind == LAHF)
				want = flags;
			got = readers[kind][fails][n]();
			if (got == want)
				continue;
			note(fails ? "behind one that fails, condition"
				   : "behind one that works, condition",
			     n);
			note("gave", got);
			fine = false;
		}
	}
	return fine;
}

static bool movdir64b_copies(void)
{
	static uint8_t from[192], to[192] __attribute__((aligned(64)));

	for (unsigned int i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + 1);
	__asm__ volatile("movdir64b %0, %1" : : "m"(from[5]), "r"(to + 64) : "memory");
	for (unsigned int i = 0; i < sizeof(to); i++)
		if (to[i] != (i >= 64 && i < 128 ? from[5 + i - 64] : 0))
			return false;
	return true;
}

static void test_processor(void)
{
	uint64_t at = (uint64_t)vmcs;

	check("cpuid_shows_vmx", cpuid_ecx(1) & 1 << 5);
	check("cpuid_shows_movdir64b_and_tme",
	      (cpuid_ecx(7) & (1 << 28 | 1 << 13)) == (1 << 28 | 1 << 13));
	check("cpuid_at_the_end_of_a_page", cpuid_at_page_end() & 1 << 5);
	check("cpuid_at_the_end_of_a_full_block", cpuid_in_full_block() & 1 << 5);
	check("vmx_is_enabled_and_locked", (rdmsr(0x3a) & 5) == 5);
	check("there_is_no_l1tf", rdmsr(0x10a) & 1);
	check("there_are_keyids_for_tds", rdmsr(0x87) >> 32 >= 2);
	check("movdir64b_copies_a_line", movdir64b_copies());
	check("vmxon_is_undefined_without_vmxe", !vmxon());
	write_cr4(read_cr4() | CR4_VMXE);
	check("vmxe_can_be_set_and_is_read", read_cr4() & CR4_VMXE);
	check("seamcall_is_undefined_without_vmxon",
	      FAULTS(".byte 0x66, 0x0f, 0x01, 0xcf", "a"(0xffff)
		     : "memory", "cc"));
	check("vmclear_is_undefined_without_vmxon", FAULTS("vmclear %0", "m"(at) : "memory", "cc"));
}

static void test_vmx(void)
{
	static const char *const names[KINDS] = {
		"jcc_is_right_behind_a_vmx_instruction",
		"near_jcc_is_right_behind_a_vmx_instruction",
		"setcc_is_right_behind_a_vmx_instruction",
		"setcc_of_memory_is_right_behind_a_vmx_instruction",
		"cmov_is_right_behind_a_vmx_instruction",
		"cmov_of_memory_is_right_behind_a_vmx_instruction",
		"pushf_is_right_behind_a_vmx_instruction",
		"lahf_is_right_behind_a_vmx_instruction",
	};
	uint64_t status;

	check("vmxon_works", vmxon());
	for (unsigned int kind = 0; kind < KINDS; kind++)
		check(names[kind], reader_is_right(kind));
	check("seamcall_reaches_the_module", seamcall(&status) && status >> 63);
	note("it says", status);
	check("seamcall_of_an_interrupt_reaches_the_module",
	      seamcall_in_interrupt(&status) && status >> 63);
	check("seamcall_is_undefined_in_32_bit_code", seamcall_in_32_bit_code() == 1);
	__asm__ volatile("vmxoff" : : : "cc");
	check("vmxoff_works", FAULTS("vmxoff", "a"(0) : "cc"));
	write_cr4(read_cr4() & ~CR4_VMXE);
	check("vmxe_can_be_cleared", !(read_cr4() & CR4_VMXE));
}

void bare_main(const char *command_line)
{
	const char *word = command_line;

	/* Behind the name of the image. */
	while (*word && *word != ' ')
		word++;
	print("KTAP version 1\n");
	test_processor();
	if (*word == ' ' && word[1] == 'l' && vmxon())
		late_reader();
	test_vmx();
	print("1..");
	print_number(tests, 10);
	print("\n");
	out8(EXIT, failures ? 1 : 42);
}
