#!/bin/sh
# Compiles the helper: build.sh OUT. Needs gcc and binutils for x86_64 and no library.
set -eu
cd "$(dirname "$0")"
gcc -std=gnu11 -Os -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-stack-protector -fno-pic -no-pie \
  -fno-asynchronous-unwind-tables -fno-builtin -mno-sse -Wl,--build-id=none,-N,-z,noseparate-code,-z,norelro,--no-warn-rwx-segments \
  -o "$1" main.c metadata.c packet.c access.c clock.c seed.c text.c
strip --strip-all --remove-section=.comment --remove-section=.note.gnu.property "$1"
