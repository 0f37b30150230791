# Debian packages that Talktime's scripts need, installed when they may be and are missing.
# To be sourced:   . scripts/lib/system_packages.sh && ensure_system_packages
# shellcheck shell=bash

# What each package is for. A command tells whether it is there, however it was installed.
#   postgresql    the tests start servers of their own from its programs
#   sip-tester    sipp plays callers and called parties in the end-to-end tests
#   hledger       reads our books in the tests, and has to agree with us
#   espeak-ng     speaks the prompts; sox makes telephone sounds of them
#   chromium      the tests look at the admin pages in it; fonts-liberation has its letters
#   python3-venv  the program's own environment
#   fonts-dejavu-core  letters of print sheets beyond those of Western Europe
#   age           the tests read printers' files with it, as a printer does
#   strace        the fault tests let writes and syncs of files fail with it
#   faketime      and set the clock of a running program with it
TALKTIME_PACKAGES=(fonts-dejavu-core age postgresql hledger sip-tester espeak-ng sox chromium fonts-liberation
  python3-venv strace faketime)

# Is the package's work done by something that is on this machine?
system_package_is_here() {
  case "$1" in
    postgresql)
      command -v postgres >/dev/null 2>&1 ||
        compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null ;;
    sip-tester) command -v sipp >/dev/null 2>&1 ;;
    espeak-ng) command -v espeak-ng >/dev/null 2>&1 ;;
    hledger) command -v hledger >/dev/null 2>&1 ;;
    sox) command -v sox >/dev/null 2>&1 ;;
    age) command -v age >/dev/null 2>&1 ;;
    strace) command -v strace >/dev/null 2>&1 ;;
    faketime) compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null ;;
    fonts-dejavu-core)
      compgen -G '/usr/share/fonts/*/DejaVuSans-Bold.ttf' >/dev/null ||
        compgen -G '/usr/share/fonts/*/*/DejaVuSans-Bold.ttf' >/dev/null ;;
    chromium) command -v chromium >/dev/null 2>&1 || [ -x "${TALKTIME_CHROMIUM:-}" ] ;;
    fonts-liberation) compgen -G '/usr/share/fonts/truetype/liberation*/*.ttf' >/dev/null ;;
    python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
    *) dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed' ;;
  esac
}

# Ensure the named packages, all of them by default. Returns 1, having said what is missing and
# which command installs it, when they are not there and cannot be installed.
ensure_system_packages() {
  local package missing=()
  [ $# -gt 0 ] || set -- "${TALKTIME_PACKAGES[@]}"
  for package in "$@"; do
    system_package_is_here "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  if ! command -v apt-get >/dev/null 2>&1; then
    echo "These packages of Debian or Ubuntu are missing: ${missing[*]}" >&2
    echo "This machine has no apt-get; install the like of them in its own way." >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing: ${missing[*]}" >&2
    echo "Install them with:" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi

  echo "Installing ${missing[*]} ..." >&2
  if ! install_system_packages "${missing[@]}"; then
    echo "Could not install: ${missing[*]}" >&2
    echo "Try it by hand, and read what apt says:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  for package in "${missing[@]}"; do
    if ! system_package_is_here "$package"; then
      echo "$package was installed, yet what it is needed for is not found." >&2
      return 1
    fi
  done
}

# Debian makes and starts a PostgreSQL cluster when the package is installed. Nobody asked for a
# server here: no cluster is made, and no service is started while apt runs.
install_system_packages() (
  export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
  restore=()
  trap '[ ${#restore[@]} -eq 0 ] || rm -f "${restore[@]}"' EXIT
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d || exit 1
    chmod +x /usr/sbin/policy-rc.d
    restore+=(/usr/sbin/policy-rc.d)
  fi
  # Removed again at the end: whoever installs a PostgreSQL by hand later gets what Debian gives.
  mkdir -p /etc/postgresql-common/createcluster.d || exit 1
  printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/talktime.conf ||
    exit 1
  restore+=(/etc/postgresql-common/createcluster.d/talktime.conf)
  apt-get -qq -o Acquire::Retries=5 update >&2 &&
    apt-get -qq -y -o Acquire::Retries=5 -o Dpkg::Use-Pty=0 \
      -o Dpkg::Options::=--force-confold \
      install --no-install-recommends "$@" >&2
)
