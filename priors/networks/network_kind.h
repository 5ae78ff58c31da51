#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "priors/networks/class_labels.h"
#include "priors/networks/network.h"
#include "recon/core/parameters.h"
#include "recon/core/registry.h"

namespace recon {

/// What a network's options say about the prior.
struct NetworkFacts {
  std::int64_t in_channels = 0, size_multiple = 1;
  std::vector<std::int64_t> sample_size = {};  ///< {H, W} of training; empty: any
  bool learned_variance = false;               ///< as far as the options say
  bool conditioned_on_noise_level = false;     ///< its time input is a noise level, not a timestep; the card says which
};

/// The options of a network of some architecture.
class NetworkConfig {
 public:
  virtual ~NetworkConfig() = default;
  virtual void visit(ParameterVisitor& options) = 0;
  /// After all options have been read: fills in what follows from others. Throws Error(data) at `location` naming the
  /// key for numbers that do not fit each other.
  virtual void complete(const std::string& location) = 0;
  virtual NetworkFacts facts() const = 0;
  /// Its class labels, for choose_class() before build(); null: networks of this kind never have any.
  virtual ClassLabels* classes() { return nullptr; }
  /// The network with its parameters from there.
  virtual std::shared_ptr<const Network> build(ParameterSource& parameters) const = 0;
  /// The network of a file that is a program, for kinds with a program_format.
  virtual std::shared_ptr<const Network> load(const std::filesystem::path& program) const = 0;
};

/// One architecture: where its options come from, and what is built from them. A new one is a file with its options and
/// its Network, and a line in the list of networks.cpp.
struct NetworkKind {
  std::string name;            ///< the `architecture: {type: ...}` of a prior's card
  std::string json_class;      ///< the `_class_name` of the config.json that has its options; empty: the card has them
  std::string program_format;  ///< "TorchScript" where the weights' file is the network itself; else empty
  /// The options at their defaults, for a card to overrule; empty where config.json has them.
  std::function<std::shared_ptr<NetworkConfig>()> make = {};
  /// The options of a config.json. Throws Error(data) at `location`.
  std::function<std::shared_ptr<NetworkConfig>(const nlohmann::json& json, const std::string& location)> read_json = {};
};

/// Options with the members visit(), complete() and facts(), of the network that `Net(config, parameters)` makes.
template <class Config, class Net>
class ConfigOf final : public NetworkConfig {
 public:
  Config config;

  explicit ConfigOf(Config read = {}) : config(std::move(read)) {}
  void visit(ParameterVisitor& options) override { config.visit(options); }
  void complete(const std::string& location) override { config.complete(location); }
  NetworkFacts facts() const override { return config.facts(); }
  ClassLabels* classes() override {
    if constexpr (requires { config.classes; }) return &config.classes;
    return nullptr;
  }
  std::shared_ptr<const Network> build(ParameterSource& parameters) const override {
    return std::make_shared<const Net>(config, parameters);
  }
  std::shared_ptr<const Network> load(const std::filesystem::path& program) const override {
    throw internal_error("NetworkConfig", "{} is no program", program.string());
  }
};

/// A kind whose options stand in a prior's card.
template <class Config, class Net>
NetworkKind network_kind(const std::string& name) {
  return {.name = name, .json_class = "", .program_format = "", .make = [] {
            return std::make_shared<ConfigOf<Config, Net>>();
          }};
}

/// All architectures.
const Registry<NetworkKind>& network_kinds();
/// The same, to add architectures of one's own to (Registry::add); before they are first used.
Registry<NetworkKind>& mutable_network_kinds();
/// The names of those that a card may choose.
std::vector<std::string> card_network_names();

}  // namespace recon
