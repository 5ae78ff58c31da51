#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "priors/checkpoints/safetensors.h"
#include "priors/checkpoints/safetensors_types.h"
#include "recon/core/error.h"

namespace recon {
namespace {

struct Item {
  std::string name;
  at::Tensor data;
  const SafetensorsType* type;
};

/// Wide types first, so that every tensor lies at a multiple of its element size.
std::vector<Item> items_of(const std::map<std::string, at::Tensor>& tensors, const std::string& location) {
  std::vector<Item> items;
  for (const auto& [name, tensor] : tensors) {
    const SafetensorsType* const type = safetensors_type(tensor.scalar_type());
    if (type == nullptr) {
      throw data_error(location, "tensor '{}': type {} cannot be stored; known are {}", name,
                       c10::toString(tensor.scalar_type()), known_safetensors_types());
    }
    items.push_back({name, resolved(tensor.detach().cpu()), type});
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return a.type->bytes > b.type->bytes; });
  return items;
}

std::string header_of(const std::vector<Item>& items, const std::map<std::string, std::string>& metadata) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t position = 0;
  for (const auto& item : items) {
    const std::uint64_t end = position + item.data.nbytes();
    header[item.name] = {
        {"dtype", item.type->name}, {"shape", item.data.sizes().vec()}, {"data_offsets", {position, end}}};
    position = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins at a multiple of 8
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::vector<Item> items = items_of(tensors, path.string());
  const std::string header = header_of(items, metadata);
  const std::uint64_t length = header.size();
  const std::string temporary = path.string() + ".partial";
  std::FILE* const file = std::fopen(temporary.c_str(), "wb");
  bool good = file != nullptr;
  const auto put = [&](const void* data, std::size_t bytes) {
    good = good && (bytes == 0 || std::fwrite(data, 1, bytes, file) == bytes);
  };
  put(&length, sizeof length);
  put(header.data(), header.size());
  for (const auto& item : items) put(item.data.data_ptr(), item.data.nbytes());
  good = good && std::fflush(file) == 0 && fsync(fileno(file)) == 0;
  int reason = errno;
  if (file != nullptr) std::fclose(file);
  if (good && std::rename(temporary.c_str(), path.c_str()) != 0) {
    good = false;
    reason = errno;
  }
  if (good) return;
  std::remove(temporary.c_str());
  throw data_error(path.string(), "cannot be written: {}", std::strerror(reason));
}

}  // namespace recon
