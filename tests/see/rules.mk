# SPDX-License-Identifier: MIT
# `make see` and its test: tools/trace/page in headless Chromium. Not part of `make test`, which
# would need a browser.

.PHONY: see watch see-test pictures
see: $(if $(TRACE_FILE),,kernel user) ## record PROG=, ELF= or CMD=, or take TRACE_FILE=, and open the page that shows it
	@mkdir -p build/run; $(PYTHON) tools/trace/see.py --kernel $(KERNEL) \
		$(if $(PROG)$(ELF),--program "$(or $(PROG),$(ELF))") $(if $(ELF),--elf "$(ELF)") \
		$(if $(TRACE_FILE),"$(TRACE_FILE)")

watch: kernel user ## the same page of a run that goes on, on http://127.0.0.1:8060/ (PORT=)
	@mkdir -p build/run; $(PYTHON) tools/trace/watch.py --kernel $(KERNEL) $(if $(PORT),--port $(PORT)) \
		$(if $(PROG)$(ELF),--program "$(or $(PROG),$(ELF))") $(if $(ELF),--elf "$(ELF)")

see-test: kernel user build/tests/onlooker ## that page in headless Chromium, checked against the records
	@JOBS=1 $(PYTHON) tests/run.py see

pictures: kernel user ## the pictures of README.md anew: that page, and gdb at a fault, from real runs
	@$(PYTHON) tests/see/pictures.py
