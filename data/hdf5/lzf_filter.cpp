#include "data/hdf5/lzf_filter.h"

#include <liblzf/lzf.h>

#include <limits>

namespace recon::hdf5 {
namespace {

// Three bytes of LZF stand for 264 at most: what claims more is damaged, and nothing is allocated for it.
constexpr std::size_t max_ratio = 88;

/// Of HDF5's filters: returns the number of bytes in *buffer, or 0 for a failure.
std::size_t lzf_unpack(unsigned flags, std::size_t count, const unsigned* values, std::size_t bytes,
                   std::size_t* buffer_bytes, void** buffer) {
  if ((flags & H5Z_FLAG_REVERSE) == 0U) return 0;  // recon never writes it
  constexpr std::size_t largest = std::numeric_limits<unsigned>::max();
  const std::size_t chunk = count >= 3 ? values[2] : 0;
  if (chunk == 0 || bytes == 0 || bytes > *buffer_bytes || bytes > largest || chunk > bytes * max_ratio) return 0;
  void* unpacked = H5allocate_memory(chunk, /*clear=*/false);
  if (unpacked == nullptr) return 0;
  const unsigned written =
      ::lzf_decompress(*buffer, static_cast<unsigned>(bytes), unpacked, static_cast<unsigned>(chunk));
  if (written != chunk) {
    H5free_memory(unpacked);
    return 0;
  }
  H5free_memory(*buffer);
  *buffer = unpacked;
  *buffer_bytes = chunk;
  return chunk;
}

}  // namespace

bool register_lzf_filter() {
  const H5Z_class2_t filter{.version = H5Z_CLASS_T_VERS,
                            .id = lzf_filter,
                            .encoder_present = 0,
                            .decoder_present = 1,
                            .name = "lzf",
                            .can_apply = nullptr,
                            .set_local = nullptr,
                            .filter = lzf_unpack};
  return H5Zregister(&filter) >= 0;
}

}  // namespace recon::hdf5
