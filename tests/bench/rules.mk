# SPDX-License-Identifier: MIT
# The benchmark, user/bench.c, on both kernels, and where the instructions go.

export OP REPS TOPLINES
.PHONY: profile
profile: kernel user build/bench/plugin.so ## kernel functions in one operation: OP=anon_write TOPLINES=n
	@$(PYTHON) tests/bench/profile.py $(or $(OP),anon_write)

test booted: build/bench/plugin.so
build/bench/plugin.so: tests/bench/plugin.c
	$(call say,HOSTCC,$<) gcc -shared -fPIC -O2 -std=gnu17 -fvisibility=hidden $(WARN) \
		-Wno-unused-parameter -o $@ $<

export ROUNDS PARTS LINUX T
.PHONY: bench
bench: kernel user build/bench/plugin.so build/bench/native build/tests/scale ## cost of each operation, beside Linux: T= ROUNDS= PARTS=
	@$(PYTHON) tests/bench/bench.py

.PHONY: ceilings
ceilings: kernel user ## record what operations cost, for the gate in make test
	@$(PYTHON) tests/bench/bench.py ceilings

# mm/ of the host, without checks, as callgrind shall see it.
build/bench/native: tests/bench/native.c build/bench/cycles.o build/host/fast/libmm.a
	$(call say,HOSTCC,$<) $(CC) $(HOST_CFLAGS) $(HOST_FAST) -o $@ $^
build/bench/cycles.o: tests/bench/cycles.c tests/bench/cycles.h
	$(call say,HOSTCC,$<) $(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARN) -c -o $@ $<
