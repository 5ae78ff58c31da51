#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/result_file.h"
#include "recon/pipeline/solve/method_result.h"
#include "recon/pipeline/solve/misfit.h"

namespace recon {

/// What the figures of one method's result on one item are computed from.
struct FigureSource {
  const at::Tensor& x;      ///< [1, C, H, W], in the units of the file
  at::Tensor image, truth;  ///< [1, C, H, W] on the CPU: x and the truth made comparable; undefined without truth
  const PreparedItem& item;
  const Report& report;
  std::int64_t samples = 1;                  ///< that the result was made of
  const Uncertainty* uncertainty = nullptr;  ///< null: of a single sample, which has none of its own
  double chi2 = NAN;                         ///< of x; misfit.h
};

/// A number that is known of a result. One entry of figures() makes its column in texts, CSV, JSON, the HTML report
/// with its legend, the HDF5 result file and the table in data/FORMAT.md.
struct Figure {
  enum class Best { none, high, low };

  std::string key;    ///< in CSV, JSON and HDF5
  std::string title;  ///< for people
  std::string unit;   ///< empty: none, or said by the title
  int digits = 3;     ///< after the point, for people
  Best best = Best::none;
  bool in_tables = true;                             ///< false: in files only
  bool in_captions = false;                          ///< shown under pictures
  std::string explanation;                           ///< a sentence without a full stop
  std::function<double(const FigureSource&)> value;  ///< NaN: not known
  /// Where a result file keeps it; neither: /metrics/KEY.
  std::vector<double> SolverResults::*column = nullptr;
  std::vector<std::int64_t> SolverResults::*count_column = nullptr;  ///< whole numbers

  std::string heading() const { return unit.empty() ? title : title + "/" + unit; }
  std::string dataset() const;  ///< "/chi2", "/metrics/psnr"
  /// As JSON: null where it is not known, a whole number where it counts something.
  nlohmann::ordered_json json(double number) const;
  std::string csv(double number) const;  ///< all digits; empty where it is not known
};

/// All of them, in the order of tables.
const std::vector<Figure>& figures();
/// Adds one, as plug-ins do before anything runs. Throws Error(internal) for a key that is taken or is no identifier.
void register_figure(Figure figure);

/// The row's figures, computed. Where the data are magnitudes (Operator::magnitude()) the image compared with the truth
/// is x after undoing what they cannot tell (ambiguities.h). `fit` is that of x.
std::map<std::string, double> evaluated_figures(const at::Tensor& x, const PreparedItem& item, const Report& report,
                                                std::int64_t samples, const Uncertainty* uncertainty, const Fit& fit);

/// The row's figures under their keys.
void add_figures(nlohmann::ordered_json& object, const ResultRow& row);
/// Those that at least one row knows: without ground truth there is no PSNR to show.
std::vector<Figure> known_figures(const std::vector<ResultRow>& rows);

/// Over the items that know a figure.
struct KnownMean {
  double mean = NAN;  ///< of none: NaN
  std::size_t count = 0;
};
/// `values`, one per item; not finite: not known.
KnownMean mean_of_known(const std::vector<double>& values);

/// The figure of one item of a result file; NaN where it is not known.
double stored_figure(const Figure& figure, const SolverResults& results, std::size_t item);
/// `values`, one per item, to where a result file keeps them. A metric that no item knows is not stored.
void store_figure(const Figure& figure, const std::vector<double>& values, SolverResults& results);

}  // namespace recon
