# SPDX-License-Identifier: MIT
# The benchmark, user/bench.c, on both kernels, and where the instructions go.

export OP REPS LINES
.PHONY: profile
profile: kernel user build/bench/plugin.so ## kernel functions in one operation: OP=anon_write LINES=n
	@$(PYTHON) tests/bench/profile.py $(or $(OP),anon_write)

build/bench/plugin.so: tests/bench/plugin.c
	$(call say,HOSTCC,$<) gcc -shared -fPIC -O2 -std=gnu17 -fvisibility=hidden $(WARN) \
		-Wno-unused-parameter -o $@ $<

export ROUNDS PARTS T
.PHONY: bench
bench: kernel user build/bench/plugin.so ## cost of each operation, beside Linux: T= ROUNDS= PARTS=
	@$(PYTHON) tests/bench/bench.py

.PHONY: ceilings
ceilings: kernel user ## record what operations cost, for the gate in make test
	@$(PYTHON) tests/bench/bench.py ceilings
