#include "data/file_pattern.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>

#include "recon/core/error.h"

namespace recon {

namespace fs = std::filesystem;

bool is_file_pattern(const std::string& path) {
  return path.find_first_of("*?[") != std::string::npos && !fs::exists(path);
}

std::vector<std::string> files_matching(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  std::vector<std::string> paths;
  for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
    if (fs::is_regular_file(found.gl_pathv[i])) paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  if (status != 0 && status != GLOB_NOMATCH) throw data_error(pattern, "cannot be searched for; check its folders");
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace recon
