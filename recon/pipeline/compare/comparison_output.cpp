#include "recon/pipeline/compare/comparison_output.h"

#include "data/atomic_file.h"
#include "recon/core/error.h"
#include "recon/pipeline/compare/comparison_table.h"
#include "recon/pipeline/items/prior_option.h"

namespace recon {
namespace {

ReportFacts facts_of(const ComparisonPlan& plan, const ComparisonResult& result, c10::Device device) {
  ReportFacts facts{.priors = {}, .device = device.str(), .seed = static_cast<std::uint64_t>(plan.options.seed)};
  for (const auto& prior : result.priors) facts.priors[prior] = hash_of_prior(prior);
  return facts;
}

}  // namespace

ComparisonFiles comparison_files(const ComparisonPlan& plan, bool overwrite) {
  std::error_code failure;
  std::filesystem::create_directories(plan.output, failure);
  if (failure) throw data_error(plan.output.string(), "cannot make this folder: {}", failure.message());
  const auto in_folder = [&](const char* name) {
    const std::string path = (plan.output / name).string();
    require_writable(path, overwrite);
    return path;
  };
  return {.report = in_folder("report.html"), .csv = in_folder("results.csv"), .json = in_folder("results.json")};
}

void write_comparison(const ComparisonPlan& plan, const ComparisonReport& report, const ComparisonResult& result,
                      c10::Device device) {
  write_file_atomically(result.files.report, report.html(plan, result, facts_of(plan, result, device)));
  write_file_atomically(result.files.csv, comparison_csv(result.rows));
  write_file_atomically(result.files.json, comparison_json(result).dump(2) + "\n");
}

}  // namespace recon
