// recon import: raw data of scanners and of other programs -> measurement file.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "recon/commands/verb.h"
#include "recon/config/option_lister.h"
#include "recon/pipeline/import/raw_import.h"

namespace recon {
namespace {

constexpr const char* conventions =
    "SOURCE is ISMRMRD, multi-coil fastMRI (HDF5) or a BART array (.cfl and .hdr): slices, Cartesian or (ISMRMRD)\n"
    "radial, spiral and at any positions that the file says. The coils are whitened, their maps estimated, and the\n"
    "numbers scaled to an image range of [0, 1]; the image is that of the file's own coils. What the lines of the\n"
    "file were used for is listed. The measurement file then says all that `recon run` needs.\n\n";

constexpr const char* examples_text = R"(
Examples:
  recon import scan.h5 -o measurement.h5
  recon import multicoil.h5 -o m.h5 --set coils=8 --set 'undersampling={acceleration: 4}'
  recon import kspace.cfl -o m.h5 --set noise=none --set estimation.calibration=32
)";

std::string options_text() {
  OptionLister all, estimation;
  ImportPlan().visit(all);
  CoilEstimation().visit(estimation);
  return options_as_text(all.options(), 2) + "Of `estimation`:\n" + options_as_text(estimation.options(), 2) +
         "Of `undersampling`: those of the operator `fourier`.\n";
}

class ImportVerb final : public Verb {
 public:
  const char* name() const override { return "import"; }
  const char* summary() const override { return "Make a measurement file from raw MRI data"; }
  const char* examples() const override {
    static const std::string text =
        std::string(conventions) + "Options, with --set:\n" + options_text() + examples_text;
    return text.c_str();
  }

  void describe(CLI::App& app) override {
    app.add_option("SOURCE", source_, "Raw data file")->required();
    app.add_option("-o,--output", output_, "Measurement file to write (HDF5)")->capture_default_str();
    add_force(app, force_);
  }

  VerbResult execute(const GlobalOptions& options) override {
    Config config = Config::from_text("", "recon import");
    for (const auto& assignment : options.set) config.set(assignment);
    const ImportPlan plan = read_import_plan(config);
    const auto [source, imported] = import_file(source_, output_, plan, force_);
    const MeasurementSet& set = imported.set;
    VerbResult result;
    result.json = {{"output", output_},
                   {"source", describe_kspace(source)},
                   {"items", set.ids},
                   {"image", set.header.image.to_string()},
                   {"measurement", spec_of_item(set.y).to_string()},
                   {"noise", to_string(set.header.noise.type)},
                   {"noise_std", set.header.noise.std},
                   {"ground_truth", set.ground_truth.defined()},
                   {"notes", imported.notes},
                   {"options", plan.resolved}};
    result.text = fmt::format(
        "{}: {} slice(s) of {}, {} measured as {}, noise {}\n", output_, set.ids.size(), source.format,
        set.header.image.to_string(), spec_of_item(set.y).to_string(),
        set.header.noise.std.empty() ? std::string("not stated") : fmt::format("{:.3g}", set.header.noise.std.front()));
    for (const KspacePart& part : source.parts) {
      result.text += fmt::format("  {:>6} lines  {:<28} {}\n", part.lines, part.what, part.used_for);
    }
    for (const std::string& note : imported.notes) result.text += "  " + note + "\n";
    return result;
  }

 private:
  std::string source_, output_ = "measurement.h5";
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_import_verb() { return std::make_unique<ImportVerb>(); }

}  // namespace recon
