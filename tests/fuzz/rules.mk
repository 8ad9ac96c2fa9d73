# SPDX-License-Identifier: MIT
# Fuzz targets: tests/fuzz/fuzz_NAME.c, from the kernel sources that its SOURCES comment names. Each
# is built twice: build/fuzz/NAME by clang with libFuzzer, build/fuzz/plain/NAME by $(CC) with fixed
# random inputs. CFLAGS: flags for that target alone.
# LIBRARY: host: it links mm/ and the software machine of tests/host.

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

# $(1): target's source, $(2): infix of its object folders, $(3): its flags. Targets without flags
# share their objects.
define fuzz_objects
build/fuzz/gcc$(2).o/%.o: %.c build/fuzz/flags $(1)
	$$(call say,HOSTCC,$$<) $(CC) $(UNIT_CFLAGS) $(3) -MMD -MP -c -o $$@ $$<
build/fuzz/clang$(2).o/%.o: %.c build/fuzz/clang-flags $(1)
	$$(call say,FUZZCC,$$<) $(FUZZ_CLANG) $(FUZZ_CFLAGS) $(3) -MMD -MP -c -o $$@ $$<
endef
# $(1): target, $(2): infix, $(3): the sources it names, $(4): not empty: it links mm/'s library
define fuzz_target
build/fuzz/plain/$(1): $(patsubst %.c,build/fuzz/gcc$(2).o/%.o,\
	tests/fuzz/fuzz_$(1).c $(3) tests/fuzz/plain.c) \
	$(if $(strip $(4)),build/host/san/libmm.a)
build/fuzz/$(1): $(patsubst %.c,build/fuzz/clang$(2).o/%.o,tests/fuzz/fuzz_$(1).c $(3)) \
	$(if $(strip $(4)),build/host/fuzz/libmm.a)
endef
fuzz_field = $(shell sed -n 's,^/\* $(2): *\(.*[^ ]\) *\*/.*,\1,p' tests/fuzz/fuzz_$(1).c)
$(eval $(call fuzz_objects,,,))
$(foreach t,$(FUZZ_TARGETS),$(eval FUZZ_LIB := $(call fuzz_field,$t,LIBRARY)) \
	$(eval FUZZ_OWN := $(call fuzz_field,$t,CFLAGS) \
		$(if $(FUZZ_LIB),-fno-strict-aliasing -Iarch/x86_64/include))\
	$(if $(strip $(FUZZ_OWN)),$(eval $(call fuzz_objects,tests/fuzz/fuzz_$t.c,.$t,$(FUZZ_OWN))))\
	$(eval $(call fuzz_target,$t,$(if $(strip $(FUZZ_OWN)),.$t),$(call fuzz_field,$t,SOURCES),\
		$(FUZZ_LIB))))

build/fuzz/gcc.ext2.o/tests/fuzz/ext2_disk.o build/fuzz/clang.ext2.o/tests/fuzz/ext2_disk.o: \
	build/fuzz/ext2-small.img
build/fuzz/ext2-small.img: tests/fuzz/ext2_images.py
	$(call say,MKE2FS,$@) $(PYTHON) $< $@ build/fuzz/ext2-large.img

$(FUZZ_PLAIN):
	$(call say,HOSTLD,$@) $(CC) -fsanitize=address,undefined -o $@ $(filter %.o %.a,$^)
$(FUZZ_TARGETS:%=build/fuzz/%):
	$(call say,FUZZLD,$@) $(FUZZ_CLANG) -fsanitize=fuzzer,address,undefined -o $@ \
		$(filter %.o %.a,$^)

-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
endif
