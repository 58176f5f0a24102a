#include <stdint.h>

#ifndef LANES
#define LANES 4
#endif

#if defined(_WIN32)
#define EXPORTED extern "C" __declspec(dllexport)
#else
#define EXPORTED extern "C" __attribute__((visibility("default")))
#endif

EXPORTED int sparse_abi_version(void) { return 3; }

EXPORTED int sparse_lanes(void) { return LANES; }

#if defined(__x86_64__)
// Uses the cpuid instruction, since __builtin_cpu_supports returns false in libraries linked by zig.
struct Leaf {
    uint32_t a, b, c, d;
};

static Leaf cpuid(uint32_t leaf) {
    Leaf r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}

static bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// Bit 0: AVX2 and FMA, bit 1: AVX-512 F, DQ, BW, VL; set only if the system saves the registers.
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

// ---- Blocks of images: a net as steps over values, images innermost ------------------------------
// A value has C channels of H x W pixels. Each pixel is a vector of LANES images. A ring of zeros
// surrounds a channel if a convolution reads beyond its border: [C][hp][wp] vectors. Each non-zero
// weight costs one multiply-add of vectors; zeros are not stored. For a single image, a pixel is a
// float.

typedef float Vec __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));
typedef float Loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#define INFINITE __builtin_inff()
#define DENSE_FROM 0.85f  // share of non-zero weights from which a layer is computed densely
#define INLINE static inline __attribute__((always_inline))

struct Value {
    int64_t at;  // first pixel in the scratch memory; -1 for the images, which are stored elsewhere
    int32_t c, h, w, top, left, hp, wp;
};

enum Kind { CONV, MAX_POOL, MEAN_POOL, ADD, MULTIPLY, ACTIVATE, CONCAT, SCALE };
enum Activation { NONE, RELU, RELU6, HARD_SWISH, HARD_SIGMOID, SIGMOID, SWISH };

struct Step {
    int32_t kind, activation, halve;  // halve: keep only the largest of 2 x 2 outputs of a convolution
    int32_t in, other, out;           // indices of values
    int32_t stride_h, stride_w, kernel_h, kernel_w, pad_h, pad_w, count_pad;
    int32_t at;             // first channel that CONCAT writes
    int32_t dense;          // all rows have the same offsets
    const int32_t *first;   // (C + 1,) index of the first weight of each output channel
    const int32_t *offset;  // offset of each weight's input, in pixels from the window's first
    const float *weight;
    const float *bias;  // (C,)
};

struct Program {
    int32_t steps, answer;  // number of steps; index of the value with the scores
    int64_t size;           // pixels of all values except the images, which are value 0
    const Step *step;
    const Value *value;
};

INLINE Vec all(float x) { return x - Vec{}; }  // not x + 0, which changes -0 and is not folded
template <class V> INLINE V of(float x) { return x - V{}; }
template <class V> INLINE V larger(V a, V b) { return a > b ? a : b; }
INLINE Vec smaller(Vec a, Vec b) { return a < b ? a : b; }
INLINE int64_t pixels(const Value &v) { return (int64_t)v.c * v.hp * v.wp; }
INLINE int64_t inner(const Value &v) { return (int64_t)v.c * v.h * v.w; }
template <class V> INLINE V *inside(V *first, const Value &v) {
    return first + (int64_t)v.top * v.wp + v.left;
}
INLINE Vec load(const float *p) { return *(const Loose *)p; }

// Computes sum + a * b. For WebAssembly, clang fuses a multiplication and an addition only if asked.
#if defined(__wasm_relaxed_simd__)
INLINE Vec add_product(Vec sum, Vec a, Vec b) { return __builtin_wasm_relaxed_madd_f32x4(a, b, sum); }
INLINE float add_product(float sum, float a, float b) { return add_product(all(sum), all(a), all(b))[0]; }
#else
template <class V> INLINE V add_product(V sum, V a, V b) { return sum + a * b; }
#endif

// Sets `bad` to nan if one of the first n numbers of a vector is not finite.
INLINE void note(Vec x, int n, Vec &bad) {
    if (n >= LANES)
        bad += x * all(0);
    else
        for (int i = 0; i < n; i++) bad[i] += x[i] * 0;
}

// Writes at most the first n floats of a vector; sets `bad` to nan if one of them is not finite.
INLINE void store(float *out, Vec x, int n, Vec &bad) {
    if (n >= LANES) {
        *(Loose *)out = x;
        bad += x * all(0);
    } else
        for (int i = 0; i < n; i++) {
            out[i] = x[i];
            bad[i] += x[i] * 0;
        }
}

// Computes e^x to 2 ulp: 2^n times a polynomial of the remainder (Cephes).
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

// Below -87 the result is smaller than the smallest normal float: 0, so x * sigmoid(x) is 0 too.
INLINE Vec sigmoid(Vec x) { return x < all(-87) ? all(0) : all(1) / (all(1) + exponential(-x)); }

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

INLINE float activated(float x, int activation) {
    return activation == NONE ? x : activated(all(x), activation)[0];
}

// Computes R x T neighbouring outputs of P channels with equal offsets; reads each weight once.
template <int P, int R, int T, int S>
INLINE void tile(const Vec *in, int64_t row, const int32_t *offset, const float *weight, int n,
                 const float *bias, Vec (&sum)[P][R][T]) {
#pragma GCC unroll 3
    for (int q = 0; q < P; q++)
#pragma GCC unroll 32
        for (int r = 0; r < R; r++)
#pragma GCC unroll 32
            for (int t = 0; t < T; t++) sum[q][r][t] = all(bias[q]);
    for (int k = 0; k < n; k++, weight++) {
        const Vec *p = in + offset[k];
        Vec w[P];
#pragma GCC unroll 3
        for (int q = 0; q < P; q++) w[q] = all(weight[(int64_t)q * n]);
#pragma GCC unroll 32
        for (int r = 0; r < R; r++, p += row) {
            __asm__("" : "+r"(p));  // makes the compiler use one address per row, not per vector
#pragma GCC unroll 32
            for (int t = 0; t < T; t++)
#pragma GCC unroll 3
                for (int q = 0; q < P; q++) sum[q][r][t] = add_product(sum[q][r][t], w[q], p[t * S]);
        }
    }
}

struct Conv {
    const Step &s;
    const Value &from, &to;
    const Vec *in;
    Vec *out, *poison;  // poison becomes nan if a sum is not finite
    Vec low, high, zero;  // bounds of the activation; in memory, since all registers are in use
};

static __attribute__((noinline)) void activate(Vec *x, int n, int activation) {
    for (int i = 0; i < n; i++) x[i] = activated(x[i], activation);
}

// Writes a channel's outputs: 2 x 2 maxima and activation of its sums.
template <int R, int T, bool HALVE>
INLINE void finish(const Conv &c, const Vec (&sum)[R][T], Vec *out) {
    constexpr int SHRINK = HALVE ? 2 : 1;
    Vec part[4] = {c.zero, c.zero, c.zero, c.zero};  // four independent chains hide the latency
#pragma GCC unroll 32
    for (int r = 0; r < R; r++)
#pragma GCC unroll 32
        for (int t = 0; t < T; t++) part[(r * T + t) % 4] += sum[r][t] * c.zero;
    *c.poison += (part[0] + part[1]) + (part[2] + part[3]);
#pragma GCC unroll 32
    for (int r = 0; r < R; r += SHRINK)
#pragma GCC unroll 32
        for (int t = 0; t < T; t += SHRINK) {
            Vec most = sum[r][t];
            if constexpr (HALVE)
                most = larger(larger(most, sum[r][t + 1]), larger(sum[r + 1][t], sum[r + 1][t + 1]));
            out[(r / SHRINK) * c.to.wp + t / SHRINK] = smaller(larger(most, c.low), c.high);
        }
    if (c.s.activation > RELU6)
        for (int r = 0; r < R / SHRINK; r++)
            activate(out + r * c.to.wp, T / SHRINK, c.s.activation);
}

// Computes a tile of channels o to end, P at a time; returns the first channel not computed.
template <int P, int R, int T, int S, bool HALVE>
static int channels(const Conv &c, int y, int x, int o, int end) {
    const int64_t row = (int64_t)c.s.stride_h * c.from.wp, plane = (int64_t)c.to.hp * c.to.wp;
    const Vec *in = c.in + y * row + (int64_t)x * S;
    constexpr int SHRINK = HALVE ? 2 : 1;
    Vec *out = c.out + o * plane + (y / SHRINK) * c.to.wp + x / SHRINK;
    for (; o + P <= end; o += P) {
        Vec sum[P][R][T];
        const int k = c.s.first[o], n = c.s.first[o + 1] - k;
        tile<P, R, T, S>(in, row, c.s.offset + k, c.s.weight + k, n, c.s.bias + o, sum);
#pragma GCC unroll 3
        for (int q = 0; q < P; q++, out += plane) finish<R, T, HALVE>(c, sum[q], out);
    }
    return o;
}

// Computes a tile of all channels. P = 3: one load for three multiply-adds, for dense weights.
template <int P, int R, int T, int S, bool HALVE>
INLINE void column(const Conv &c, int y, int x) {
    int o = 0;
    if constexpr (P == 3) {
        o = channels<3, R, T, S, HALVE>(c, y, x, o, c.to.c % 3 == 1 ? c.to.c - 4 : c.to.c);
        o = channels<2, R, T, S, HALVE>(c, y, x, o, c.to.c);
    }
    channels<1, R, T, S, HALVE>(c, y, x, o, c.to.c);
}

template <int P, int R, int T, int S, bool HALVE>
INLINE void along(const Conv &c, int y, int &x, int width) {
    for (; x + T <= width; x += T) column<P, R, T, S, HALVE>(c, y, x);
}

template <int P, int R, int T, int S, bool HALVE>
INLINE void down(const Conv &c, int &y, int x, int height) {
    for (; y + R <= height; y += R) column<P, R, T, S, HALVE>(c, y, x);
}

// Computes R rows in tiles, the widest first; returns the column after the last tile.
template <int P, int S, bool HALVE, int R, int... T>
static int row(const Conv &c, int y, int width) {
    int x = 0;
    (along<P, R, T, S, HALVE>(c, y, x, width), ...);
    return x;
}

// Computes T columns in tiles, the highest first.
template <int P, int S, bool HALVE, int T, int... R>
static void strip(const Conv &c, int x, int height) {
    int y = 0;
    (down<P, R, T, S, HALVE>(c, y, x, height), ...);
}

// Sums of a tile stay in registers (32 or 16 exist); 8 sums or more hide the latency of an addition.
#if LANES == 16
#define TWO_ROWS 14, 12, 8, 6, 4
#define ONE_ROW TWO_ROWS
#define DENSE 4, 2
#else
#define TWO_ROWS 6, 4
#define ONE_ROW 12, 6, 4
#define DENSE 2
#endif

// Computes two rows at a time, then a last row; remaining columns in strips of two and of one.
template <int S>
static void convolve_by(const Conv &c) {
    const int width = c.to.w, height = c.to.h;
    int x = 0, y = 0;
    if (c.s.dense && c.s.halve) {
        for (; y < 2 * height; y += 2) row<3, S, true, 2, DENSE>(c, y, 2 * width);
    } else if (c.s.halve) {  // an odd last row or column of sums belongs to no window
        for (; y < 2 * height; y += 2) x = row<1, S, true, 2, TWO_ROWS>(c, y, 2 * width);
        if (x < 2 * width) strip<1, S, true, 2, 6, 4, 2>(c, x, 2 * height);
    } else if (c.s.dense) {
        for (; y + 2 <= height; y += 2) x = row<3, S, false, 2, DENSE>(c, y, width);
        if (y < height) row<3, S, false, 1, 4, 2, 1>(c, y, width);
        if (x < width) strip<3, S, false, 1, 4, 2>(c, x, height);
    } else {
        for (; y + 2 <= height; y += 2) x = row<1, S, false, 2, TWO_ROWS>(c, y, width);
        if (y < height) x = row<1, S, false, 1, ONE_ROW>(c, y, width);
        for (; x + 2 <= width; x += 2) strip<1, S, false, 2, 6, 4, 2, 1>(c, x, height);
        if (x < width) strip<1, S, false, 1, 8, 4, 2, 1>(c, x, height);
    }
}

// Computes the dot product of whole vectors of neighbours; sets k to the first weight left out.
INLINE float product(const float *in, const float *weight, int n, int &k) {
    Vec part[4] = {};
    int i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            part[j] = add_product(part[j], load(weight + i + j * LANES), load(in + i + j * LANES));
    k += i;
    const Vec sum = (part[0] + part[1]) + (part[2] + part[3]);
    float total = 0;
    for (int lane = 0; lane < LANES; lane++) total += sum[lane];
    return total;
}

// Computes one output per channel, in eight independent sums to hide the latency.
template <class V>
static void multiply_rows(const Step &s, const Value &to, const V *in, V *out, Vec &bad) {
    for (int o = 0; o < to.c; o++, out += (int64_t)to.hp * to.wp) {
        V sum[8] = {};
        int k = s.first[o];
        const int end = s.first[o + 1];
        if constexpr (sizeof(V) == 4)
            if (k < end && s.offset[end - 1] - s.offset[k] == end - 1 - k)  // a row without zeros
                sum[0] = product(in + s.offset[k], s.weight + k, end - k, k);
        for (; k + 8 <= end; k += 8) {
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                sum[i] = add_product(sum[i], of<V>(s.weight[k + i]), in[s.offset[k + i]]);
        }
        for (; k < end; k++) sum[0] = add_product(sum[0], of<V>(s.weight[k]), in[s.offset[k]]);
        V x = ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
        x += s.bias[o];
        bad += x * all(0);
        *out = activated(x, s.activation);
    }
}

static void convolve(const Conv &c) {
    if (c.to.h == 1 && c.to.w == 1 && !c.s.halve)
        return multiply_rows(c.s, c.to, c.in, c.out, *c.poison);
    if (c.s.stride_w == 1) return convolve_by<1>(c);
    if (c.s.stride_w == 2) return convolve_by<2>(c);
    for (int y = 0; y < c.to.h; y++)  // other strides are rare: one output at a time
        for (int x = 0; x < c.to.w; x++) {
            Conv at = c;
            at.in += (int64_t)x * c.s.stride_w;
            at.out += x;
            column<1, 1, 1, 1, false>(at, y, 0);
        }
}

// ---- Single image: a vector is LANES neighbouring pixels of a channel ------------------------------

// Computes M vectors of neighbouring sums in U independent chains; reads each weight once.
template <int M, int U>
static void sums(const float *in, const int32_t *offset, const float *weight, int n, float bias,
                 float *out) {
    Vec sum[U][M];
#pragma GCC unroll 32
    for (int u = 0; u < U; u++)
#pragma GCC unroll 32
        for (int m = 0; m < M; m++) sum[u][m] = all(u ? 0 : bias);
    int k = 0;
    for (; k + U <= n; k += U)
#pragma GCC unroll 32
        for (int u = 0; u < U; u++) {
            const Vec w = all(weight[k + u]);
            const float *p = in + offset[k + u];
#pragma GCC unroll 32
            for (int m = 0; m < M; m++) sum[u][m] += w * load(p + m * LANES);
        }
    for (; k < n; k++)
#pragma GCC unroll 32
        for (int m = 0; m < M; m++) sum[0][m] += all(weight[k]) * load(in + offset[k] + m * LANES);
#pragma GCC unroll 32
    for (int m = 0; m < M; m++) {
#pragma GCC unroll 32
        for (int u = 1; u < U; u++) sum[0][m] += sum[u][m];
        *(Loose *)(out + m * LANES) = sum[0][m];
    }
}

// Computes `vectors` (at most M) neighbouring vectors from pixel p on, of all channels.
template <int M>
static void sweep(const Step &s, const float *in, float *out, int channels, int64_t plane,
                  int64_t p, int vectors) {
    if constexpr (M > 1)
        if (vectors < M) return sweep<M - 1>(s, in, out, channels, plane, p, vectors);
    constexpr int U = M < 3 ? 8 / M : M == 3 ? 3 : M < 8 ? 2 : 1;  // 8 sums or more hide latency
    for (int o = 0; o < channels; o++) {
        const int k = s.first[o], n = s.first[o + 1] - k;
        sums<M, U>(in + p, s.offset + k, s.weight + k, n, s.bias[o], out + o * plane + p);
    }
}

// Reorders pixels by their position modulo the stride, so neighbouring outputs read neighbours.
static void separate(const Step &s, const Value &from, const float *in, float *out) {
    const int h = (from.hp + s.stride_h - 1) / s.stride_h, w = (from.wp + s.stride_w - 1) / s.stride_w;
    for (int ch = 0; ch < from.c; ch++, in += (int64_t)from.hp * from.wp)
        for (int i = 0; i < s.stride_h; i++)
            for (int j = 0; j < s.stride_w; j++, out += (int64_t)h * w)
                for (int y = 0; y * s.stride_h + i < from.hp; y++) {
                    const float *row = in + (int64_t)(y * s.stride_h + i) * from.wp + j;
                    for (int x = 0; x * s.stride_w + j < from.wp; x++) out[y * w + x] = row[x * s.stride_w];
                }
}

// Copies the outputs among the sums of a plane to the rows of a value, with maxima and activation.
static void settle(const Step &s, const Value &to, const float *sum, int pitch, float *out, Vec &bad) {
    const int rows = s.halve ? 2 : 1, width = to.w * rows;
    uint32_t infinite = 0;
    for (int y = 0; y < to.h; y++, sum += rows * pitch, out += to.wp) {
        for (int r = 0; r < rows; r++)
            for (int x = 0; x < width; x++) {
                uint32_t bits;
                __builtin_memcpy(&bits, sum + r * pitch + x, 4);
                infinite |= (bits & 0x7fffffff) >= 0x7f800000;
            }
        const float *from = sum;
        if (s.halve) {
            float *__restrict most = out;
            const float *__restrict one = sum, *__restrict two = sum + pitch;
            for (int x = 0; x < to.w; x++)
                most[x] = larger(larger(one[2 * x], one[2 * x + 1]), larger(two[2 * x], two[2 * x + 1]));
            from = out;
        }
        Vec ignored = all(0);
        for (int x = 0; x < to.w; x += LANES)
            store(out + x, activated(load(from + x), s.activation), to.w - x, ignored);
    }
    if (infinite) bad += all(__builtin_nanf(""));
}

// Sizes of the planes of sums, which are as wide as the input; sums in its ring are no outputs.
struct Planes {
    int64_t pitch, separated, sums;  // separated, sums: number of floats of all channels
};

static Planes planes(const Step &s, const Value &from, const Value &to) {
    if (s.kind != CONV || (to.h == 1 && to.w == 1 && !s.halve)) return Planes{};
    const int64_t pitch = (from.wp + s.stride_w - 1) / s.stride_w;
    const int64_t rows = (from.hp + s.stride_h - 1) / s.stride_h;
    const bool strided = s.stride_h > 1 || s.stride_w > 1;
    const int shrink = s.halve ? 2 : 1;
    const int64_t used = (to.h * shrink - 1) * pitch + to.w * shrink;
    return Planes{pitch, strided ? pitch * rows * s.stride_h * s.stride_w * from.c : 0,
                  (used + LANES - 1) / LANES * LANES * to.c};
}

// Computes a convolution of one image; `work` has room for all planes and LANES more floats.
static void convolve_one(const Step &s, const Value &from, const Value &to, const float *in, float *out,
                         float *work, Vec &bad) {
    const Planes all = planes(s, from, to);
    if (!all.sums) return multiply_rows(s, to, in, inside(out, to), bad);
    if (all.separated) {
        separate(s, from, in, work);
        in = work;
        work += all.separated;
    }
    constexpr int MOST = 12;
    const int64_t plane = all.sums / to.c;
    int64_t left = plane / LANES, parts = (left + MOST - 1) / MOST;
    for (int64_t p = 0; parts; parts--) {  // parts of equal size: a small one cannot hide latency
        const int vectors = (int)((left + parts - 1) / parts);
        sweep<MOST>(s, in, work, to.c, plane, p, vectors);
        p += vectors * LANES;
        left -= vectors;
    }
    out = inside(out, to);
    for (int o = 0; o < to.c; o++, out += (int64_t)to.hp * to.wp)
        settle(s, to, work + o * plane, (int)all.pitch, out, bad);
}

// Returns the number of floats that the planes of the largest step need.
static int64_t room(const Program &program) {
    int64_t most = 0;
    for (int i = 0; i < program.steps; i++) {
        const Step &s = program.step[i];
        const Planes all = planes(s, program.value[s.in], program.value[s.out]);
        most = larger(most, all.separated + all.sums);
    }
    return most;
}

// ---- Other steps -----------------------------------------------------------------------------------

template <class V>
static void pool(const Step &s, const Value &from, const Value &to, const V *in, V *out, Vec &bad) {
    for (int ch = 0; ch < to.c; ch++)
        for (int y = 0; y < to.h; y++)
            for (int x = 0; x < to.w; x++) {
                const int top = y * s.stride_h - s.pad_h, left = x * s.stride_w - s.pad_w;
                const int y0 = top > 0 ? top : 0, x0 = left > 0 ? left : 0;
                const int y1 = top + s.kernel_h < from.h ? top + s.kernel_h : from.h;
                const int x1 = left + s.kernel_w < from.w ? left + s.kernel_w : from.w;
                const V *p = in + (int64_t)ch * from.hp * from.wp;
                V most = p[y0 * from.wp + x0], sum = {};
                for (int i = y0; i < y1; i++)
                    for (int j = x0; j < x1; j++) {
                        most = larger(most, p[i * from.wp + j]);
                        sum += p[i * from.wp + j];
                    }
                const int count = s.count_pad ? s.kernel_h * s.kernel_w : (y1 - y0) * (x1 - x0);
                const V found = s.kind == MAX_POOL ? most : sum * (1.0f / (float)count);
                bad += found * all(0);
                out[((int64_t)ch * to.hp + y) * to.wp + x] = activated(found, s.activation);
            }
}

// Combines values row by row; a second value with one pixel per channel is broadcast.
template <class V>
static void combine(const Step &s, const Value &from, const Value &beside, const Value &to, const V *in,
                    const V *other, V *out, Vec &bad) {
    const bool spread = s.other >= 0 && beside.h == 1 && beside.w == 1;
    const int floats = sizeof(V) / 4 * from.w;
    for (int ch = 0; ch < from.c; ch++)
        for (int y = 0; y < from.h; y++) {
            const float *a = (const float *)(in + ((int64_t)ch * from.hp + y) * from.wp);
            const V *b = other + ((int64_t)ch * beside.hp + (spread ? 0 : y)) * beside.wp;
            float *made = (float *)(out + ((int64_t)(ch + s.at) * to.hp + y) * to.wp);
            for (int i = 0; i < floats; i += LANES) {
                Vec x = load(a + i);
                const Vec z = spread ? *b - Vec{} : load((const float *)b + i);
                if (s.kind == ADD) x += z;
                if (s.kind == MULTIPLY) x *= z;
                if (s.kind == SCALE) x = x * all(s.weight[ch]) + all(s.bias[ch]);
                note(x, floats - i, bad);  // before the activation, which may convert nan to a number
                store(made + i, activated(x, s.activation), floats - i, bad);
            }
        }
}

// Runs all steps; `memory` has all values except the images and, for one image, working memory.
template <class V>
static void run_steps(const Program &program, const V *images, V *memory, Vec &bad, V *scores) {
    for (int i = 0; i < program.steps; i++) {
        const Step &s = program.step[i];
        const Value &from = program.value[s.in], &to = program.value[s.out];
        const Value &beside = program.value[s.other >= 0 ? s.other : s.in];
        const V *in = from.at < 0 ? images : memory + from.at;
        const V *other = inside(beside.at < 0 ? images : memory + beside.at, beside);
        V *out = inside(memory + to.at, to);
        if (s.kind == MAX_POOL || s.kind == MEAN_POOL)
            pool(s, from, to, inside(in, from), out, bad);
        else if (s.kind != CONV)
            combine(s, from, beside, to, inside(in, from), other, out, bad);
        else if constexpr (sizeof(V) == sizeof(Vec))  // windows of a convolution start in the ring
            convolve(Conv{s, from, to, in, out, &bad, all(s.activation == NONE || s.activation > RELU6 ? -INFINITE : 0), all(s.activation == RELU6 ? 6 : INFINITE), all(0)});
        else
            convolve_one(s, from, to, in, memory + to.at, memory + program.size, bad);
    }
    const Value &answer = program.value[program.answer];
    const V *found = inside((const V *)memory + answer.at, answer);
    for (int ch = 0; ch < answer.c; ch++, found += (int64_t)answer.hp * answer.wp)
        for (int y = 0; y < answer.h; y++)
            for (int x = 0; x < answer.w; x++, scores++) {
                *scores = found[y * answer.wp + x];
                bad += *scores * all(0);
            }
}

static int is_bad(Vec poison) {
    for (int lane = 0; lane < LANES; lane++)
        if (!(poison[lane] == 0)) return 1;
    return 0;
}

// Copies `count` consecutive images of C H W floats into a value with a ring.
static void lay_out(const Value &to, const float *images, int count, Vec *laid, Vec &bad) {
    const int64_t size = inner(to);
    for (int ch = 0; ch < to.c; ch++)
        for (int y = 0; y < to.h; y++) {
            Vec *row = inside(laid, to) + ((int64_t)ch * to.hp + y) * to.wp;
            for (int x = 0; x < to.w; x++, images++) {
                Vec pixels = all(0);
                for (int lane = 0; lane < count; lane++) pixels[lane] = images[lane * size];
                bad += pixels * all(0);
                row[x] = pixels;
            }
        }
}

static void lay_out(const Value &to, const float *image, float *laid, Vec &bad) {
    for (int ch = 0; ch < to.c; ch++)
        for (int y = 0; y < to.h; y++, image += to.w) {
            float *row = inside(laid, to) + ((int64_t)ch * to.hp + y) * to.wp;
            for (int x = 0; x + LANES <= to.w; x += LANES) store(row + x, load(image + x), LANES, bad);
            for (int x = to.w / LANES * LANES; x < to.w; x++) {
                row[x] = image[x];
                bad[0] += image[x] * 0;
            }
        }
}

// Returns the floats of scratch memory for `sparse_run`: the values and a block of images.
EXPORTED int64_t sparse_size(const Program *program) {
    return (program->size + pixels(program->value[0])) * LANES;
}

// Runs blocks of images until none is left; other threads with the same `next` share the blocks.
// `images` are (blocks, C, hp, wp) vectors with the ring of the first value; if `plain` is not 0, they
// are `plain` images of C H W floats. `scores` are (blocks, C, H, W) vectors. `scratch` belongs to the thread
// and is zero at first. Returns 1 if a sum was not finite.
EXPORTED int sparse_run(const Program *program, const float *images, int32_t plain, int32_t blocks,
                        int32_t *next, float *scratch, float *scores) {
    Vec poison = all(0), *memory = (Vec *)scratch;
    const Value &first = program->value[0], &answer = program->value[program->answer];
    const int64_t size = plain ? inner(first) : pixels(first), width = inner(answer);
    for (int b; (b = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < blocks;) {
        const float *block = images + b * size * LANES;
        if (plain) {
            const int left = plain - b * LANES;
            lay_out(first, block, left < LANES ? left : LANES, memory + program->size, poison);
            block = (const float *)(memory + program->size);
        }
        run_steps(*program, (const Vec *)block, memory, poison, (Vec *)scores + b * width);
    }
    return is_bad(poison);
}

#if !defined(BLOCKS_ONLY)
// Returns the floats of scratch memory for `sparse_run_one`: the values, the planes and the image.
EXPORTED int64_t sparse_size_one(const Program *program) {
    return program->size + room(*program) + pixels(program->value[0]) + LANES;
}

// Runs one image of C H W floats; `scratch` is zero at first. Returns 1 if a sum was not finite.
EXPORTED int sparse_run_one(const Program *program, const float *image, float *scratch,
                            float *scores) {
    Vec poison = all(0);
    float *laid = scratch + program->size + room(*program);
    lay_out(program->value[0], image, laid, poison);
    run_steps(*program, (const float *)laid, scratch, poison, scores);
    return is_bad(poison);
}
#endif

// Packs the non-zero weights of R rows. The offsets of a row's inputs are at `offset` or, if `own` is
// not 0, at `offset + r * columns` for row r. `offsets` and `weights` have room for all weights and one
// more, `first` for R + 1 indices. With few zeros a dense product is faster: then all weights are
// packed, and 1 is returned.
EXPORTED int sparse_pack(const float *weight, int32_t rows, int32_t columns, const int32_t *offset,
                         int32_t own, int32_t *first, int32_t *offsets, float *weights) {
    const int64_t size = (int64_t)rows * columns;
    int64_t left = 0;
    for (int64_t i = 0; i < size; i++) left += weight[i] != 0;
    const int dense = !own && left >= DENSE_FROM * (float)size;
    int32_t n = 0;
    for (int r = 0; r < rows; r++, weight += columns, offset += own ? columns : 0) {
        first[r] = n;
        for (int i = 0; i < columns; i++) {
            offsets[n] = offset[i];
            weights[n] = weight[i];
            n += dense || weight[i] != 0;
        }
    }
    first[rows] = n;
    return dense;
}
