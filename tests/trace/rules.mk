# SPDX-License-Identifier: MIT
# The recorder's host side, tools/trace, on record files that tests/trace/synthetic.py makes.

JUDGES += trace
.PHONY: trace-tests
test trace-tests: kernel user
trace-tests: ## the reader of the recorder's files, and what is made of them, alone
	@$(PYTHON) tests/run.py trace
