# spoolhook: one GNU Makefile. `make help` lists what it does.
# SPDX-License-Identifier: GPL-2.0-or-later

# Where objects go. A sanitizer build has a folder, and a program, of its own.
B       ?= build
PROGRAM ?= $(if $(filter build,$(B)),bin/spoolhook,$(B)/spoolhook)
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
PKG     := libcurl jansson sqlite3 openssl libmicrohttpd

OPT       ?= -O2 -g
HARDEN    ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
             -fstack-clash-protection -fcf-protection -fno-common \
             -fno-strict-aliasing -fPIE -ftrivial-auto-var-init=zero
HARDEN_LD ?= -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
WARN      := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
             -Wcast-align -Wformat=2 -Wundef -Wvla -Walloca -Wstrict-prototypes \
             -Wold-style-definition -Wmissing-prototypes -Wmissing-declarations \
             -Wredundant-decls -Wnested-externs -Wwrite-strings -Wpointer-arith \
             -Wimplicit-fallthrough -Wdouble-promotion -Wfloat-equal \
             -Wframe-larger-than=32768 -Wformat-signedness -Wduplicated-cond \
             -Wduplicated-branches -Wlogical-op -Wjump-misses-init -Wtrampolines
WERROR    ?= $(if $(CI),-Werror)
PKG_CFLAGS := $(shell pkg-config --cflags-only-I $(PKG) | sed 's/-I/-isystem /g')
PKG_LIBS   := $(shell pkg-config --libs $(PKG))
ALL_CPPFLAGS = -D_GNU_SOURCE -Isrc -I$(B) $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu17 $(OPT) $(HARDEN) $(WARN) $(WERROR) -pthread $(SAN) $(CFLAGS)
ALL_LDFLAGS  = $(HARDEN_LD) -pthread $(SAN) $(LDFLAGS)
LIBS         = $(PKG_LIBS) -linotifytools -lesmtp -lev

# Floors, lowest first: a floor links with those before it and no other.
FLOORS := base model port flow cmd
objects = $(patsubst src/%.c,$(B)/%.o,$(filter-out src/cmd/main.c,$(wildcard src/$(1)/*.c)))
archive = $(B)/lib$(1).a
upto    = $(if $(filter base,$(1)),,$(if $(filter model,$(1)),base,$(if \
          $(filter port,$(1)),model base,$(if $(filter flow,$(1)),port model base,flow port model base))))
UNITS   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))

all: $(PROGRAM)

$(PROGRAM): $(B)/cmd/main.o $(foreach f,cmd flow port model base,$(call archive,$(f)))
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

define floor_rules
$(call archive,$(1)): $(call objects,$(1))
	@rm -f $$@
	$$(AR) rcs $$@ $$^
$(B)/unit/$(1)_%: tests/unit/$(1)_%.c tests/tap.h $(foreach f,$(1) $(call upto,$(1)),$(call archive,$(f)))
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CPPFLAGS) $$(filter-out -Wmissing-%,$$(ALL_CFLAGS)) -Itests $$(ALL_LDFLAGS) -MMD -MP -MF $$@.d -MT $$@ -o $$@ $$< $$(filter %.a,$$^) $$(LIBS)
endef
$(foreach f,$(FLOORS),$(eval $(call floor_rules,$(f))))

$(B)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What the report's page carries is compiled in, byte by byte.
$(B)/cmd/report_page.o: $(patsubst %,$(B)/cmd/report/page.%.inc,css js)
$(B)/%.inc: src/%
	@mkdir -p $(@D)
	od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g' >$@

units: $(UNITS)

# ASan and UBSan together, TSan alone: same rules, other flags, other folder.
ASAN = B=build/asan OPT="-O1 -g" HARDEN="-fno-omit-frame-pointer" HARDEN_LD= \
       SAN="-fsanitize=address,undefined -fno-sanitize-recover=all"
TSAN = B=build/tsan OPT="-O1 -g" HARDEN= HARDEN_LD= SAN="-fsanitize=thread"
asan:
	$(MAKE) $(ASAN) all units
tsan:
	$(MAKE) $(TSAN) all units
# A program that dies where tests/fault/points.t asks for it (base/crash.h).
crash:
	$(MAKE) B=build/crash CPPFLAGS=-DCRASH_POINTS all

check: all units
	prove -j2 $(UNITS) tests/style/*.t tests/flow/*.t
# Deaths, power cuts, failing disks and memory at every point: hours, as root.
# Without SPOOLHOOK_FAULT=full they take two minutes and are part of bin/test.
fault: all crash
	SPOOLHOOK_FAULT=full SPOOLHOOK_PROGRAM="$(abspath $(PROGRAM))" prove -v tests/fault/*.t
# What needs neither peers nor the program.
PURE := $(filter $(B)/unit/base_% $(B)/unit/model_%,$(UNITS))
check-pure: $(PURE)
	prove -j2 $(PURE)

# Measuring: tests/bench/run tells which rows there are. bin/setup bench installs
# what else takes part; who is missing is left out.
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
$(B)/bench/%: tests/bench/%.c $(foreach f,port model base,$(call archive,$(f)))
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(filter %.a,$^) $(LIBS)
bench-build: all $(BENCHES)
bench: bench-build
	SPOOLHOOK_PROGRAM="$(abspath $(PROGRAM))" BENCH_TOOLS="$(abspath $(B)/bench)" tests/bench/run $(ROWS)
	tests/bench/report --write

SOURCES = $(wildcard src/*/*.[ch] tests/*.[ch] tests/*/*.[ch])
format:
	clang-format -i $(SOURCES)
analyze:
	$(MAKE) B=build/analyze OPT="-O1 -g -fanalyzer" $(foreach f,$(FLOORS),build/analyze/lib$(f).a)
tidy:
	clang-tidy --quiet $(wildcard src/*/*.c) -- $(ALL_CPPFLAGS) -std=gnu17

# Fuzzers (libFuzzer, clang): `make fuzz FUZZ_SECONDS=600`.
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/*.c))
build/fuzz/%: tests/fuzz/%.c $(wildcard src/base/*.[ch] src/model/*.[ch])
	@mkdir -p $(@D)
	clang $(ALL_CPPFLAGS) -std=gnu17 -O1 -g -pthread -fsanitize=fuzzer,address,undefined \
	    -fno-sanitize-recover=all -o $@ $(filter %.c,$^) -ljansson -lm
fuzz: $(FUZZERS)
	@for f in $(notdir $(FUZZERS)); do \
	    mkdir -p build/fuzz/corpus/$$f && (cd build/fuzz && ./$$f -max_total_time=$(FUZZ_SECONDS) \
	    -max_len=512 corpus/$$f "$(CURDIR)/tests/fuzz/corpus/$$f") || exit 1; \
	done

include packaging/install.mk

clean distclean:
	rm -rf build bin/spoolhook

help:
	@echo 'make            build bin/spoolhook'
	@echo 'make check      run the tests (bin/test also installs what they need)'
	@echo 'make asan tsan  sanitizer builds in build/asan, build/tsan'
	@echo 'make bench      measure, see BENCHMARKS.md (ROWS="backlog latency": only these)'
	@echo 'make fault      every death, power cut and failing disk (hours, as root)'
	@echo 'make analyze tidy fuzz format clean'
	@echo 'make install    and uninstall, install-system, installcheck: packaging/install.mk'
	@echo 'make dist deb   a source archive, a Debian package'
	@echo 'make host       the package under a real systemd, in a bare Debian (root)'

.PHONY: all units asan tsan crash check check-pure fault bench bench-build format analyze tidy fuzz clean distclean help
.SECONDARY:
-include $(shell find $(B) -path $(B)/deb -prune -o -name '*.d' -type f -print 2>/dev/null)
