#include <stdint.h>

#ifndef LANES
#define LANES 4
#endif

#if defined(_WIN32)
#define EXPORTED extern "C" __declspec(dllexport)
#else
#define EXPORTED extern "C" __attribute__((visibility("default")))
#endif

EXPORTED int sparse_abi_version(void) { return 1; }

EXPORTED int sparse_lanes(void) { return LANES; }

#if defined(__x86_64__)
// Asked of the processor itself: __builtin_cpu_supports answers "no" in libraries linked by zig.
struct Leaf {
    uint32_t a, b, c, d;
};

static Leaf cpuid(uint32_t leaf) {
    Leaf r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}

static bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// Bit 0: AVX2 and FMA, bit 1: AVX-512 F, DQ, BW, VL; both only where the system keeps the registers.
EXPORTED unsigned sparse_features(void) {
    const Leaf first = cpuid(1);
    if (cpuid(0).a < 7 || !has(first.c, 1u << 12 | 1u << 27 | 1u << 28)) return 0;  // FMA, OSXSAVE, AVX
    uint32_t kept, high;
    __asm__ volatile("xgetbv" : "=a"(kept), "=d"(high) : "c"(0));
    const uint32_t extended = cpuid(7).b;
    if (!has(kept, 0x6) || !has(extended, 1u << 5)) return 0;
    const bool wide = has(kept, 0xe6) && has(extended, 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31);
    return wide ? 3 : 1;
}
#else
EXPORTED unsigned sparse_features(void) { return 0; }
#endif
