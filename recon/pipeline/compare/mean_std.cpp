#include "recon/pipeline/compare/mean_std.h"

#include <fmt/format.h>

#include "recon/report/text_table.h"

namespace recon {

MeanStd mean_std(const std::vector<double>& values) {
  MeanStd result{.mean = NAN, .std = NAN, .count = values.size()};
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  result.mean = sum / n;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  if (values.size() > 1) result.std = std::sqrt(squares / (n - 1));
  return result;
}

std::string MeanStd::to_string(int digits) const {
  return std::isfinite(std) ? fmt::format("{:.{}f} ± {:.{}f}", mean, digits, std, digits) : cell(mean, digits);
}

}  // namespace recon
