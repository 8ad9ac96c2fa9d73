/* SPDX-License-Identifier: MIT */
/* What the tests on the software machine share. */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include "tests/unit/test.h"

#include "kernel/core/sched.h"
#include "mm/space/mman.h"
#include "mm/space/pagetable.h"
#include "tests/host/machine.h"

#endif
