# SPDX-License-Identifier: MIT
# `make programs`: programs of Debian's packages on both kernels (docs/programs.md).

.PHONY: programs
programs: kernel user ## Debian's bash, python3, sqlite3, sbcl, valgrind, stress-ng and gcc here and on Linux: T=pattern
	@$(PYTHON) tests/debian/programs.py
