#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

// Files of torch.save made by hand, so that tests can make wrong ones.
namespace recon::test {

/// The lowest bytes of a number, little-endian.
inline std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}

/// CRC-32 as zip has it (ISO 3309).
inline std::uint32_t crc32_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1U ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
  }
  return ~crc;
}

struct ZipEntry {
  std::string name, bytes;
  std::uint64_t claimed = 0;  ///< size said in the directory; 0: the true one
  int method = 0;             ///< 0 stored, 8 deflated
};

/// A zip archive (PKWARE APPNOTE 4.3). With `all_at_first`, the directory's entries all point at the first one's data.
inline std::string zip_of(const std::vector<ZipEntry>& entries, bool all_at_first = false) {
  std::string data, directory;
  for (const auto& [name, bytes, claimed, method] : entries) {
    const std::uint64_t size = claimed == 0 ? bytes.size() : claimed;
    const std::string common = little(0, 2) + little(static_cast<std::uint64_t>(method), 2) + little(0, 4) +
                               little(crc32_of(bytes), 4) + little(size, 4) + little(size, 4) + little(name.size(), 2) +
                               little(0, 2);
    directory += "PK\x01\x02" + little(20, 2) + little(20, 2) + common + little(0, 2) + little(0, 2) + little(0, 2) +
                 little(0, 4) + little(all_at_first ? 0 : data.size(), 4) + name;
    data += "PK\x03\x04" + little(20, 2) + common + name + bytes;
  }
  return data + directory + "PK\x05\x06" + little(0, 4) + little(entries.size(), 2) + little(entries.size(), 2) +
         little(directory.size(), 4) + little(data.size(), 4) + little(0, 2);
}

// Pieces of pickles (the opcodes of Python's pickletools).
inline std::string text(const std::string& value) { return "X" + little(value.size(), 4) + value; }
inline std::string whole(std::int64_t value) {
  return std::string("\x8a\x08") + little(static_cast<std::uint64_t>(value), 8);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string whole_tuple(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const auto value : values) items += whole(value);
  return tuple(items);
}
inline std::string ordered_dict() { return global("collections", "OrderedDict") + ")R"; }
inline std::string storage(const std::string& key, std::int64_t numel, const std::string& type = "FloatStorage") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + whole(numel)) + "Q";
}
inline std::string tensor(const std::string& from, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(from + whole(offset) + whole_tuple(shape) + whole_tuple(strides) + "\x89" + ordered_dict()) + "R";
}
inline std::string pickle_of(const std::string& program) { return "\x80\x02" + program + "."; }
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string program = "}(";
  for (const auto& [key, value] : items) program += text(key) + value;
  return program + "u";
}

/// The floats 0, 1, 2, ... as bytes.
inline std::string floats(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

/// A whole file: the pickle, and storages "0", "1", ...
inline std::string torch_file(const std::string& pickle, const std::vector<std::string>& storages) {
  std::vector<ZipEntry> entries{{.name = "m/data.pkl", .bytes = pickle}, {.name = "m/byteorder", .bytes = "little"}};
  for (std::size_t i = 0; i < storages.size(); ++i) {
    entries.push_back({.name = "m/data/" + std::to_string(i), .bytes = storages[i]});
  }
  return zip_of(entries);
}

/// Replaces, inserts, deletes or repeats a few bytes.
inline std::string mutated(std::string bytes, std::mt19937& random) {
  static const std::string opcodes =
      "(.0N\x88\x89JKM\x8aGUTX\x8c\x8d)t\x85\x86\x87]ae}suhjqr\x94"
      "c\x93RbQ\x80\x95";
  for (unsigned k = 0; k <= random() % 4 && !bytes.empty(); ++k) {
    const std::size_t at = random() % bytes.size();
    const std::size_t length = 1 + random() % std::min<std::size_t>(16, bytes.size() - at);
    switch (random() % 6) {
      case 0:
        bytes[at] = static_cast<char>(random() % 256);
        break;
      case 1:
        bytes[at] = static_cast<char>(random() % 2 == 0 ? 0 : 0xFF);
        break;
      case 2:
        bytes[at] = opcodes[random() % opcodes.size()];
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(random() % bytes.size(), length));
        break;
      default:
        bytes[at] ^= static_cast<char>(1U << random() % 8);
    }
  }
  return bytes;
}

}  // namespace recon::test
