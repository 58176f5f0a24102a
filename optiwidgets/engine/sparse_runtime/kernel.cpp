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

// ---- A net as steps over values, images innermost ------------------------------------------------
// A value holds C channels of H x W pixels, each pixel a vector of LANES images, with a ring of
// zeros where a convolution reads beyond the border: [C][hp][wp] vectors. A weight that is not zero
// is one multiply-add of vectors, and a zero is not there.

typedef float Vec __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))

struct Value {
    int64_t at;  // first vector in the scratch memory; -1: the images themselves
    int32_t c, h, w, top, left, hp, wp;
};

enum Kind { CONV, MAX_POOL, MEAN_POOL, ADD, MULTIPLY, ACTIVATE, CONCAT, SCALE };
enum Activation { NONE, RELU, RELU6, HARD_SWISH, HARD_SIGMOID, SIGMOID, SWISH };

struct Step {
    int32_t kind, activation, halve;  // halve: of 2 x 2 outputs of a convolution the largest is kept
    int32_t in, other, out;           // values
    int32_t stride_h, stride_w, kernel_h, kernel_w, pad_h, pad_w, count_pad;
    int32_t at;             // first channel written, by CONCAT
    const int32_t *first;   // (C + 1,) of each output channel's weights
    const int32_t *offset;  // of each weight's input, in vectors from the window's first
    const float *weight;
    const float *bias;  // (C,)
};

struct Program {
    int32_t steps, answer;  // the value that holds the scores
    const Step *step;
    const Value *value;
};

INLINE Vec all(float x) { return x - Vec{}; }  // x + 0 would not be x for -0, and an addition
INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }
INLINE Vec smaller(Vec a, Vec b) { return a < b ? a : b; }

// e^x to 2 ulp: 2^n times a polynomial of the remainder (Cephes).
INLINE Vec exponential(Vec x) {
    typedef int32_t Ints __attribute__((vector_size(4 * LANES)));
    x = smaller(larger(x, all(-87.0f)), all(88.0f));
    Vec scaled = x * all(1.44269504f);
    Ints whole = __builtin_convertvector(scaled + (scaled < all(0) ? all(-0.5f) : all(0.5f)), Ints);
    Vec n = __builtin_convertvector(whole, Vec);
    Vec r = x - n * all(0.693359375f) + n * all(2.12194440e-4f);
    Vec p = all(1.9875691500e-4f);
    p = p * r + all(1.3981999507e-3f);
    p = p * r + all(8.3334519073e-3f);
    p = p * r + all(4.1665795894e-2f);
    p = p * r + all(1.6666665459e-1f);
    p = p * r + all(5.0000001201e-1f);
    p = p * r * r + r + all(1.0f);
    Ints power = (whole + 127) << 23;
    return p * (Vec)power;
}

INLINE Vec hard_sigmoid(Vec x) {
    return smaller(larger(x * all(1.0f / 6) + all(0.5f), all(0)), all(1));
}

INLINE Vec sigmoid(Vec x) { return all(1) / (all(1) + exponential(-x)); }

INLINE Vec activated(Vec x, int activation) {
    switch (activation) {
        case RELU: return larger(x, all(0));
        case RELU6: return smaller(larger(x, all(0)), all(6));
        case HARD_SWISH: return x * hard_sigmoid(x);
        case HARD_SIGMOID: return hard_sigmoid(x);
        case SIGMOID: return sigmoid(x);
        case SWISH: return x * sigmoid(x);
        default: return x;
    }
}

// R x T neighbouring outputs of one channel: all weights of the channel, once.
template <int R, int T, int S>
INLINE void tile(const Vec *in, int64_t row, const int32_t *offset, const float *weight, int n,
                 float bias, Vec (&sum)[R][T]) {
#pragma GCC unroll 32
    for (int r = 0; r < R; r++)
#pragma GCC unroll 32
        for (int t = 0; t < T; t++) sum[r][t] = all(bias);
    for (int k = 0; k < n; k++) {
        const Vec w = all(weight[k]), *p = in + offset[k];
#pragma GCC unroll 2
        for (int r = 0; r < R; r++, p += row) {
            __asm__("" : "+r"(p));  // one address for the row, not one for each vector
#pragma GCC unroll 32
            for (int t = 0; t < T; t++) sum[r][t] += w * p[t * S];
        }
    }
}

struct Conv {
    const Step &s;
    const Value &from, &to;
    const Vec *in;
    Vec *out, *poison;  // a sum that is not finite leaves nan there
};

template <int R, int T, int S, bool HALVE>
static void column(const Conv &c, int y, int x) {
    const int64_t row = (int64_t)c.s.stride_h * c.from.wp;
    const Vec *in = c.in + y * row + (int64_t)x * S;
    const int shrink = HALVE ? 2 : 1;
    Vec *out = c.out + (y / shrink) * c.to.wp + x / shrink, bad = *c.poison;
    for (int o = 0; o < c.to.c; o++, out += (int64_t)c.to.hp * c.to.wp) {
        Vec sum[R][T];
        const int k = c.s.first[o], n = c.s.first[o + 1] - k;
        tile<R, T, S>(in, row, c.s.offset + k, c.s.weight + k, n, c.s.bias[o], sum);
        Vec part[4] = {all(0), all(0), all(0), all(0)};  // four chains: each waits for itself
#pragma GCC unroll 32
        for (int r = 0; r < R; r++)
#pragma GCC unroll 32
            for (int t = 0; t < T; t++) part[(r * T + t) % 4] += sum[r][t] * all(0);
        bad += (part[0] + part[1]) + (part[2] + part[3]);
        if constexpr (HALVE) {
#pragma GCC unroll 32
            for (int t = 0; t < T / 2; t++) {
                Vec most = larger(larger(sum[0][2 * t], sum[0][2 * t + 1]),
                                  larger(sum[R - 1][2 * t], sum[R - 1][2 * t + 1]));
                out[t] = activated(most, c.s.activation);
            }
        } else {
#pragma GCC unroll 32
            for (int r = 0; r < R; r++)
#pragma GCC unroll 32
                for (int t = 0; t < T; t++) {
                    out[r * c.to.wp + t] = activated(sum[r][t], c.s.activation);
                }
        }
    }
    *c.poison = bad;
}

// The width in tiles, the widest first: sums of a tile stay in registers (32 or 16 there are).
template <int R, int S, bool HALVE>
static void columns(const Conv &c, int y, int width) {
    constexpr int MOST = (LANES == 16 ? 28 : 12) / R;
    int x = 0;
    if constexpr (MOST >= 14)
        for (; x + 14 <= width; x += 14) column<R, 14, S, HALVE>(c, y, x);
    if constexpr (MOST >= 12)
        for (; x + 12 <= width; x += 12) column<R, 12, S, HALVE>(c, y, x);
    if constexpr (MOST >= 8)
        for (; x + 8 <= width; x += 8) column<R, 8, S, HALVE>(c, y, x);
    for (; x + 6 <= width; x += 6) column<R, 6, S, HALVE>(c, y, x);
    for (; x + 4 <= width; x += 4) column<R, 4, S, HALVE>(c, y, x);
    for (; x + 2 <= width; x += 2) column<R, 2, S, HALVE>(c, y, x);
    if constexpr (!HALVE)
        for (; x < width; x++) column<R, 1, S, HALVE>(c, y, x);
}

template <int S>
static void convolve_by(const Conv &c) {
    if (c.s.halve) {  // an odd last row or column of sums is in no window
        for (int y = 0; y < 2 * c.to.h; y += 2) columns<2, S, true>(c, y, 2 * c.to.w);
        return;
    }
    int y = 0;
    for (; y + 2 <= c.to.h; y += 2) columns<2, S, false>(c, y, c.to.w);
    for (; y < c.to.h; y++) columns<1, S, false>(c, y, c.to.w);
}

// One output for each channel: eight sums, since one would wait for itself.
static void multiply_rows(const Conv &c) {
    Vec bad = *c.poison;
    for (int o = 0; o < c.to.c; o++) {
        Vec sum[8] = {all(c.s.bias[o])};
        int k = c.s.first[o];
        const int end = c.s.first[o + 1];
        for (; k + 8 <= end; k += 8) {
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++) sum[i] += all(c.s.weight[k + i]) * c.in[c.s.offset[k + i]];
        }
        for (; k < end; k++) sum[0] += all(c.s.weight[k]) * c.in[c.s.offset[k]];
        Vec x = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
        bad += x * all(0);
        c.out[(int64_t)o * c.to.hp * c.to.wp] = activated(x, c.s.activation);
    }
    *c.poison = bad;
}

static void convolve(const Conv &c) {
    if (c.to.h == 1 && c.to.w == 1 && !c.s.halve) return multiply_rows(c);
    if (c.s.stride_w == 1) return convolve_by<1>(c);
    if (c.s.stride_w == 2) return convolve_by<2>(c);
    for (int y = 0; y < c.to.h; y++)  // a rare stride, one output at a time
        for (int x = 0; x < c.to.w; x++) {
            Conv at = c;
            at.in += (int64_t)x * c.s.stride_w;
            at.out += x;
            column<1, 1, 1, false>(at, y, 0);
        }
}

static void pool(const Step &s, const Value &from, const Value &to, const Vec *in, Vec *out) {
    for (int ch = 0; ch < to.c; ch++)
        for (int y = 0; y < to.h; y++)
            for (int x = 0; x < to.w; x++) {
                const int top = y * s.stride_h - s.pad_h, left = x * s.stride_w - s.pad_w;
                const int y0 = top > 0 ? top : 0, x0 = left > 0 ? left : 0;
                const int y1 = top + s.kernel_h < from.h ? top + s.kernel_h : from.h;
                const int x1 = left + s.kernel_w < from.w ? left + s.kernel_w : from.w;
                const Vec *p = in + (int64_t)ch * from.hp * from.wp;
                Vec most = p[y0 * from.wp + x0], sum = all(0);
                for (int i = y0; i < y1; i++)
                    for (int j = x0; j < x1; j++) {
                        most = larger(most, p[i * from.wp + j]);
                        sum += p[i * from.wp + j];
                    }
                const int count = s.count_pad ? s.kernel_h * s.kernel_w : (y1 - y0) * (x1 - x0);
                const Vec mean = sum * all(1.0f / (float)count);
                out[((int64_t)ch * to.hp + y) * to.wp + x] =
                    activated(s.kind == MAX_POOL ? most : mean, s.activation);
            }
}

// Value by value; a second one of one pixel a channel counts for all of the channel's pixels.
static void combine(const Step &s, const Value &from, const Value &beside, const Value &to,
                    const Vec *in, const Vec *other, Vec *out) {
    const bool spread = s.other >= 0 && beside.h == 1 && beside.w == 1;
    for (int ch = 0; ch < from.c; ch++)
        for (int y = 0; y < from.h; y++)
            for (int x = 0; x < from.w; x++) {
                Vec a = in[((int64_t)ch * from.hp + y) * from.wp + x], b = all(0);
                if (s.other >= 0) {
                    const int row = spread ? 0 : y, col = spread ? 0 : x;
                    b = other[((int64_t)ch * beside.hp + row) * beside.wp + col];
                }
                if (s.kind == ADD) a += b;
                if (s.kind == MULTIPLY) a *= b;
                if (s.kind == SCALE) a = a * all(s.weight[ch]) + all(s.bias[ch]);
                out[((int64_t)(ch + s.at) * to.hp + y) * to.wp + x] = activated(a, s.activation);
            }
}

INLINE int64_t inside(const Value &v) { return (int64_t)v.top * v.wp + v.left; }

// Runs blocks of images until none is left, beside other threads that share `next`. `images` are
// (blocks, C, hp, wp) vectors with the ring of the first value, `scores` (blocks, K) vectors,
// `scratch` vectors of zeros for this thread alone. Returns 1 if a sum was not finite.
EXPORTED int sparse_run(const Program *program, const float *images, int64_t block_size,
                        int32_t blocks, int32_t *next, float *scratch, float *scores) {
    Vec *memory = (Vec *)scratch, poison = all(0);
    const Value &answer = program->value[program->answer];
    for (int b; (b = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < blocks;) {
        const Vec *block = (const Vec *)images + b * block_size;
        for (int i = 0; i < program->steps; i++) {
            const Step &s = program->step[i];
            const Value &from = program->value[s.in], &to = program->value[s.out];
            const Value &beside = program->value[s.other >= 0 ? s.other : s.in];
            const Vec *in = from.at < 0 ? block : memory + from.at;
            const Vec *other = (beside.at < 0 ? block : memory + beside.at) + inside(beside);
            Vec *out = memory + to.at + inside(to);
            if (s.kind == CONV)  // its windows begin in the ring
                convolve(Conv{s, from, to, in, out, &poison});
            else if (s.kind == MAX_POOL || s.kind == MEAN_POOL)
                pool(s, from, to, in + inside(from), out);
            else
                combine(s, from, beside, to, in + inside(from), other, out);
        }
        Vec *result = (Vec *)scores + (int64_t)b * answer.c;
        const Vec *found = memory + answer.at + inside(answer);
        for (int ch = 0; ch < answer.c; ch++) result[ch] = found[(int64_t)ch * answer.hp * answer.wp];
    }
    for (int lane = 0; lane < LANES; lane++)
        if (!(poison[lane] == 0)) return 1;
    return 0;
}
