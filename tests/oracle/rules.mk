# SPDX-License-Identifier: MIT
# `make oracle`: the programs on Faultline and on Debian's Linux in the same QEMU, line by line.
# tests/oracle/saw_*.c exist only for this comparison; they are linked with user/'s library.

SAW := $(basename $(notdir $(wildcard tests/oracle/saw_*.c)))

build/oracle/%: tests/oracle/%.c $(LIB_OBJECTS) build/user/flags
	$(call say,USER,$@) $(UCC) $(UCFLAGS) -Itests/oracle -MMD -MP -MF $@.d -MT $@ -o $@ $< \
		$(LIB_OBJECTS)

.PHONY: oracle
oracle: kernel user $(TESTS) $(SAW:%=build/oracle/%) ## compare with Linux: T=pattern STEPS=n SEED=n
	@$(PYTHON) tests/oracle/oracle.py

-include $(SAW:%=build/oracle/%.d)
