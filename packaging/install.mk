# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# install, uninstall and what is made for shipping; included by the Makefile.
# Nothing here runs as a side effect of `all`, starts a service, or touches a
# live configuration: examples lie in docdir.

# Directories (GNU Coding Standards); DESTDIR is honoured. The program looks in
# /etc/spoolhook unless $SPOOLHOOK_CONFIG or -c says otherwise, and the settings
# name the spool: another sysconfdir or localstatedir is written into the units
# and the examples.
prefix          ?= /usr/local
exec_prefix     ?= $(prefix)
bindir          ?= $(exec_prefix)/bin
datarootdir     ?= $(prefix)/share
datadir         ?= $(datarootdir)
mandir          ?= $(datarootdir)/man
docdir          ?= $(datarootdir)/doc/spoolhook
sysconfdir      ?= /etc
localstatedir   ?= /var
unitdir         ?= $(prefix)/lib/systemd/system
sysusersdir     ?= $(prefix)/lib/sysusers.d
tmpfilesdir     ?= $(prefix)/lib/tmpfiles.d
bashcompdir     ?= $(datarootdir)/bash-completion/completions
zshcompdir      ?= $(datarootdir)/zsh/$(if $(filter /usr,$(prefix)),vendor-completions,site-functions)
fishcompdir     ?= $(datarootdir)/fish/vendor_completions.d
INSTALL         ?= install
INSTALL_PROGRAM ?= $(INSTALL) -m 755
INSTALL_SCRIPT  ?= $(INSTALL) -m 755
INSTALL_DATA    ?= $(INSTALL) -m 644

VERSION  := $(shell sed -n 's/.*VERSION "\(.*\)".*/\1/p' src/base/version.h)
sharedir  = $(datadir)/spoolhook
SHIP      = $(B)/ship

# ---- what goes where: rows of FROM:TO ---------------------------------------------
# $(SHIP) holds packaging/ with its paths, which are Debian's, put to the chosen ones.
packaged := $(patsubst packaging/%,%,$(sort $(wildcard $(foreach d, \
            icinga2 lnav logrotate nagios prometheus systemd,packaging/$(d)/*.* \
            packaging/$(d)/spoolhook*) packaging/systemd/examples/*)))
manuals  := $(wildcard man/*.[157])
papers   := $(wildcard README.md CHANGELOG.md BENCHMARKS.md COPYING)
scripts  := nagios/spoolhook-notify
units    := $(notdir $(filter %.service %.timer,$(packaged)))
rows      = $(foreach m,$(manuals),$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
            $(foreach p,$(papers),$(p):$(docdir)/$(p)) \
            etc/webhooks.d/example.json:$(docdir)/examples/webhooks.d/example.json \
            $(SHIP)/etc/spoolhook.json:$(docdir)/examples/spoolhook.json \
            $(foreach f,$(filter-out $(scripts),$(packaged)),$(SHIP)/$(f):$(sharedir)/$(f))
scripted  = $(foreach f,$(scripts),$(SHIP)/$(f):$(sharedir)/$(f))
completed = $(SHIP)/completion/bash:$(bashcompdir)/spoolhook \
            $(SHIP)/completion/zsh:$(zshcompdir)/_spoolhook \
            $(SHIP)/completion/fish:$(fishcompdir)/spoolhook.fish
# Only by install-system: what the running host reads.
live      = $(foreach u,$(units),$(SHIP)/systemd/$(u):$(unitdir)/$(u)) \
            $(SHIP)/systemd/spoolhook.sysusers:$(sysusersdir)/spoolhook.conf \
            $(SHIP)/systemd/spoolhook.tmpfiles:$(tmpfilesdir)/spoolhook.conf \
            $(SHIP)/logrotate/spoolhook:$(sysconfdir)/logrotate.d/spoolhook

fit = sed -e 's|/usr/bin/spoolhook|$(bindir)/spoolhook|g' \
          -e 's|/usr/share/spoolhook|$(sharedir)|g' \
          -e 's|/etc/spoolhook|$(sysconfdir)/spoolhook|g' \
          -e 's,/var/\(spool\|log\|lib\)/spoolhook,$(localstatedir)/\1/spoolhook,g' \
          $(if $(filter-out /etc,$(sysconfdir)),-e '/^User=spoolhook/i Environment=SPOOLHOOK_CONFIG=$(sysconfdir)/spoolhook')

# put HOW ROWS: installs what is there; a row may lack its file.
define put
@for row in $(2); do \
    from=$${row%%:*}; to="$(DESTDIR)$${row#*:}"; \
    [ -e "$$from" ] || continue; \
    $(INSTALL) -d "$${to%/*}" && $(1) "$$from" "$$to" || exit 1; \
done
endef
# drop ROWS: takes it away again.
define drop
@for row in $(1); do rm -f "$(DESTDIR)$${row#*:}" || exit 1; done
endef

# ---- install ------------------------------------------------------------------------
stage: all
	@rm -rf $(SHIP)
	@mkdir -p $(SHIP)/completion
	@for f in $(packaged) etc/spoolhook.json; do \
	    mkdir -p $$(dirname $(SHIP)/$$f) && $(fit) packaging/$$f >$(SHIP)/$$f || exit 1; \
	done
	@! $(PROGRAM) help completion >/dev/null 2>&1 || for shell in bash zsh fish; do \
	    $(PROGRAM) completion $$shell >$(SHIP)/completion/$$shell || exit 1; \
	done
installdirs:
	for dir in $(bindir) $(mandir) $(docdir) $(sharedir); do $(INSTALL) -d "$(DESTDIR)$$dir" || exit 1; done
install: stage installdirs
	$(INSTALL_PROGRAM) $(PROGRAM) "$(DESTDIR)$(bindir)/spoolhook"
	$(call put,$(INSTALL_SCRIPT),$(scripted))
	$(call put,$(INSTALL_DATA),$(rows) $(completed))
# The units, the user and groups, the spool's directories, rotation.
install-system: install
	$(call put,$(INSTALL_DATA),$(live))
install-strip:
	$(MAKE) INSTALL_PROGRAM='$(INSTALL_PROGRAM) -s' install
installcheck:
	"$(DESTDIR)$(bindir)/spoolhook" --version
	"$(DESTDIR)$(bindir)/spoolhook" -c "$(DESTDIR)$(docdir)/examples" check
# Keeps the configuration and the spool.
uninstall:
	rm -f "$(DESTDIR)$(bindir)/spoolhook"
	$(call drop,$(rows) $(scripted) $(completed) $(live))
	@for dir in $(docdir) $(sharedir); do \
	    [ ! -d "$(DESTDIR)$$dir" ] || find "$(DESTDIR)$$dir" -depth -type d -empty -delete; \
	done

# ---- archives and packages -----------------------------------------------------------
# The same tree gives the same archive: names sorted, one time for all.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
archive_name = spoolhook-$(VERSION)
# What git tracks; without git, as in an unpacked archive, all that was not built.
sources = if [ -e .git ]; then git ls-files -z; else \
          find * .[!.]* \( -path build -o -path bin/spoolhook -o -path debian -o \
          -path 'spool/*' ! -name .gitkeep \) -prune -o -type f -print0; fi
dist:
	@mkdir -p $(B)
	$(sources) | tar --null --files-from=- --sort=name --owner=0 --group=0 --numeric-owner \
	    --mtime=@$(SOURCE_DATE_EPOCH) --mode=go=rX,u+w --transform='s|^|$(archive_name)/|' \
	    -cf - | gzip -n9 >$(B)/$(archive_name).tar.gz
# Debian, source and binary package: bin/setup package installs what it takes.
deb: dist
	rm -rf $(B)/deb
	mkdir -p $(B)/deb
	tar -xzf $(B)/$(archive_name).tar.gz -C $(B)/deb
	cp $(B)/$(archive_name).tar.gz $(B)/deb/spoolhook_$(VERSION).orig.tar.gz
	cp -r $(B)/deb/$(archive_name)/packaging/debian $(B)/deb/$(archive_name)/debian
	cd $(B)/deb/$(archive_name) && env -u MAKEFLAGS -u MAKELEVEL -u B dpkg-buildpackage -us -uc
	@ls $(B)/deb/*.deb

# The package on a bare Debian under a systemd of its own, as root; it needs a network.
host: deb
	prove -v tests/host/story.t

.PHONY: stage host installdirs install install-system install-strip installcheck uninstall dist deb
