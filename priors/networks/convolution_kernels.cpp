#include "priors/networks/convolution_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "priors/networks/convolution_forms.h"
#include "recon/core/error.h"

namespace recon {

#ifdef __x86_64__
namespace {

constexpr std::int64_t tiles_at_once = 72;  ///< their points and products, of 64 channels, fill half of 1 MiB
constexpr std::int64_t gradient_rows = 64;
constexpr std::int64_t spare = 32;  ///< entries between the planes of points, which else would share lines of a cache

/// Not set to zero first.
template <class T>
using Scratch = std::unique_ptr<T[]>;
template <class T>
Scratch<T> scratch(std::int64_t entries) {
  return std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(entries));
}

/// Outputs that are computed together: four vectors of them, fewer at the end.
struct Group {
  std::int64_t first;
  std::size_t vectors;
  std::int64_t width() const { return lanes * static_cast<std::int64_t>(vectors); }
};

std::vector<Group> groups_of(std::int64_t out) {
  std::vector<Group> groups;
  for (std::int64_t first = 0; first < out; first += 4 * lanes) {
    groups.push_back({first, static_cast<std::size_t>(std::min<std::int64_t>(4, (out - first) / lanes))});
  }
  return groups;
}

/// Images [images, height, width, channels], and a pixel of zeros for what is outside of them.
template <class Entry>
struct Images {
  const Entry* entries;
  std::int64_t height, width, channels;
  const Entry* zeros;
};

/// The tiles of all images, one after the other.
template <class Form>
struct Tiles {
  explicit Tiles(const ConvolutionSize& size)
      : columns((size.width + Form::tile - 1) / Form::tile),
        per_image((size.height + Form::tile - 1) / Form::tile * columns),
        count(size.images * per_image) {}
  std::int64_t columns, per_image, count;

  /// Its first output.
  struct Place {
    std::int64_t image, row, column;
  };
  Place place(std::int64_t tile) const {
    const std::int64_t within = tile % per_image;
    return {tile / per_image, within / columns * Form::tile, within % columns * Form::tile};
  }
};

template <class Entry, int Side>
using Pixels = std::array<const Entry*, Side * Side>;

template <int Side, class Entry>
inline Pixels<Entry, Side> pixels_from(const Images<Entry>& x, std::int64_t image, std::int64_t top,
                                       std::int64_t left) {
  Pixels<Entry, Side> pixels;
  const std::int64_t row = x.width * x.channels, start = (image * x.height + top) * row + left * x.channels;
  const bool whole = top >= 0 && left >= 0 && top + Side <= x.height && left + Side <= x.width;
#pragma GCC unroll 4
  for (int r = 0; r < Side; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < Side; ++c) {
      const bool inside = whole || (top + r >= 0 && top + r < x.height && left + c >= 0 && left + c < x.width);
      pixels[static_cast<std::size_t>(Side * r + c)] = inside ? x.entries + start + r * row + c * x.channels : x.zeros;
    }
  }
  return pixels;
}

/// What of a tile becomes points: its inputs, or the gradients of its outputs.
template <class Form>
struct InputsOf {
  static constexpr int side = Form::patch, reach = Form::kernel / 2, points_side = Form::patch;
  static constexpr auto map = Form::inputs;
};
template <class Form>
struct GradientsOf {
  static constexpr int side = Form::tile, reach = 0, points_side = Form::patch;
  static constexpr auto map = Form::outputs_transposed;
};

template <template <class> class What, class Form, class Entry>
inline auto pixels_of(const Images<Entry>& x, const Tiles<Form>& tiles, std::int64_t tile) {
  constexpr int side = What<Form>::side, reach = What<Form>::reach;
  if (tile >= tiles.count) {  // of a row that is not full
    Pixels<Entry, side> none;
    none.fill(x.zeros);
    return none;
  }
  const auto place = tiles.place(tile);
  return pixels_from<side>(x, place.image, place.row - reach, place.column - reach);
}

template <class What, class Entry>
RECON_CONVOLUTION_CODE inline void to_points(const Pixels<Entry, What::side>& pixels, std::int64_t channel,
                                             __m512* points) {
  constexpr int side = What::side;
  __m512 values[side * side];
#pragma GCC unroll 16
  for (int p = 0; p < side * side; ++p) values[p] = read(pixels[static_cast<std::size_t>(p)] + channel);
  both_ways<side, What::points_side, What::map>(values, points);
}

/// Of some tiles the points of their inputs, [points, count, in] with the planes `plane` apart.
template <class Form, class Entry>
RECON_CONVOLUTION_CODE void put_points(const Images<Entry>& x, const Tiles<Form>& tiles, std::int64_t first,
                                       std::int64_t count, std::int64_t plane, Entry* out) {
  constexpr int points = Form::patch * Form::patch;
  for (std::int64_t t = 0; t < count; ++t, out += x.channels) {
    const auto pixels = pixels_of<InputsOf>(x, tiles, first + t);
    for (std::int64_t c = 0; c < x.channels; c += lanes) {
      __m512 v[points];
      to_points<InputsOf<Form>, Entry>(pixels, c, v);
#pragma GCC unroll 16
      for (int k = 0; k < points; ++k) write(out + k * plane + c, v[k]);
    }
  }
}

/// Of as many tiles as are multiplied together, the points side by side, [points, channels, together].
template <template <class> class What, class Form, class Entry>
RECON_CONVOLUTION_CODE void put_factors(const Images<Entry>& x, const Tiles<Form>& tiles, std::int64_t first,
                                        std::int64_t plane, Entry* out) {
  constexpr int points = Form::patch * Form::patch, n = together<Entry>;
  const auto a = pixels_of<What>(x, tiles, first), b = pixels_of<What>(x, tiles, first + n - 1);
  for (std::int64_t c = 0; c < x.channels; c += lanes) {
    __m512 of_a[points], of_b[points];
    to_points<What<Form>, Entry>(a, c, of_a);
    if (n == 2) to_points<What<Form>, Entry>(b, c, of_b);
#pragma GCC unroll 16
    for (int k = 0; k < points; ++k) write_factors(out + k * plane + n * c, of_a[k], n == 2 ? of_b[k] : of_a[k]);
  }
}

/// products[t, group] = rows[t, in] weights, for one point.
template <class Entry>
void multiply(const Entry* rows, std::int64_t count, std::int64_t in, const Entry* weights, const Group& group,
              float* products) {
  for (std::int64_t first = 0; first < count; first += rows_at_once) {
    const Entry* from[rows_at_once];
    float* to[rows_at_once];
    for (int p = 0; p < rows_at_once; ++p) {
      const std::int64_t row = std::min(first + p, count - 1);  // the last one more than once
      from[p] = rows + row * in;
      to[p] = products + row * group.width();
    }
    row_kernels<Entry>[group.vectors - 1](from, in / together<Entry>, weights, to);
  }
}

/// From the products of some tiles their outputs.
template <class Form, class Entry>
RECON_CONVOLUTION_CODE void put_outputs(const ConvolutionSize& size, const Tiles<Form>& tiles, std::int64_t first,
                                        std::int64_t count, const Group& group, const float* products,
                                        std::int64_t plane, const float* bias, Entry* y) {
  constexpr int points = Form::patch * Form::patch;
  for (std::int64_t t = 0; t < count; ++t) {
    const auto place = tiles.place(first + t);
    const std::int64_t rows = size.height - place.row, columns = size.width - place.column;
    Entry* to = y + ((place.image * size.height + place.row) * size.width + place.column) * size.out;
    for (std::int64_t o = 0; o < group.width(); o += lanes, products += lanes) {
      __m512 v[points], outputs[Form::tile * Form::tile];
#pragma GCC unroll 16
      for (int k = 0; k < points; ++k) v[k] = _mm512_loadu_ps(products + k * plane);
      both_ways<Form::patch, Form::tile, Form::outputs>(v, outputs);
      const __m512 constant = bias == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(bias + group.first + o);
#pragma GCC unroll 2
      for (int r = 0; r < Form::tile; ++r) {
#pragma GCC unroll 2
        for (int c = 0; c < Form::tile; ++c) {
          if (r >= rows || c >= columns) continue;
          write(to + (r * size.width + c) * size.out + group.first + o, outputs[Form::tile * r + c] + constant);
        }
      }
    }
  }
}

template <class Form, class Entry>
void convolve_as(const ConvolutionSize& size, const Entry* x, const Entry* packed, const float* bias, Entry* y) {
  constexpr std::int64_t points = Form::patch * Form::patch;
  const Tiles<Form> tiles(size);
  const std::vector<Entry> zeros(static_cast<std::size_t>(size.in));
  const Images<Entry> images{x, size.height, size.width, size.in, zeros.data()};
  const std::int64_t plane = tiles_at_once * size.in + spare, products_plane = tiles_at_once * 4 * lanes + spare;
  const std::vector<Group> groups = groups_of(size.out);
  at::parallel_for(0, (tiles.count + tiles_at_once - 1) / tiles_at_once, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto inputs = scratch<Entry>(points == 1 ? 0 : points * plane);
    const auto products = scratch<float>(points * products_plane);
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * tiles_at_once, count = std::min(tiles_at_once, tiles.count - first);
      const Entry* rows = points == 1 ? x + first * size.in : inputs.get();  // as they lie there
      if (points > 1) put_points(images, tiles, first, count, plane, inputs.get());
      for (const Group& group : groups) {
        for (std::int64_t k = 0; k < points; ++k) {
          const Entry* weights = packed + (points * group.first + k * group.width()) * size.in;
          multiply(rows + k * plane, count, size.in, weights, group, products.get() + k * products_plane);
        }
        put_outputs(size, tiles, first, count, group, products.get(), products_plane, bias, y);
      }
    }
  });
}

RECON_CONVOLUTION_CODE inline __m512 gather(const float* at, std::int64_t stride, __m512i offsets) {
  return stride == 1 ? _mm512_loadu_ps(at) : _mm512_i32gather_ps(offsets, at, 4);
}

/// The weights of sixteen outputs for one input, as points.
template <class Form>
RECON_CONVOLUTION_CODE inline void weights_to_points(const float* weights, const WeightStrides& strides, bool turned,
                                                     __m512i offsets, __m512* points) {
  constexpr int side = Form::kernel;
  __m512 taps[side * side];
  for (int t = 0; t < side * side; ++t) {
    const int tap = turned ? side * side - 1 - t : t;
    taps[t] = gather(weights + tap / side * strides.row + tap % side * strides.column, strides.out, offsets);
  }
  both_ways<side, Form::patch, Form::weights>(taps, points);
}

template <class Form, class Entry>
RECON_CONVOLUTION_CODE void pack_group(const ConvolutionSize& size, const Group& group, const float* weights,
                                       const WeightStrides& strides, bool turned, Entry* packed) {
  constexpr int points = Form::patch * Form::patch, n = together<Entry>;
  const __m512i offsets = _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                             _mm512_set1_epi32(static_cast<int>(strides.out)));
  const std::int64_t plane = size.in * group.width();
  for (std::int64_t i = 0; i < size.in; i += n) {
    for (std::int64_t o = 0; o < group.width(); o += lanes, packed += n * lanes) {
      const float* at = weights + i * strides.in + (group.first + o) * strides.out;
      __m512 of_a[points], of_b[points];
      weights_to_points<Form>(at, strides, turned, offsets, of_a);
      if (n == 2) weights_to_points<Form>(at + strides.in, strides, turned, offsets, of_b);
      for (int k = 0; k < points; ++k) write_factors(packed + k * plane, of_a[k], n == 2 ? of_b[k] : of_a[k]);
    }
  }
}

template <class Form, class Entry>
void pack_weights_as(const ConvolutionSize& size, const float* weights, const WeightStrides& strides, bool turned,
                     Entry* packed) {
  const std::vector<Group> groups = groups_of(size.out);
  at::parallel_for(0, static_cast<std::int64_t>(groups.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t g = begin; g < end; ++g) {
      const Group& group = groups[static_cast<std::size_t>(g)];
      pack_group<Form>(size, group, weights, strides, turned,
                       packed + Form::patch * Form::patch * group.first * size.in);
    }
  });
}

/// The sum over all pixels.
template <class Entry>
RECON_CONVOLUTION_CODE void add_pixels(const Entry* g, std::int64_t pixels, std::int64_t channels, float* sums) {
  std::fill_n(sums, channels, 0.0F);
  for (std::int64_t p = 0; p < pixels; ++p, g += channels) {
    for (std::int64_t c = 0; c < channels; c += lanes) {
      _mm512_storeu_ps(sums + c, _mm512_loadu_ps(sums + c) + read(g + c));
    }
  }
}

/// From the gradients of the weights' points those of the weights; `begin` and `end` count vectors.
template <class Form>
RECON_CONVOLUTION_CODE void put_weights(const float* points, std::int64_t plane, std::int64_t begin, std::int64_t end,
                                        float* weights) {
  constexpr int count = Form::patch * Form::patch, taps = Form::kernel * Form::kernel;
  for (std::int64_t entry = begin * lanes; entry < end * lanes; entry += lanes) {
    __m512 of_points[count], of_taps[taps];
    for (int k = 0; k < count; ++k) of_points[k] = _mm512_loadu_ps(points + k * plane + entry);
    both_ways<Form::patch, Form::kernel, Form::weights_transposed>(of_points, of_taps);
    for (int t = 0; t < taps; ++t) _mm512_storeu_ps(weights + t * plane + entry, of_taps[t]);
  }
}

template <class Form, class Entry>
void weight_gradients_as(const ConvolutionSize& size, const Entry* x, const Entry* g, float* weights, float* bias) {
  constexpr std::int64_t points = Form::patch * Form::patch, n = together<Entry>;
  const Tiles<Form> tiles(size);
  const std::vector<Entry> zeros(static_cast<std::size_t>(std::max(size.in, size.out)));
  const Images<Entry> inputs{x, size.height, size.width, size.in, zeros.data()};
  const Images<Entry> gradients{g, size.height, size.width, size.out, zeros.data()};
  const std::int64_t x_row = n * size.in, g_row = n * size.out, blocks = size.in / inputs_at_once;
  const std::int64_t x_plane = gradient_rows * x_row + spare, g_plane = gradient_rows * g_row + spare;
  const auto x_factors = scratch<Entry>(points * x_plane), g_factors = scratch<Entry>(points * g_plane);
  const auto sums = std::make_unique<float[]>(static_cast<std::size_t>(points * size.in * size.out));
  const std::vector<Group> groups = groups_of(size.out);
  for (std::int64_t first = 0; first < tiles.count; first += n * gradient_rows) {
    const std::int64_t rows = std::min(gradient_rows, (tiles.count - first + n - 1) / n);
    at::parallel_for(0, rows, 8, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        put_factors<InputsOf>(inputs, tiles, first + n * r, x_plane, x_factors.get() + r * x_row);
        put_factors<GradientsOf>(gradients, tiles, first + n * r, g_plane, g_factors.get() + r * g_row);
      }
    });
    at::parallel_for(0, points * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t j = begin; j < end; ++j) {
        const std::int64_t k = j / blocks, input = j % blocks * inputs_at_once;
        for (const Group& group : groups) {
          gradient_kernels<Entry>[group.vectors - 1](
              x_factors.get() + k * x_plane + n * input, x_row, g_factors.get() + k * g_plane + n * group.first, g_row,
              rows, sums.get() + (k * size.in + input) * size.out + group.first, size.out);
        }
      }
    });
  }
  const std::int64_t plane = size.in * size.out;
  at::parallel_for(0, plane / lanes, 64, [&](std::int64_t begin, std::int64_t end) {
    put_weights<Form>(sums.get(), plane, begin, end, weights);
  });
  add_pixels(g, size.images * size.height * size.width, size.out, bias);
}

}  // namespace

template <class Entry>
void pack_weights(const ConvolutionSize& size, const float* weights, const WeightStrides& strides, bool turned,
                  Entry* packed) {
  const auto pack = size.side == 1 ? pack_weights_as<Pointwise, Entry> : pack_weights_as<Winograd, Entry>;
  pack(size, weights, strides, turned, packed);
}

template <class Entry>
void convolve(const ConvolutionSize& size, const Entry* x, const Entry* packed, const float* bias, Entry* y) {
  const auto convolve_by = size.side == 1 ? convolve_as<Pointwise, Entry> : convolve_as<Winograd, Entry>;
  convolve_by(size, x, packed, bias, y);
}

template <class Entry>
void weight_gradients(const ConvolutionSize& size, const Entry* x, const Entry* g, float* weights, float* bias) {
  const auto gradients_by =
      size.side == 1 ? weight_gradients_as<Pointwise, Entry> : weight_gradients_as<Winograd, Entry>;
  gradients_by(size, x, g, weights, bias);
}

#else

namespace {
[[noreturn]] void not_here() { throw internal_error("convolution_kernels", "called on a processor without AVX-512"); }
}  // namespace

template <class Entry>
void pack_weights(const ConvolutionSize&, const float*, const WeightStrides&, bool, Entry*) {
  not_here();
}
template <class Entry>
void convolve(const ConvolutionSize&, const Entry*, const Entry*, const float*, Entry*) {
  not_here();
}
template <class Entry>
void weight_gradients(const ConvolutionSize&, const Entry*, const Entry*, float*, float*) {
  not_here();
}

#endif

template void pack_weights(const ConvolutionSize&, const float*, const WeightStrides&, bool, float*);
template void convolve(const ConvolutionSize&, const float*, const float*, const float*, float*);
template void weight_gradients(const ConvolutionSize&, const float*, const float*, float*, float*);
template void pack_weights(const ConvolutionSize&, const float*, const WeightStrides&, bool, c10::BFloat16*);
template void convolve(const ConvolutionSize&, const c10::BFloat16*, const c10::BFloat16*, const float*,
                       c10::BFloat16*);
template void weight_gradients(const ConvolutionSize&, const c10::BFloat16*, const c10::BFloat16*, float*, float*);

}  // namespace recon
