#pragma once

#include <map>
#include <vector>

#include "recon/pipeline/compare/comparison.h"
#include "recon/report/line_plot.h"

namespace recon {

/// What the report says about the run as a whole.
struct ReportFacts {
  std::map<std::string, std::string> priors;  ///< hashes by name or path
  std::string device;
  std::uint64_t seed = 0;
};

/// The comparison as one HTML file: tables, zoomable pictures with error and std maps, convergence curves, the resolved
/// config and the versions. Pictures are encoded when an item comes in, so that no tensors pile up.
///
/// Error maps |x - truth| of an item share one scale, so that they can be compared: black is 0, the brightest colour
/// the 99th percentile of the error of the solver in the middle. Curves are of a task's first item.
class ComparisonReport {
 public:
  void add_item(const TaskPlan& task, const PreparedItem& item, const std::vector<ComparedResult>& results);
  std::string html(const ComparisonPlan& plan, const ComparisonResult& result, const ReportFacts& facts) const;

 private:
  struct Task {
    std::string name, operator_name, noise;
    std::string pictures;  ///< HTML
    std::vector<Curve> curves, calibrations;
    std::string curves_of;  ///< the id of their item
  };
  Task& task_of(const TaskPlan& task, const PreparedItem& item);

  std::vector<Task> tasks_;
};

}  // namespace recon
