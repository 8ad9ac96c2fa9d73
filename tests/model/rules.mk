# SPDX-License-Identifier: MIT
# Models of what many CPUs do at once: tests/model/NAME.pml, in Promela. spin turns each into a
# program that tries all orders of its steps. A model must be found right, and wrong with each of the
# BUG_... that it names: a mistake planted in it.

MODELS := $(basename $(notdir $(wildcard tests/model/*.pml)))
MODEL_CFLAGS := -O1 -DSAFETY -DMEMLIM=3000 -w

JUDGES += model
test: $(MODELS:%=build/model/%)
.PHONY: model
model: $(MODELS:%=build/model/%) ## the models of locks and flushes, in all orders of their steps
	@$(PYTHON) tests/run.py model

# build/model/NAME is the right one, build/model/NAME-BUG_X a wrong one, whose error is found so soon
# that optimizing it would take longer. spin leaves pan.[cbhmpt] where it runs.
build/model/%: tests/model/%.pml tests/model/rules.mk
	$(call say,SPIN,$<) for bug in '' $$(grep -ow 'BUG_[A-Z_]*[A-Z]' $< | sort -u); do \
		mkdir -p $@.dir && (cd $@.dir && spin -a $${bug:+-D$$bug} $(CURDIR)/$< && \
		$(CC) $(MODEL_CFLAGS) $${bug:+-O0} -o ../$(@F)$${bug:+-$$bug} pan.c) >$@.log 2>&1 || \
		{ cat $@.log >&2; exit 1; }; done
