# SPDX-License-Identifier: MIT
# Builds the kernel, its programs and its tests; tools/run.py does all that concerns the machine.
# `make help` lists targets and knobs. What is built stands under build/; nothing else is written.

MAKEFLAGS += --no-builtin-rules
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
export LC_ALL := C
export PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache

# The knobs of a run, handed to tools/run.py through the environment, byte for byte.
KNOBS := PROG ELF ARGS OVERLAY CMD SMP MEM ACCEL ICOUNT FIRMWARE QEMU_ARGS SWAP LIMIT KARGS DISK \
	DISK_SIZE RAMDISK KEEP FAULTS TRACE GDB_PORT GDB_SCRIPT \
	RACE_SEED PACKAGES
$(foreach k,$(KNOBS),$(if $(filter-out undefined,$(origin $k)),\
	$(eval override export $k := $$(value $k))))

# ---- Tools -------------------------------------------------------------------------------------
ifeq ($(origin CC),default)
CC := gcc
endif
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)

GOALS := $(or $(MAKECMDGOALS),all)
SETS := run $(if $(filter test booted debug record rewind pictures,$(GOALS)),debug) \
	$(if $(filter test booted record rewind,$(GOALS)),record) \
	$(if $(filter test booted unit host coverage oracle fuzz,$(GOALS)),test) \
	$(if $(filter test booted bochs,$(GOALS)),bochs) $(if $(filter test model,$(GOALS)),model) \
	$(if $(filter test host coverage,$(GOALS)),coverage) $(if $(filter fuzz,$(GOALS)),clang) \
	$(if $(filter oracle bench test,$(GOALS)),linux) $(if $(filter bench,$(GOALS)),bench) \
	$(if $(filter see watch see-test pictures,$(GOALS)),see) $(if $(filter see-test pictures,$(GOALS)),browser) \
	$(if $(findstring clang,$(CC)),clang) $(if $(filter uefi,$(FIRMWARE)),uefi)
ifneq ($(filter-out clean help doctor check-tools format,$(GOALS)),)
ifneq ($(shell tools/doctor.sh $(SETS) </dev/null >&2 && echo found),found)
$(error tools are missing, see above)
endif
endif

have = $(shell command -v $(1) 2>/dev/null)
ifeq ($(origin CROSS_COMPILE),undefined)
CROSS_COMPILE := $(firstword $(foreach p,x86_64-linux-gnu- x86_64-elf-,$(if $(call have,$pld),$p)))
endif
ifneq ($(findstring clang,$(CC)),)
KCC := $(CC) --target=x86_64-linux-gnu
else
KCC := $(or $(if $(filter gcc,$(CC)),$(call have,$(CROSS_COMPILE)gcc)),$(CC))
endif
LD := $(CROSS_COMPILE)ld
READELF := $(CROSS_COMPILE)readelf
STRIP := $(CROSS_COMPILE)strip
UCC := musl-gcc

# ---- Flags -------------------------------------------------------------------------------------
CONFIG_DEBUG := $(if $(filter-out 0,$(DEBUG)),1,0)
KASAN ?= 1
CONFIG_KASAN := $(if $(filter-out 0,$(KASAN)),$(CONFIG_DEBUG),0)
B := build/$(if $(filter 1,$(CONFIG_DEBUG)),debug,kernel)
WERROR_FLAG := $(if $(filter-out 0,$(WERROR)),-Werror)
WARN := -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare $(WERROR_FLAG)
CFLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-strict-aliasing \
	-fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-common \
	-nostdinc -isystem $(shell $(KCC) -print-file-name=include 2>/dev/null) \
	-I. -Iarch/x86_64/include -DCONFIG_DEBUG=$(CONFIG_DEBUG) \
	-DCONFIG_KASAN=$(CONFIG_KASAN) $(WARN) -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla
# Debug kernels check themselves (docs/debugging.md); the checkers and their reports are not checked.
# object-size is left out: to gcc a symbol of the linker is an object of one byte. With the checks
# in place gcc 12 takes "within 0..63" for out of bounds of 64: that warning is the release build's.
ifeq ($(CONFIG_DEBUG),1)
SANITIZE := -fsanitize=shift,integer-divide-by-zero,unreachable,vla-bound,null,bounds,alignment \
	-fsanitize=signed-integer-overflow,bool,enum,pointer-overflow,builtin,nonnull-attribute \
	-Wno-array-bounds -fno-optimize-sibling-calls
endif
IMAGE_KIB := $(if $(filter 1,$(CONFIG_DEBUG)),4096,1024)
UNSEEN := mm/frame/slab.c mm/frame/slab_debug.c mm/frame/alloc.c mm/audit/slabs.c mm/audit/names.c lib/string.c # they may touch what others may not
$B/kernel/debug/%.c.o: SANITIZE :=
$B/kernel/debug/%.c.o $(UNSEEN:%=$B/%.o): KASAN_FLAGS :=
ASFLAGS := -f elf64 -g -F dwarf -I. -DCONFIG_DEBUG=$(CONFIG_DEBUG) $(WERROR_FLAG)
LDFLAGS := -n -T linker.ld -z max-page-size=4096 -z noexecstack --build-id=none
ifeq ($(CONFIG_KASAN),1)
LDFLAGS += $(addprefix --wrap=,memcpy memmove memset memcmp strlen copy_to_user copy_from_user)
KASAN_FLAGS := -fsanitize=kernel-address $(addprefix $(if $(findstring clang,$(CC)),-mllvm -asan-,\
	--param asan-),instrumentation-with-call-threshold=0 stack=0 globals=0)
endif
UCFLAGS := -static -no-pie -O2 -g -std=gnu17 -D_GNU_SOURCE -Iuser $(WARN)
UNIT_CFLAGS := -std=gnu17 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -DCONFIG_DEBUG=1 \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-Itests/host/include -Iarch/x86_64/include -I. $(WARN)

# ---- What there is -----------------------------------------------------------------------------
SOURCES := $(sort $(shell find boot arch/x86_64 lib kernel mm fs drivers \
	\( -name '*.c' -o -name '*.asm' \) ! -name '.*' ! -path arch/x86_64/vdso/user.c \
	$(if $(filter 0,$(CONFIG_DEBUG)),! -path 'kernel/debug/*') \
	$(if $(filter 0,$(CONFIG_KASAN)),! -path 'kernel/debug/kasan.c') 2>/dev/null))
OBJECTS := $(SOURCES:%=$B/%.o)
USER_LIB := probe screen tap
PROGRAMS := $(filter-out $(USER_LIB),$(basename $(notdir $(wildcard user/*.c))))
TEST_PROGRAMS := $(basename $(notdir $(wildcard tests/programs/*.c)))
UNITS := $(basename $(notdir $(wildcard tests/unit/test_*.c)))
LIB_OBJECTS := $(patsubst user/%.c,build/user/lib/%.o,$(wildcard $(USER_LIB:%=user/%.c)))
KERNEL := $B/faultline.elf
IMAGE := $B/faultline
USER := $(PROGRAMS:%=build/user/%)
TESTS := $(TEST_PROGRAMS:%=build/tests/%)

# A file that changes when, and only when, the text it records does: objects depend on their flags.
record = $(if $(filter-out x$(strip $(file <$(1))),x$(strip $(2))),\
	$(shell mkdir -p $(dir $(1)))$(file >$(1),$(2)))
ifneq ($(filter-out clean help doctor check-tools format,$(GOALS)),)
$(call record,$B/flags,$(KCC) $(CFLAGS) $(SANITIZE) $(KASAN_FLAGS) nasm $(ASFLAGS))
$(call record,$B/link,$(LD) $(LDFLAGS) $(OBJECTS))
$(call record,build/user/flags,$(UCC) $(UCFLAGS) $(LIB_OBJECTS))
$(call record,build/unit/flags,$(CC) $(UNIT_CFLAGS))
endif

# Progress goes to standard error: in `make run` standard output belongs to the program.
say = @mkdir -p $(@D); printf '  %-7s %s\n' $(1) $(2) >&2; $(if $(V),set -x;)

# ---- Targets -----------------------------------------------------------------------------------
.PHONY: all kernel user run trace docs docs-check bochs run-machine bochs-machine debug record rewind test unit booted doctor check-tools clean format help
all: kernel user compile_commands.json ## build the kernel and the programs
kernel: $(IMAGE)
user: $(USER)

# tools/exit.c teaches make to end with the status of the guest's program instead of its own 2.
ifneq ($(filter run bochs,$(GOALS)),)
ifeq ($(wildcard build/exit.so),)
$(shell mkdir -p build && gcc -shared -fPIC -O2 -o build/exit.so tools/exit.c >&2)
endif
ifneq ($(wildcard build/exit.so),)
load build/exit.so
endif
endif
RUN := $(PYTHON) tools/run.py --kernel $(KERNEL) --env

run-machine bochs-machine: %-machine: kernel user
	@mkdir -p build/run; rm -f build/run/status; $(RUN) $*; echo $$? >build/run/status

run: run-machine ## boot to a shell, or run PROG=, ELF= or CMD= and end with its status
bochs: bochs-machine ## the same in Bochs, which has what QEMU's TCG lacks: PCID, x2APIC; no swap
run bochs:
	@$(exit-with $(file <build/run/status))exit $$(cat build/run/status)

trace: $(if $(TRACE_FILE),,kernel user) ## run PROG=, ELF= or CMD= and tell each page fault: STYLE= WHO= TRACE_FILE=
	@$(PYTHON) tools/trace/story.py --kernel $(KERNEL) --style "$(or $(STYLE),story)" \
		$(if $(WHO),--who "$(WHO)") $(if $(ELF),--elf "$(ELF)") $(if $(TRACE_FILE),"$(TRACE_FILE)")

docs: kernel user $(TESTS) ## make the stories and tables of docs/fault-path.md anew, from recorded runs
	@$(PYTHON) tools/docs.py --kernel $(KERNEL)

docs-check: kernel user $(TESTS) ## compare docs/fault-path.md with the sources and with new runs; write nothing
	@$(PYTHON) tools/docs.py --compare --kernel $(KERNEL)

debug: kernel user ## the same machine, stopped, with gdb attached
	@$(RUN) debug

record: kernel user ## a run that can be gone back in: what came from outside is kept in build/record
	@$(RUN) record

rewind: kernel user ## gdb at the end of the recorded run: reverse-step, previous-fault (docs/rewind.md)
	@$(RUN) rewind

# The judges add to it: tests/*/rules.mk.
test: kernel user $(TESTS) $(UNITS:%=build/unit/%) ## host tests, then booted tests
	@$(PYTHON) tests/run.py unit $(JUDGES) booted

unit: $(UNITS:%=build/unit/%) ## the host unit tests alone
	@$(PYTHON) tests/run.py unit

booted: kernel user $(TESTS) ## the booted tests alone
	@$(PYTHON) tests/run.py booted

doctor: ## find missing tools; as root, install them
	@tools/doctor.sh -v run test model bochs coverage linux bench debug record see clang $(SETS)

check-tools: ## only tell which tools are missing
	@tools/doctor.sh -v -n run test model bochs coverage linux bench debug record see browser clang uefi format

format: ## apply .clang-format to the C sources (headers are tables, kept by hand)
	@tools/doctor.sh format
	@find arch lib kernel mm fs drivers user tests -name '*.c' 2>/dev/null | \
		xargs -r clang-format -i

clean: ## remove what was built
	@rm -rf build compile_commands.json

help: ## this text
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@$(PYTHON) tools/run.py --help-knobs
	@printf '\nBuild: CC=gcc|clang CROSS_COMPILE=prefix- DEBUG=1 KASAN=0 (off in a debug kernel) WERROR=1 V=1\n'
	@printf 'Tests: T=pattern (such as T=runner) JOBS=n V=1 FUZZ_SECONDS=n\n'

# ---- Kernel ------------------------------------------------------------------------------------
$B/%.c.o: %.c $B/flags
	$(call say,CC,$<) $(KCC) $(CFLAGS) $(SANITIZE) $(KASAN_FLAGS) -MMD -MP -c -o $@ $<

$B/%.asm.o: %.asm $B/flags
	$(call say,NASM,$<) nasm $(ASFLAGS) -MD $(@:.o=.d) -MP -o $@ $<

# The vDSO runs in user mode: a shared object by itself, of which the kernel holds the bytes.
VDSO_CFLAGS := -std=gnu17 -O2 -ffreestanding -fPIC -mno-mmx -mno-sse -fno-stack-protector \
	-fasynchronous-unwind-tables -fcf-protection=none -I. -Iarch/x86_64/include $(WARN)

$B/vdso.so: arch/x86_64/vdso/user.c arch/x86_64/vdso/vdso.lds arch/x86_64/include/asm/vdso.h $B/flags
	$(call say,VDSO,$@) $(KCC) $(VDSO_CFLAGS) -c -o $B/vdso.o $< && \
		$(LD) -shared -s -soname linux-vdso.so.1 --hash-style=both --build-id=none \
		--eh-frame-hdr -z noexecstack -z max-page-size=4096 -T $(word 2,$^) -o $@ $B/vdso.o

$B/arch/x86_64/vdso/image.asm.o: $B/vdso.so
$B/arch/x86_64/vdso/image.asm.o: ASFLAGS += -I$B/

$(KERNEL): $(OBJECTS) linker.ld $B/link
	$(call say,LINK,$@) $(LD) $(LDFLAGS) -o $@ $(OBJECTS) || exit 1; \
	if $(READELF) -lW $@ | grep 'LOAD.* RWE '; then \
		echo "$@ has a segment that is writable and executable" >&2; exit 1; fi

# What GRUB loads: no debug information, but symbols, for the kernel's own backtraces. Checked to
# be bootable and, but for debug kernels, below 1 MiB.
$(IMAGE): $(KERNEL)
	$(call say,STRIP,$@) $(STRIP) --strip-debug -o $@ $<; \
	grub-file --is-x86-multiboot2 $@ || { echo "$@ has no valid multiboot2 header" >&2; exit 1; }; \
	size=$$(stat -c %s $@); echo "          $$((size / 1024)) KiB of at most $(IMAGE_KIB)" >&2; \
	[ $$size -lt $$(($(IMAGE_KIB) * 1024)) ] || \
		{ echo "$@ is not below $(IMAGE_KIB) KiB" >&2; exit 1; }

compile_commands.json: $B/flags $B/link build/user/flags tools/compdb.py
	$(call say,JSON,$@) $(PYTHON) tools/compdb.py $@ -- $(KCC) $(CFLAGS) : $(filter %.c,$(SOURCES)) \
		-- $(UCC) $(UCFLAGS) : $(wildcard user/*.c tests/programs/*.c)

# ---- Programs ----------------------------------------------------------------------------------
.SECONDARY: $(LIB_OBJECTS)
build/user/lib/%.o: user/%.c build/user/flags
	$(call say,UCC,$<) $(UCC) $(UCFLAGS) -MMD -MP -c -o $@ $<

# What of these a program names is linked with it, and nothing else.
build/user/lib/lib.a: $(LIB_OBJECTS)
	$(call say,AR,$@) rm -f $@; ar rcs $@ $^

build/user/%: user/%.c build/user/lib/lib.a build/user/flags
	$(call say,USER,$@) $(UCC) $(UCFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< build/user/lib/lib.a

build/tests/%: tests/programs/%.c $(wildcard tests/programs/*.h user/*.h) build/user/lib/lib.a \
		build/user/flags
	$(call say,USER,$@) $(UCC) $(UCFLAGS) -Iuser -o $@ $< build/user/lib/lib.a

# ---- Unit tests: natively, each from the sources that its first comment names -------------------
# /* SOURCES: lib/rbtree.c ... */ and, if it needs any, /* CFLAGS: -Dx ... */
field = $(shell sed -n 's,^/\* $(2): *\(.*[^ ]\) *\*/.*,\1,p' tests/unit/$(1).c)
define unit
build/unit/$(1): $(patsubst %.c,build/unit/$(1).o/%.o,tests/unit/$(1).c $(call field,$(1),SOURCES))
build/unit/$(1).o/%.o: %.c build/unit/flags tests/unit/$(1).c
	$$(call say,HOSTCC,$$<) $(CC) $(UNIT_CFLAGS) $(call field,$(1),CFLAGS) -MMD -MP -c -o $$@ $$<
endef
ifneq ($(filter test unit,$(GOALS)),)
$(foreach u,$(UNITS),$(eval $(call unit,$u)))
endif

$(UNITS:%=build/unit/%):
	$(call say,HOSTLD,$@) $(CC) -fsanitize=address,undefined -o $@ $(filter %.o,$^) -lcmocka

# The other judges bring their own rules: the host library, Linux beside us, the benchmark.
include $(sort $(wildcard tests/*/rules.mk))

-include $(OBJECTS:.o=.d) $(LIB_OBJECTS:.o=.d) $(USER:=.d)
ifneq ($(filter test unit,$(GOALS)),)
-include $(shell find build/unit -name '*.d' 2>/dev/null)
endif
