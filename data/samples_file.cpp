#include "data/samples_file.h"

#include <ATen/ATen.h>

#include "data/atomic_file.h"
#include "data/schema.h"
#include "recon/core/error.h"

namespace recon {
namespace {

constexpr const char* samples_format = "recon-samples";
constexpr std::uint64_t samples_version = 1;

/// The text attributes, each once.
template <class Set, class Visit>
void visit_sample_texts(Set& set, const Visit& visit) {
  visit("config", set.config);
  visit("sampler", set.sampler);
  visit("prior", set.prior);
  visit("prior_hash", set.prior_hash);
}

}  // namespace

void write_samples_file(const std::string& path, const SampleSet& set) {
  if (!set.samples.defined() || set.samples.dim() != 4 ||
      static_cast<std::size_t>(set.samples.size(0)) != set.status.size()) {
    throw internal_error(path, "expected samples [N, C, H, W] and N states, got {} states", set.status.size());
  }
  AtomicFile target(path);
  auto file = hdf5::File::create(target.temporary());
  write_format(file, samples_format, samples_version);
  write_image_range(file, set.range);
  visit_sample_texts(set, [&](const char* name, const std::string& value) { file.set_attribute(name, value); });
  file.set_attribute("seed", set.seed);
  file.set_attribute("nfe", static_cast<std::uint64_t>(set.nfe));
  write_text_map(file, "versions", set.versions);
  file.write("samples", set.samples);
  file.write_strings("status", set.status);
  file.close();
  target.commit();
}

SampleSet read_samples_file(const std::string& path, const hdf5::ReadLimits& limits) {
  const auto file = hdf5::File::open(path, limits);
  require_format(file, samples_format, samples_version);
  SampleSet set;
  set.range = read_image_range(file);
  visit_sample_texts(set, [&](const char* name, std::string& value) { value = file.text_attribute(name); });
  set.seed = file.uint64_attribute("seed");
  set.nfe = static_cast<std::int64_t>(file.uint64_attribute("nfe"));
  set.versions = read_text_map(file, "versions");
  const auto samples = file.dataset("samples");
  if (samples.shape().size() != 4) {
    throw data_error(samples.location(), "expected samples [N, C, H, W], got shape {}; make the file again",
                     to_string(samples.shape()));
  }
  set.samples = samples.read();
  const auto status = file.dataset("status");
  set.status = status.read_strings();
  if (static_cast<std::int64_t>(set.status.size()) != set.samples.size(0)) {
    throw data_error(status.location(), "expected {} texts, got {}; make the file again", set.samples.size(0),
                     set.status.size());
  }
  return set;
}

}  // namespace recon
