#pragma once

#include "data/hdf5/hdf5_file.h"
#include "data/result_set.h"

// Private to data: the parts of a result file, for who writes it at once and who writes it in pieces.
namespace recon {

/// The per-item vectors of a solver's results, each once: what writers, checker and reader go through.
template <class Visit>
void visit_vectors(const Visit& visit) {
  visit("chi2", &SolverResults::chi2);
  visit("status", &SolverResults::status);
  visit("nfe_forward", &SolverResults::nfe_forward);
  visit("nfe_backward", &SolverResults::nfe_backward);
  visit("seconds", &SolverResults::seconds);
  visit("peak_mib", &SolverResults::peak_mib);
  visit("error", &SolverResults::error);
  visit("device", &SolverResults::device);
}

/// Its tensors, the item first.
template <class Visit>
void visit_tensors(const Visit& visit) {
  visit("reconstructions", &SolverResults::reconstructions);
  visit("std", &SolverResults::std);
  visit("samples", &SolverResults::samples);
  visit("quantiles", &SolverResults::quantiles);
  visit("prior_part", &SolverResults::prior_part);
  visit("anomaly", &SolverResults::anomaly);
  visit("chi2_map", &SolverResults::chi2_map);
}

/// Format, attributes, versions, ids and what a batch says of its inputs.
void write_result_header(hdf5::File& file, const ResultSet& results);
/// A solver's results without its tensors.
void write_result_figures(hdf5::Group& group, const SolverResults& results);

}  // namespace recon
