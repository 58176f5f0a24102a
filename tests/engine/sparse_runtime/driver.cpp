// Compares random nets with plain loops, in memory of exactly the requested sizes. Under
// -fsanitize=address,undefined, a read or a write out of bounds stops the program.
#include "kernel.cpp"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <memory>
#include <random>
#include <vector>

static std::mt19937 source;
static int draw(int low, int high) { return low + (int)(source() % (uint32_t)(high - low + 1)); }
static float number() { return (float)draw(-1000, 1000) / 1000; }

// Zeros, aligned for vectors, with exactly the requested size.
struct Memory {
    float *data;
    explicit Memory(int64_t floats) {
        if (posix_memalign((void **)&data, 64, (size_t)(floats * 4))) abort();
        for (int64_t i = 0; i < floats; i++) data[i] = 0;
    }
    ~Memory() { free(data); }
};

struct Shape {
    int c, h, w;
    int64_t at(int ch, int y, int x) const { return ((int64_t)ch * h + y) * w + x; }
    int64_t size() const { return (int64_t)c * h * w; }
};

// An operation with its weights in three layouts: for blocks of images, for one image, and dense.
struct Layer {
    Step step{};
    Shape in, out;
    int groups = 1, gap = 1, kernel = 1, pad = 0;
    std::vector<float> weight, bias, kept;
    std::vector<int32_t> first, offsets, separated;
};

// Pixel offsets of the window of output (0, 0) in a channel; `separate` for one image with strides.
static int place(const Layer &l, const Value &v, int i, int ky, int kx, bool separate) {
    const int y = v.top - l.pad + ky * l.gap, x = v.left - l.pad + kx * l.gap;
    if (!separate) return (i * v.hp + y) * v.wp + x;
    const int sh = l.step.stride_h, sw = l.step.stride_w;
    const int h = (v.hp + sh - 1) / sh, w = (v.wp + sw - 1) / sw;
    return (((i * sh + y % sh) * sw + x % sw) * h + y / sh) * w + x / sw;
}

static std::vector<int32_t> table(const Layer &l, const Value &v, bool separate) {
    std::vector<int32_t> found;
    const int taken = l.in.c / l.groups;
    for (int o = 0; o < (l.groups > 1 ? l.out.c : 1); o++)
        for (int i = 0; i < taken; i++)
            for (int ky = 0; ky < l.kernel; ky++)
                for (int kx = 0; kx < l.kernel; kx++)
                    found.push_back(
                        place(l, v, o / (l.out.c / l.groups) * taken + i, ky, kx, separate));
    return found;
}

static float activated_plainly(float x, int activation) {
    const float gate = fminf(fmaxf(x / 6 + 0.5f, 0), 1);
    switch (activation) {
        case RELU: return fmaxf(x, 0);
        case RELU6: return fminf(fmaxf(x, 0), 6);
        case HARD_SWISH: return x * gate;
        case HARD_SIGMOID: return gate;
        case SIGMOID: return 1 / (1 + expf(-x));
        case SWISH: return x / (1 + expf(-x));
        default: return x;
    }
}

static std::vector<float> convolved(const Layer &l, const std::vector<float> &in) {
    const int taken = l.in.c / l.groups, shrink = l.step.halve ? 2 : 1;
    std::vector<float> out((size_t)l.out.size());
    for (int o = 0; o < l.out.c; o++)
        for (int y = 0; y < l.out.h; y++)
            for (int x = 0; x < l.out.w; x++) {
                float most = -INFINITY;
                for (int dy = 0; dy < shrink; dy++)
                    for (int dx = 0; dx < shrink; dx++) {
                        double sum = l.bias[(size_t)o];
                        for (int i = 0; i < taken; i++)
                            for (int ky = 0; ky < l.kernel; ky++)
                                for (int kx = 0; kx < l.kernel; kx++) {
                                    const int r = (y * shrink + dy) * l.step.stride_h - l.pad + ky * l.gap;
                                    const int c = (x * shrink + dx) * l.step.stride_w - l.pad + kx * l.gap;
                                    if (r < 0 || c < 0 || r >= l.in.h || c >= l.in.w) continue;
                                    const int from = o / (l.out.c / l.groups) * taken + i;
                                    const int w = ((o * taken + i) * l.kernel + ky) * l.kernel + kx;
                                    sum += (double)l.weight[(size_t)w] * in[(size_t)l.in.at(from, r, c)];
                                }
                        most = fmaxf(most, (float)sum);
                    }
                out[(size_t)l.out.at(o, y, x)] = activated_plainly(most, l.step.activation);
            }
    return out;
}

static std::vector<float> pooled(const Layer &l, const std::vector<float> &in) {
    std::vector<float> out((size_t)l.out.size());
    for (int ch = 0; ch < l.out.c; ch++)
        for (int y = 0; y < l.out.h; y++)
            for (int x = 0; x < l.out.w; x++) {
                float most = -INFINITY, sum = 0;
                int count = 0;
                for (int i = 0; i < l.kernel; i++)
                    for (int j = 0; j < l.kernel; j++) {
                        const int r = y * l.step.stride_h - l.pad + i, c = x * l.step.stride_w - l.pad + j;
                        if (r < 0 || c < 0 || r >= l.in.h || c >= l.in.w) continue;
                        most = fmaxf(most, in[(size_t)l.in.at(ch, r, c)]);
                        sum += in[(size_t)l.in.at(ch, r, c)];
                        count++;
                    }
                if (l.step.count_pad) count = l.kernel * l.kernel;
                const float found = l.step.kind == MAX_POOL ? most : sum / (float)count;
                out[(size_t)l.out.at(ch, y, x)] = activated_plainly(found, l.step.activation);
            }
    return out;
}

// A random layer for an input shape: a convolution, a pooling, or, as the last one, a matrix product.
static Layer layer(Shape in, bool last) {
    Layer l;
    l.in = in;
    l.step.kind = last ? (int)CONV : draw(0, 3) ? (int)CONV : draw(0, 1) ? (int)MAX_POOL : (int)MEAN_POOL;
    l.step.activation = draw(0, 2) ? draw(NONE, RELU6) : draw(NONE, SWISH);
    l.step.stride_h = last ? 1 : draw(1, 3);
    l.step.stride_w = last ? 1 : draw(0, 1) ? l.step.stride_h : draw(1, 3);
    l.kernel = last ? 1 : draw(1, 3);
    if (l.step.kind == CONV) {
        const int divisors[] = {1, 1, 1, in.c};
        l.groups = last ? 1 : divisors[draw(0, 3)];
        l.gap = last ? 1 : draw(1, 2);
    }
    l.pad = last || l.kernel == 1 ? 0 : draw(0, l.kernel / 2);
    const int span = l.gap * (l.kernel - 1) + 1;
    if (in.h + 2 * l.pad < span || in.w + 2 * l.pad < span) l.kernel = 1, l.pad = 0, l.gap = 1;
    const int reach = l.gap * (l.kernel - 1) + 1;
    l.out = {in.c, (in.h + 2 * l.pad - reach) / l.step.stride_h + 1,
             (in.w + 2 * l.pad - reach) / l.step.stride_w + 1};
    l.step.kernel_h = l.step.kernel_w = l.kernel;
    l.step.pad_h = l.step.pad_w = l.pad;
    l.step.count_pad = draw(0, 1);
    if (l.step.kind != CONV) return l;
    l.out.c = l.groups * draw(1, l.groups > 1 ? 2 : 9);
    l.step.halve = !last && l.step.stride_w < 3 && l.step.activation <= RELU6 && l.out.h > 1 &&
                   l.out.w > 1 && draw(0, 2) == 0;
    if (l.step.halve) l.out.h /= 2, l.out.w /= 2;
    const int zeros[] = {0, 0, 500, 900, 1000}, share = zeros[draw(0, 4)];
    for (int64_t i = 0; i < (int64_t)l.out.c * (in.c / l.groups) * l.kernel * l.kernel; i++)
        l.weight.push_back(draw(0, 999) < share ? 0 : number());
    for (int o = 0; o < l.out.c; o++) l.bias.push_back(number());
    return l;
}

static void pack(Layer &l, const Value &v) {
    const bool separate = (l.step.stride_h > 1 || l.step.stride_w > 1) &&
                          (l.out.h > 1 || l.out.w > 1 || l.step.halve);
    const int columns = (int)l.weight.size() / l.out.c;
    l.first.resize((size_t)l.out.c + 1);
    l.kept.resize(l.weight.size() + 1);
    for (bool alone : {false, true}) {
        std::vector<int32_t> &to = alone ? l.separated : l.offsets;
        to.resize(l.weight.size() + 1);
        l.step.dense = sparse_pack(l.weight.data(), l.out.c, columns,
                                   table(l, v, alone && separate).data(), l.groups > 1,
                                   l.first.data(), to.data(), l.kept.data());
    }
    l.step.first = l.first.data();
    l.step.weight = l.kept.data();
    l.step.bias = l.bias.data();
}

static bool same(const float *got, int64_t apart, const std::vector<float> &wanted) {
    for (size_t i = 0; i < wanted.size(); i++)
        if (!(fabsf(got[(int64_t)i * apart] - wanted[i]) <= 1e-4f * (1 + fabsf(wanted[i])))) return false;
    return true;
}

static bool try_net() {
    std::vector<std::unique_ptr<Layer>> layers;
    Shape shape{draw(1, 4), draw(1, 31), draw(1, 31)};
    const Shape images = shape;
    for (int i = draw(1, 4); i >= 0; i--) {
        layers.push_back(std::make_unique<Layer>(layer(shape, !i)));
        shape = layers.back()->out;
    }
    std::vector<Value> values;
    int64_t at = 0;
    for (size_t i = 0; i <= layers.size(); i++) {
        const Shape s = i < layers.size() ? layers[i]->in : shape;
        const int ring = i < layers.size() && layers[i]->step.kind == CONV ? layers[i]->pad : 0;
        const int extra = draw(0, 1);
        values.push_back(Value{i ? at : -1, s.c, s.h, s.w, ring, ring, s.h + 2 * ring, s.w + 2 * ring + extra});
        if (i) at += pixels(values.back());
    }
    std::vector<Step> steps;
    for (size_t i = 0; i < layers.size(); i++) {
        Layer &l = *layers[i];
        if (l.step.kind == CONV) pack(l, values[i]);
        l.step.in = (int)i;
        l.step.out = (int)i + 1;
        l.step.other = -1;
        l.step.offset = l.offsets.data();
        steps.push_back(l.step);
    }
    const Program program{(int)steps.size(), (int)steps.size(), at, steps.data(), values.data()};

    const int count = draw(1, 2 * LANES + 1), blocks = (count + LANES - 1) / LANES;
    Memory input(count * images.size()), scratch(sparse_size(&program));
    const int64_t size = shape.size();
    Memory scores(blocks * size * LANES), one(sparse_size_one(&program)), alone(size);
    for (int64_t i = 0; i < count * images.size(); i++) input.data[i] = number();
    int32_t next = 0;
    if (sparse_run(&program, input.data, count, blocks, &next, scratch.data, scores.data)) return false;
    for (size_t i = 0; i < layers.size(); i++) steps[i].offset = layers[i]->separated.data();
    for (int n = 0; n < count; n++) {
        const float *image = input.data + n * images.size();
        std::vector<float> value(image, image + images.size());
        for (const auto &l : layers) value = l->step.kind == CONV ? convolved(*l, value) : pooled(*l, value);
        const float *block = scores.data + n / LANES * size * LANES + n % LANES;
        if (!same(block, LANES, value)) return false;
        if (sparse_run_one(&program, image, one.data, alone.data) || !same(alone.data, 1, value)) return false;
    }
    return true;
}

int main(int, char **arguments) {
    const int nets = atoi(arguments[1]);
    for (int i = 0; i < nets; i++) {
        source.seed((uint32_t)i);
        if (!try_net()) {
            printf("net %d differs\n", i);
            return 1;
        }
    }
    printf("%d nets, %d lanes\n", nets, LANES);
    return 0;
}
