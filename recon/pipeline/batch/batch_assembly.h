#pragma once

#include "recon/pipeline/batch/batch_plan.h"
#include "recon/pipeline/batch/batch_store.h"

namespace recon {

/// Puts the parts together to the output, one batch in memory at a time: written to a temporary file, read again and
/// compared bit for bit with the parts, then renamed. Every batch must be done, and the store in assembly.
/// `header` as for ResultWriter. `on_batch` is told how many batches were written or compared, of twice their number;
/// its false stops the work, which is false then and leaves nothing.
bool assemble_batch(const BatchStore& store, const BatchWork& work, const ResultSet& header, std::int64_t compression,
                    const std::function<bool(std::size_t done, std::size_t of)>& on_batch);

/// A finished batch in numbers.
struct BatchSummary {
  struct Failure {
    std::string id, error;
  };
  std::size_t items = 0, failed = 0, misfits = 0;
  std::vector<Failure> first_failures;                ///< at most ten
  std::vector<std::pair<std::string, double>> means;  ///< of every figure by its key, over the items that have it
};
BatchSummary summary_of(const ResultFile& result);

/// A line per item: id, status, the figures that an item knows, device, error.
void write_batch_csv(const std::string& path, const ResultFile& result);
/// The first `items` reconstructions side by side, with id and PSNR or status.
void write_contact_sheet(const std::string& path, const ResultFile& result, std::int64_t items);

/// The batches in which an item failed.
std::set<std::size_t> failed_batches(const ResultFile& result, const BatchWork& work);

}  // namespace recon
