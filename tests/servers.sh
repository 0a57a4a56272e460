#!/bin/sh
# Install the Debian packages that tests run against, where they are absent and we may.
# With arguments: those packages instead.  What can't be had is left to the tests, which
# skip and say so (or fail, where CI=true).
set -u

if [ $# -gt 0 ]; then
    missing="$*"
else
    missing=""
    command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
    command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
    command -v curl >/dev/null 2>&1 || missing="$missing curl"
    command -v node >/dev/null 2>&1 || missing="$missing nodejs"
    command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
    command -v memcached >/dev/null 2>&1 || missing="$missing memcached"
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    become=""
elif sudo -n true 2>/dev/null; then
    become="sudo -n"
else
    echo "not installed, and not ours to install:$missing"
    exit 0
fi
command -v apt-get >/dev/null 2>&1 || { echo "no apt-get to install:$missing"; exit 0; }

echo "installing:$missing ..."
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
$become apt-get update -qq >/dev/null 2>&1
# shellcheck disable=SC2086
$become apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    echo "could not install:$missing"
exit 0
