#include "recon/pipeline/batch/batch_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "data/atomic_file.h"
#include "data/content_hash.h"
#include "recon/core/error.h"

namespace recon {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// Bytes of the claim file: the folder as a whole, those who are at work in it, then the batches.
constexpr std::int64_t the_folder = 0, at_work = 1;
constexpr std::int64_t manifest_version = 2;
constexpr std::int64_t max_manifest_bytes = std::int64_t{256} << 20;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) throw data_error(path.string(), "cannot be removed: {}; correct the rights", error.message());
}

/// Nothing in a folder that is gone: who assembled has removed it.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    files.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw data_error(folder.string(), "cannot be read: {}; correct the rights", error.message());
  }
  return files;
}

/// Parts of another version are another run's, whatever the rest says: its figures may have other names.
void require_version(const ordered_json& manifest, const fs::path& folder) {
  const std::int64_t version = manifest.value("version", std::int64_t{1});
  if (version == manifest_version) return;
  throw usage_error(folder.string(),
                    "was begun by a recon whose batches have version {}, this one's have version {}; finish it with "
                    "that program ({}), use another `output.path`, or --restart",
                    version, manifest_version, manifest["identity"].value("program", "an older one"));
}

std::string shown(const ordered_json& value) {
  std::string text = value.dump();
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

}  // namespace

std::string differences(const ordered_json& was, const ordered_json& is) {
  const ordered_json before = was.flatten(), now = is.flatten();
  std::vector<std::string> found;
  const auto key_of = [](std::string pointer) {
    std::replace(pointer.begin(), pointer.end(), '/', '.');
    return pointer.substr(pointer.empty() ? 0 : 1);
  };
  for (const auto& [key, value] : now.items()) {
    if (!before.contains(key)) {
      found.push_back(fmt::format("{} was absent, is {}", key_of(key), shown(value)));
    } else if (before[key] != value) {
      found.push_back(fmt::format("{} was {}, is {}", key_of(key), shown(before[key]), shown(value)));
    }
  }
  for (const auto& [key, value] : before.items()) {
    if (!now.contains(key)) found.push_back(fmt::format("{} was {}, is absent", key_of(key), shown(value)));
  }
  std::string text;
  constexpr std::size_t at_most = 5;
  for (std::size_t i = 0; i < std::min(found.size(), at_most); ++i) text += (i > 0 ? "; " : "") + found[i];
  if (found.size() > at_most) text += fmt::format("; and {} more", found.size() - at_most);
  return text;
}

BatchStore::BatchStore(fs::path output, const ordered_json& identity, std::size_t batches, const Opening& opening,
                       const FailedBatches& failed_batches)
    : output_(std::move(output)), folder_(parts_of(output_)), batches_(batches), identity_(identity) {
  require_writable(output_.string(), true);
  open_folder();
  try {
    open_manifest(opening, failed_batches);
  } catch (const Error&) {
    if (!is_there(folder_ / "manifest.json")) remove_folder();
    throw;
  }
  claims_->release(the_folder);
}

void BatchStore::open_folder() {
  for (;;) {
    std::error_code error;
    fs::create_directory(folder_, error);
    if (error) throw data_error(folder_.string(), "cannot make the folder: {}; write elsewhere", error.message());
    try {
      claims_ = std::make_unique<ClaimFile>((folder_ / "claims").string());
    } catch (const Error&) {
      if (!is_there(folder_)) continue;  // who finished the run removed it just now
      throw;
    }
    claims_->wait_and_claim(the_folder);
    if (claims_->is_in_place()) return;
  }
}

std::optional<ordered_json> BatchStore::manifest_in(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  if (!is_there(path)) return std::nullopt;
  ordered_json manifest = ordered_json::parse(read_whole_file(path.string(), max_manifest_bytes), nullptr, false);
  const bool ok = manifest.is_object() && manifest.value("format", "") == "recon-batch" &&
                  manifest.contains("identity") && manifest.value("generation", -1) >= 0;
  if (!ok) throw data_error(path.string(), "is no manifest of a batch; remove its folder, or use --restart");
  return manifest;
}

std::optional<ordered_json> BatchStore::manifest_of(const fs::path& result) {
  if (!is_there(result) || !hdf5::File::looks_like_hdf5(result.string()) ||
      hdf5_format(result.string()) != "recon-result") {
    return std::nullopt;
  }
  const std::string text = ResultFile::open(result.string()).header().manifest;
  ordered_json manifest = ordered_json::parse(text, nullptr, false);
  if (!manifest.is_object()) return std::nullopt;
  return manifest;
}

bool BatchStore::output_is_try_of(const ordered_json& manifest) const {
  const auto there = manifest_of(output_);
  return there && (*there)["identity"] == manifest["identity"] && (*there)["generation"] == manifest["generation"];
}

void BatchStore::open_manifest(const Opening& opening, const FailedBatches& failed_batches) {
  auto there = manifest_in(folder_);
  // Without locks another may have begun since.
  if (!there && !why_no_locks().empty() && !is_new()) there = manifest_in(folder_);
  const bool joins = there && !opening.job.empty() && there->value("job", "") == opening.job;
  if (opening.mode == Mode::restart && !joins) return restart(there, opening);
  claims_->try_share(at_work);
  if (there && output_is_try_of(*there)) {
    there.reset();  // a kill came between the output and the removal of its parts
    empty_folder();
  }
  if (there) return open_parts(*there, opening);
  if (is_there(output_)) return open_output(opening, failed_batches);
  begin_try(0, {}, opening);
}

void BatchStore::open_parts(const ordered_json& manifest, const Opening& opening) {
  require_version(manifest, folder_);
  if (manifest["identity"] != identity_) {
    throw usage_error(folder_.string(), "belongs to another run ({}); use another `output.path`, or --restart",
                      differences(manifest["identity"], identity_));
  }
  manifest_ = manifest;
  for (const auto& batch : manifest_["redo"]) redo_.insert(batch.get<std::size_t>());
  if (!redo_.empty()) earlier_ = ResultFile::open(output_.string());
  const bool joins = !opening.job.empty() && manifest_["job"] == opening.job;
  if (opening.mode != Mode::retry_failed || joins) return;
  remove_failed_parts();
  manifest_["job"] = opening.job;
  write_manifest();
}

void BatchStore::open_output(const Opening& opening, const FailedBatches& failed_batches) {
  const auto manifest = manifest_of(output_);
  if (!manifest) {
    throw usage_error(output_.string(),
                      "is there already, and no batch made it; use another `output.path`, or --restart");
  }
  if ((*manifest)["identity"] != identity_) {
    throw usage_error(output_.string(), "is the result of another run ({}); use another `output.path`, or --restart",
                      differences((*manifest)["identity"], identity_));
  }
  manifest_ = *manifest;
  const bool tried = !opening.job.empty() && manifest_["job"] == opening.job;
  std::set<std::size_t> redo;
  if (opening.mode == Mode::retry_failed && !tried) {
    earlier_ = ResultFile::open(output_.string());
    redo = failed_batches(*earlier_);
  }
  if (!redo.empty()) return begin_try(manifest_["generation"].get<std::int64_t>() + 1, redo, opening);
  finished_ = true;
  remove_folder();
}

void BatchStore::restart(const std::optional<ordered_json>& there, const Opening& opening) {
  if (!claims_->try_claim(at_work)) {
    throw usage_error(folder_.string(), "cannot restart: another process is at work on this batch; stop it first");
  }
  claims_->try_share(at_work);
  const auto output_manifest = manifest_of(output_);
  std::int64_t generation = 0;
  for (const auto& earlier : {there, output_manifest}) {
    if (earlier) generation = std::max(generation, (*earlier)["generation"].get<std::int64_t>() + 1);
  }
  begin_try(generation, {}, opening);
}

void BatchStore::begin_try(std::int64_t generation, const std::set<std::size_t>& redo, const Opening& opening) {
  // Without locks several may begin at once, all with the same manifest: nobody may remove what another has just made.
  if (why_no_locks().empty() || !is_new()) empty_folder();
  redo_ = redo;
  manifest_ = {
      {"format", "recon-batch"}, {"version", manifest_version}, {"identity", identity_},    {"generation", generation},
      {"redo", redo_},           {"job", opening.job},          {"folder", opening.folder}, {"batches", batches_}};
  write_manifest();
}

void BatchStore::write_manifest() { write_file_atomically((folder_ / "manifest.json").string(), manifest_.dump()); }

void BatchStore::remove_failed_parts() {
  for (std::size_t batch = 0; batch < batches_; ++batch) {
    if (!has_part(batch)) continue;
    const auto errors = ResultFile::open(part_path(batch)).figures().error;
    const bool failed = std::any_of(errors.begin(), errors.end(), [](const auto& text) { return !text.empty(); });
    if (failed) remove_file(part_path(batch));
  }
}

std::string BatchStore::part_path(std::size_t batch) const {
  return (folder_ / fmt::format("{:08}.h5", batch)).string();
}

bool BatchStore::has_part(std::size_t batch) const { return is_there(part_path(batch)); }

bool BatchStore::is_done(std::size_t batch) const {
  return (!redo_.empty() && !redo_.contains(batch)) || has_part(batch);
}

std::size_t BatchStore::count_done() const {
  if (finished_) return batches_;
  std::size_t done = redo_.empty() ? 0 : batches_ - redo_.size();
  for (const auto& file : files_in(folder_)) done += file.extension() == ".h5" ? 1U : 0U;
  return done;
}

bool BatchStore::was_seen_done(std::size_t batch) {
  constexpr std::size_t fewest_looks = 64, entries_per_look = 64;  // entries of a folder come by the hundred
  seen_done_.resize(batches_);
  if (seen_done_[batch]) return true;
  if (!is_done(batch)) return false;
  seen_done_[batch] = true;
  if (++looks_ < std::max(fewest_looks, listed_ / entries_per_look)) return true;
  looks_ = listed_ = 0;
  for (const auto& file : files_in(folder_)) {
    std::size_t number = 0;
    const std::string name = file.stem().string();
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool part = error == std::errc() && end == name.data() + name.size() && file.extension() == ".h5";
    if (!part || number >= batches_) continue;
    seen_done_[number] = true;
    ++listed_;
  }
  return true;
}

bool BatchStore::claim(std::size_t batch) {
  if (finished_ || was_seen_done(batch) || !claims_->try_claim(claim_number(batch))) return false;
  if (!is_done(batch)) {
    // No part: either nobody has made it, or who assembled has removed it, and before it the manifest.
    if (is_there(folder_ / "manifest.json")) return true;
    finished_ = true;
  }
  release(batch);
  return false;
}

bool BatchStore::begin_assembly() {
  claims_->wait_and_claim(the_folder);
  if (!is_there(folder_ / "manifest.json") || output_is_try_of(manifest_)) finished_ = true;
  if (!finished_) return true;
  claims_->release(the_folder);
  return false;
}

void BatchStore::leave_assembly() { claims_->release(the_folder); }

void BatchStore::end_assembly() {
  finished_ = true;
  earlier_.reset();
  remove_folder();
  claims_->release(the_folder);
}

bool BatchStore::is_new() const {
  const auto files = files_in(folder_);
  return std::all_of(files.begin(), files.end(), [](const fs::path& file) { return file.filename() == "claims"; });
}

void BatchStore::empty_folder() {
  remove_file(folder_ / "manifest.json");  // first: parts without it are rubbish
  for (const auto& file : files_in(folder_)) {
    if (file.filename() != "claims") remove_file(file);
  }
}

void BatchStore::remove_folder() {
  empty_folder();
  remove_file(folder_ / "claims");  // last: who waits for it finds out that it is gone
  std::error_code ignored;          // somebody may have begun anew in it
  fs::remove(folder_, ignored);
}

}  // namespace recon
