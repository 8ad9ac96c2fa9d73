# SPDX-License-Identifier: MIT
# Fuzz targets: tests/fuzz/fuzz_NAME.c, from the kernel sources that its SOURCES comment names. Each
# is built twice: build/fuzz/NAME by clang with libFuzzer, build/fuzz/plain/NAME by $(CC) with fixed
# random inputs. Objects are shared between the targets.

FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_PLAIN := $(FUZZ_TARGETS:%=build/fuzz/plain/%)
FUZZ_SECONDS ?= 10
FUZZ_CLANG := $(if $(findstring clang,$(CC)),$(CC),clang)
FUZZ_CFLAGS = $(UNIT_CFLAGS) -fno-sanitize-recover=all \
	-fsanitize=fuzzer-no-link -gline-tables-only

JUDGES += fuzz
test: $(FUZZ_PLAIN)
.PHONY: fuzz fuzz-plain
fuzz: $(FUZZ_TARGETS:%=build/fuzz/%) $(FUZZ_PLAIN) ## fuzz each T= target for FUZZ_SECONDS= (clang)
	@$(PYTHON) tests/fuzz/fuzz.py $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-plain: $(FUZZ_PLAIN) ## fixed random input for each T= fuzz target, without clang
	@$(PYTHON) tests/run.py fuzz

ifneq ($(filter test fuzz fuzz-plain,$(GOALS)),)
$(call record,build/fuzz/flags,$(CC) $(UNIT_CFLAGS))
$(call record,build/fuzz/clang-flags,$(FUZZ_CLANG) $(FUZZ_CFLAGS))

build/fuzz/gcc.o/%.o: %.c build/fuzz/flags
	$(call say,HOSTCC,$<) $(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<
build/fuzz/clang.o/%.o: %.c build/fuzz/clang-flags
	$(call say,FUZZCC,$<) $(FUZZ_CLANG) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

# $(1): target, $(2): the sources it names
define fuzz_target
build/fuzz/plain/$(1): $(patsubst %.c,build/fuzz/gcc.o/%.o,tests/fuzz/fuzz_$(1).c $(2) tests/fuzz/plain.c)
build/fuzz/$(1): $(patsubst %.c,build/fuzz/clang.o/%.o,tests/fuzz/fuzz_$(1).c $(2))
endef
fuzz_sources = $(shell sed -n 's,^/\* SOURCES: *\(.*[^ ]\) *\*/.*,\1,p' tests/fuzz/fuzz_$(1).c)
$(foreach t,$(FUZZ_TARGETS),$(eval $(call fuzz_target,$t,$(call fuzz_sources,$t))))

$(FUZZ_PLAIN):
	$(call say,HOSTLD,$@) $(CC) -fsanitize=address,undefined -o $@ $(filter %.o,$^)
$(FUZZ_TARGETS:%=build/fuzz/%):
	$(call say,FUZZLD,$@) $(FUZZ_CLANG) -fsanitize=fuzzer,address,undefined -o $@ $(filter %.o,$^)

-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
endif
