# SPDX-License-Identifier: MIT
# `make stress`: tests/programs/stress.c for as long as you like, on a debug kernel that audits itself.

export MINUTES SEED
.PHONY: stress
stress: user build/tests/stress ## all memory calls at random on all CPUs: MINUTES= SMP= SEED= RACE_SEED=
	@$(MAKE) --no-print-directory DEBUG=1 kernel
	@$(PYTHON) tests/stress/stress.py
