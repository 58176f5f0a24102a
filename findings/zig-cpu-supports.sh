#!/usr/bin/env bash
# Compiled by zig, __builtin_cpu_supports reports features of every processor as absent.
#
# Versions: ziglang 0.17.1 (clang inside), Linux x86-64.
# Behaviour: clang's builtin reads a table that the compiler's runtime library fills at the start. Zig's
# own runtime library links without an error and leaves the table empty, so the answer is 0 for SSE2,
# which all x86-64 processors have: code that chooses its instruction set this way silently takes the
# slowest. __builtin_cpu_init() does not help, in programs and shared libraries alike. Asking cpuid does.
# Output seen: "program 0, library 0, library after init 0".
# Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ziglang==0.17.1
cat > "$folder/ask.c" <<'C'
#include <stdio.h>

int supported(void) { return __builtin_cpu_supports("sse2") != 0; }
int supported_after_init(void) { __builtin_cpu_init(); return supported(); }
#ifdef PROGRAM
int main(void) { printf("%d", supported()); }
#endif
C
zig() { "$folder/venv/bin/python" -m ziglang "$@"; }
zig cc -O2 -DPROGRAM "$folder/ask.c" -o "$folder/ask"
zig cc -O2 -shared -fPIC "$folder/ask.c" -o "$folder/libask.so"
asked=$("$folder/venv/bin/python" - "$folder/libask.so" <<'PY'
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
print(f"library {library.supported()}, library after init {library.supported_after_init()}")
PY
)
seen="program $("$folder/ask"), $asked"
echo "$seen"
[ "$seen" = "program 0, library 0, library after init 0" ]
