# SPDX-License-Identifier: MIT
# `make stress`, `make fuzz-calls`: tests/programs/{stress,fuzz_calls}.c for as long as you like, on a
# debug kernel that audits itself.

export MINUTES SEED
.PHONY: stress fuzz-calls
stress: user build/tests/stress ## all memory calls at random on all CPUs: MINUTES= SMP= SEED= RACE_SEED=
	@$(MAKE) --no-print-directory DEBUG=1 kernel
	@$(PYTHON) tests/stress/stress.py stress

fuzz-calls: user build/tests/fuzz_calls ## system calls at random: MINUTES= SMP= SEED=
	@$(MAKE) --no-print-directory DEBUG=1 kernel
	@$(PYTHON) tests/stress/stress.py fuzz_calls
