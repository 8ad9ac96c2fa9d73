# SPDX-License-Identifier: MIT
# mm/ as a library of the host, over the software machine of tests/host/machine.h, in these builds:
#   san   ASan and UBSan, CONFIG_DEBUG=1       what tests and fuzzers link
#   cov   counted by gcov, CONFIG_DEBUG=1      make coverage
#   fast  -O2, CONFIG_DEBUG=0, no checks       callgrind
#   fuzz  as san, by clang for libFuzzer       make fuzz
# Tests are tests/host/test_*.c, each one program that links build/host/BUILD/libmm.a.

HOST_KERNEL := $(sort $(shell find mm -name '*.c')) \
	lib/interval_tree.c lib/kstrtox.c lib/rbtree.c lib/string.c lib/vsprintf.c lib/xarray.c \
	kernel/core/block.c kernel/core/param.c kernel/core/rcu.c kernel/core/rwsem.c \
	kernel/core/spinlock.c kernel/core/stop.c \
	kernel/core/wait.c kernel/trace/trace.c kernel/trace/records.c \
	arch/x86_64/entry/fault.c arch/x86_64/entry/pf_error.c \
	arch/x86_64/mm/asid.c arch/x86_64/mm/tlb.c
HOST_MACHINE := $(patsubst %,tests/host/%.c,\
	access disks failure files kasan machine mmu process shim shmem threads vmap)
HOST_SOURCES := $(HOST_KERNEL) $(HOST_MACHINE)
SHADOW := shadow shadow_calls # of test_shadow
WORLD := shadow world         # of test_alloc_failure
HOST_TESTS := $(basename $(notdir $(wildcard tests/host/test_*.c)))

HOST_CFLAGS := -std=gnu17 -D_GNU_SOURCE -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-Itests/host/include -Iarch/x86_64/include -I. $(WARN)
HOST_SAN := -O1 -DCONFIG_DEBUG=1 -DCONFIG_KASAN=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
HOST_GCC := $(if $(findstring clang,$(CC)),gcc,$(CC)) # gcovr reads what gcc counts
HOST_COV := -O0 -DCONFIG_DEBUG=1 --coverage
HOST_FAST := -O2 -DCONFIG_DEBUG=0 -DHOST_FAST

# The functions in front of which tests/host/vmap.c stands, and, unless for callgrind, failure.c.
HOST_VMAP_mm/frame/vmalloc.c := vmalloc vzalloc kvzalloc alloc_kernel_stack
host_real = $(foreach f,$(1),-D$f=real_$f)
# Have an instance of their per-CPU variables, or lists, for each of the machine's CPUs.
HOST_FLAGS_arch/x86_64/mm/tlb.c := -DHOST_EACH_CPU
HOST_FLAGS_mm/reclaim/lru.c := -DHOST_EACH_CPU
HOST_REAL_mm/frame/pcp.c := alloc_page free_unref_page
HOST_REAL_mm/frame/alloc.c := alloc_pages
HOST_REAL_mm/frame/slab.c := kmem_cache_alloc kmalloc
HOST_REAL_mm/reclaim/oom.c := out_of_memory

# $(1): name of the build, $(2): its compiler and flags, $(3): not empty: with tests/host/failure.c
define host_build
$(call record,build/host/$(1)/flags,$(2) $(HOST_CFLAGS) $(HOST_SOURCES) $(UNSEEN) \
	$(foreach s,$(HOST_KERNEL),$(HOST_VMAP_$s) $(if $(3),$(HOST_REAL_$s))))
build/host/$(1)/%.o: %.c build/host/$(1)/flags
	$$(call say,HOSTCC,$$<) $(2) $(HOST_CFLAGS) \
		$$(if $$(filter $$<,$(UNSEEN)),$(if $(findstring address,$(2)),-fno-sanitize=address)) \
		$$(HOST_FLAGS_$$<) $$(call host_real,$$(HOST_VMAP_$$<) $(if $(3),$$(HOST_REAL_$$<))) -MMD -MP -c -o $$@ $$<

.PRECIOUS: build/host/$(1)/%.o
# One object: weak stand-ins of shim.c give way to the real functions whatever the order.
build/host/$(1)/libmm.a: $(HOST_SOURCES:%.c=build/host/$(1)/%.o)
	$$(call say,HOSTAR,$$@) ld -r -o $$(@:.a=.o) $$^ && rm -f $$@ && ar rcs $$@ $$(@:.a=.o)
build/host/$(1)/test_%: build/host/$(1)/tests/host/test_%.o build/host/$(1)/libmm.a
	$$(call say,HOSTLD,$$@) $(2) -o $$@ $$^ -lcmocka
build/host/$(1)/test_shadow: $(SHADOW:%=build/host/$(1)/tests/host/%.o)
build/host/$(1)/test_alloc_failure: $(WORLD:%=build/host/$(1)/tests/host/%.o)
endef
host: $(HOST_TESTS:%=build/host/san/%) ## mm/ natively on the software machine, under sanitizers; T=shadow SEED= STEPS=
	@$(PYTHON) tests/run.py host
.PHONY: host coverage

# The same tests against the library that counts lines. COVERED: per cent of mm/ that must be, the
# audit left out: it is one of the judges.
COVERED := 90
coverage: $(HOST_TESTS:%=build/host/cov/%) ## which lines of mm/ the host tests run: build/coverage/
	@find build/host/cov -name '*.gcda' -delete; mkdir -p build/coverage
	@for n in $$(cd build/host/cov && find * -name '*.gcno'); do \
		[ -e $${n%.gcno}.c ] || rm build/host/cov/$$n; done # of sources that are gone
	@for t in $^; do $$t >build/coverage/log 2>&1 || { cat build/coverage/log; exit 1; }; done
	@gcovr -j 2 --root . --filter 'mm/' --exclude 'mm/audit/' --object-directory build/host/cov \
		--html-details build/coverage/index.html --html-title 'Faultline: mm/ on the host' \
		--txt build/coverage/coverage.txt --fail-under-line $(COVERED) \
		build/host/cov; status=$$?; cat build/coverage/coverage.txt; \
		echo "report: build/coverage/index.html"; \
		[ $$status = 0 ] || echo "less than $(COVERED) % of the lines are covered" >&2; exit $$status
JUDGES += host
test: $(HOST_TESTS:%=build/host/san/%)

ifneq ($(filter-out clean help doctor check-tools format,$(GOALS)),)
$(eval $(call host_build,san,$(CC) $(HOST_SAN),wrap))
$(eval $(call host_build,cov,$(HOST_GCC) $(HOST_COV),wrap))
$(eval $(call host_build,fast,$(CC) $(HOST_FAST)))
ifneq ($(filter fuzz,$(GOALS)),)
$(eval $(call host_build,fuzz,$(FUZZ_CLANG) $(HOST_SAN) -fsanitize=fuzzer-no-link,wrap))
endif

-include $(wildcard build/host/*/*/*.d build/host/*/*/*/*.d build/host/*/*/*/*/*.d)
endif
