# restante: GNU make.  `make' builds, `make run' tries it, `make check' tests it.

VERSION = 1.0.0

PREFIX ?= /usr/local
SBINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
EXAMPLEDIR ?= $(PREFIX)/share/restante
STATIC ?= 1
WERROR ?= 0
# A second tree beside build/, for other compilers and sanitizers.
B ?= build

STD = -std=c17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Iinclude \
	-DVERSION='"$(VERSION)"' -DSYSCONFDIR='"$(SYSCONFDIR)"'
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wredundant-decls -Wnested-externs -Wundef \
	-Wwrite-strings -Wcast-qual -Wpointer-arith -Wvla -Walloca \
	-Wswitch-enum -Wnull-dereference -Wdate-time
HARD := -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fno-common -fno-delete-null-pointer-checks -fno-strict-overflow -fPIE
LINK = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code \
	-Wl,-z,defs -Wl,--as-needed

# What only some compilers know is asked for, not assumed.
has = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null \
	&& echo $(1))
WARN += $(foreach w,-Wformat-signedness -Wcast-align=strict \
	-Wimplicit-fallthrough=5 -Wduplicated-cond -Wduplicated-branches \
	-Wlogical-op -Wjump-misses-init -Wstringop-overflow=4 -Warray-bounds=2 \
	-Wstack-usage=16384,$(call has,$(w)))
HARD += $(foreach h,-fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero,$(call has,$(h)))
ifeq ($(WERROR),1)
WARN += -Werror
endif

# Sanitizers: make SAN=address,undefined B=build/san; they want a dynamic program.
ifdef SAN
STATIC = 0
HARD += -g -fno-omit-frame-pointer -fsanitize=$(SAN) \
	-fno-sanitize-recover=all -DSANITIZED=1
# Their crypt_r() calls the real one: it is needed, though nobody seems to ask.
LINK += -fsanitize=$(SAN) -Wl,--no-as-needed
endif

ifeq ($(STATIC),1)
LINK += -static-pie
else
LINK += -pie
endif

# The user's flags come last, so that they win.
ALL_CFLAGS = $(STD) $(WARN) $(HARD) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = $(LINK) $(LDFLAGS)

all: $(B)/restante $(B)/restantectl

# What was built with other flags is built anew.
$(B)/flags: export FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LDLIBS)
$(B)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS" | cmp -s - $@ || printf '%s\n' "$$FLAGS" >$@

# V=1 shows the commands.
V ?= 0
CC_ = $(if $(filter 0,$(V)),@echo "  CC $@" &&)
LD_ = $(if $(filter 0,$(V)),@echo "  LD $@" &&)
TIDY_ = $(if $(filter 0,$(V)),@echo "  TIDY $<" &&)

FLOORS = base wire mailbox trust session daemon
SRCS = $(foreach f,$(FLOORS),$(sort $(wildcard src/$(f)/*.c)))
OBJS = $(SRCS:%.c=$(B)/%.o)
# All but main(): what the tests link with.
LIBOBJS = $(filter-out $(B)/src/daemon/main.o,$(OBJS))
# The administrator's tool has a main() of its own.
CTLOBJS = $(patsubst %.c,$(B)/%.o,$(sort $(wildcard src/tool/*.c)))

$(B)/restante: $(OBJS)
	$(LD_) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(OBJS) -lcrypt $(LDLIBS)

$(B)/restantectl: $(CTLOBJS) $(LIBOBJS)
	$(LD_) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcrypt $(LDLIBS)

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC_) $(CC) $(ALL_CFLAGS) -c -o $@ $<

# A trial in the foreground, on mail made for it.
run: all
	sh tests/trial $(B)/restante $(B)/trial

# Tests.  Each set is a folder of programs that speak TAP; prove runs them.
# Unit tests and the programs that tests drive are C, the rest is Perl.
UNITS = $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/unit/*.c)))
TOOLS = $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/tools/*.c)))
PROVE = RESTANTE=$(abspath $(B)/restante) BUILD=$(abspath $(B)) \
	CORPUS=$(abspath $(CORPUS)) prove -Itests/lib -j$(JOBS) $(PROVEFLAGS)
JOBS ?= 4
# Real mail for the tests, files NAME.mbox, if there is any.
CORPUS ?= ../shared/corpus

# The server with a session that does what its client says, to show that the
# confinement holds: tests/sys.
HOSTILE = $(B)/tests/restante-hostile

tests: all $(UNITS) $(TOOLS) $(HOSTILE)

check-unit: tests
	$(PROVE) --exec '' $(UNITS)

check: check-unit
	$(PROVE) tests/proto tests/daemon tests/clients tests/tool tests/delivery

# What only root can be shown.
check-root: tests
	$(PROVE) tests/sys

# Everything again under the sanitizers.
check-san:
	$(MAKE) B=build/san SAN=address,undefined check

$(B)/tests/%: tests/%.c $(LIBOBJS)
	@mkdir -p $(@D)
	$(LD_) $(CC) $(ALL_CFLAGS) -Itests/unit $(ALL_LDFLAGS) -o $@ $< $(LIBOBJS) \
		-lcrypt $(LDLIBS)

# The calls that change a file, caught: see the test.
$(B)/tests/unit/crash $(B)/tests/unit/crash_tool: ALL_LDFLAGS += $(foreach f, \
	pread64 pwrite64 pwritev64v2 ftruncate64 fallocate64 fsync fdatasync \
	index_identify,-Wl,--wrap=$(f))

# Calls before which mail comes.
$(B)/tests/unit/late: ALL_LDFLAGS += $(foreach f, \
	pwritev64v2 fsync fdatasync,-Wl,--wrap=$(f))
# A disk that fails, and what was told to it.
$(B)/tests/unit/users: ALL_LDFLAGS += -Wl,--wrap=fsync
# A clock that can be set back.
$(B)/tests/unit/stamp: ALL_LDFLAGS += -Wl,--wrap=clock_wall_ns

# Fuzzing, with clang: each harness states a property and dies when it does not
# hold.  What is found goes to build/fuzz, the corpora in tests/fuzz stay small.
FUZZERS = $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_TIME ?= 10

$(FUZZERS): ALL_LDFLAGS += -fsanitize=fuzzer
$(B)/tests/fuzz/mailbox: ALL_LDFLAGS += -Wl,--wrap=fatalx,--wrap=fstat64

fuzzers: $(FUZZERS)

fuzz:
	$(MAKE) B=build/fuzz CC=clang SAN=address,undefined,fuzzer-no-link \
		all fuzzers
	tests/fuzz/run build/fuzz $(FUZZ_TIME)
	RESTANTE=build/fuzz/restante prove -Itests/lib tests/fuzz/protocol.t \
		:: $(FUZZ_TIME)

# What machines can say of the text.  clang-tidy, which takes the time, has a
# stamp for each file, and gets one at a time: several confuse it.
TIDY = $(patsubst %,$(B)/tidy/%,$(sort $(wildcard src/*/*.c)))

$(B)/tidy/%.c: %.c .clang-tidy $(wildcard include/*.h)
	@mkdir -p $(@D)
	$(TIDY_) clang-tidy --quiet $< -- $(STD) 2>/dev/null
	@touch $@

lint: $(TIDY)
	@set -e; for i in $(sort $(wildcard tests/lint/*)); do \
		echo "  LINT $$i"; "$$i"; done

# gcc's own analyzer; clang's is among the checks of clang-tidy.  It takes every
# pointer that is kept in an array for a leak.
analyze:
	$(MAKE) B=build/analyze CC=gcc WERROR=1 \
		CFLAGS="-fanalyzer -Wno-analyzer-malloc-leak" all

$(HOSTILE): tests/hostile/session.c $(OBJS)
	@mkdir -p $(@D)
	$(LD_) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< \
		$(filter-out $(B)/src/session/session.o,$(OBJS)) \
		-lcrypt $(LDLIBS)

# What it costs, beside what the machine can do.  A floor is built as the server
# beside it is, and has nothing of it in it.
BENCHES = $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/bench/*.c)))

# The client must not be what is measured: its loops are to be vectors.
$(B)/tests/bench/fetch.o: ALL_CFLAGS += -O3

$(BENCHES): $(B)/%: $(B)/%.o
	@mkdir -p $(@D)
	$(LD_) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LDLIBS)

benches: all $(BENCHES)

bench:
	$(MAKE) STATIC=1 B=build benches
	$(MAKE) STATIC=0 B=build/dynamic benches
	ulimit -n 4096 && tests/bench/run

# The exact inverses of each other, but for a configuration that is there.
BIN = $(DESTDIR)$(SBINDIR)/restante
MAN5 = $(DESTDIR)$(MANDIR)/man5/restante.conf.5
MAN8 = $(DESTDIR)$(MANDIR)/man8/restante.8
CONF = $(DESTDIR)$(SYSCONFDIR)/restante.conf
UNITS_ = $(notdir $(wildcard etc/*.service etc/*.socket))
EXAMPLES = $(filter-out $(UNITS_) restante.conf,$(notdir $(wildcard etc/*)))
IN_UNITDIR = $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS_))
IN_EXAMPLEDIR = $(addprefix $(DESTDIR)$(EXAMPLEDIR)/,$(EXAMPLES))

# Units, samples and manuals name things where they are installed.
$(IN_UNITDIR) $(IN_EXAMPLEDIR): always
	@install -d $(@D)
	sed 's|/usr/local/sbin|$(SBINDIR)|g' etc/$(@F) >$@
	@chmod $(if $(filter %-run,$@),755,644) $@

install: all $(IN_UNITDIR) $(IN_EXAMPLEDIR)
	install -d $(dir $(BIN)) $(dir $(MAN5)) $(dir $(MAN8)) $(dir $(CONF))
	install -m 755 $(B)/restante $(B)/restantectl $(dir $(BIN))
	install -m 644 man/restante.conf.5 $(MAN5)
	install -m 644 man/restante.8 man/restantectl.8 $(dir $(MAN8))
	sed -i 's|/usr/local/share/restante|$(EXAMPLEDIR)|; s|/etc/restante|$(SYSCONFDIR)/restante|' \
		$(MAN5) $(MAN8) $(dir $(MAN8))restantectl.8
	test -e $(CONF) || install -m 644 etc/restante.conf $(CONF)

uninstall:
	rm -f $(BIN) $(BIN)ctl $(MAN5) $(MAN8) $(dir $(MAN8))restantectl.8 \
		$(IN_UNITDIR) $(IN_EXAMPLEDIR)
	! test -d $(DESTDIR)$(EXAMPLEDIR) || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(EXAMPLEDIR)
	! cmp -s etc/restante.conf $(CONF) || rm -f $(CONF)

dist:
	@mkdir -p $(B)
	git archive --prefix=restante-$(VERSION)/ -o \
		$(B)/restante-$(VERSION).tar.gz HEAD

clean:
	rm -rf build

.PHONY: all always run tests check check-unit check-root check-san fuzz fuzzers \
	lint analyze benches bench install uninstall dist clean

-include $(OBJS:.o=.d) $(CTLOBJS:.o=.d) $(UNITS:=.d) $(TOOLS:=.d) $(HOSTILE:=.d) \
	$(FUZZERS:=.d)
