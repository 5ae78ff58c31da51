#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "priors/networks/exported_graph.h"

namespace recon {

/// Finds the tensor of a weight by its name in the module.
using WeightFinder = std::function<at::Tensor(const std::string& name)>;

/// A graph from the JSON of torch.export, schema version 8 (torch/_export/serde/schema.py): its inputs are weights and
/// two float32 tensors, x [B, C, H, W] and t [B], its output is one tensor. Throws Error(data) at `location` naming the
/// node for what is malformed, uses a value that is not there yet, gives a value twice, or is of no kind known here
/// (graphs within graphs, custom objects, outputs that change a buffer).
ExportedGraph read_exported_graph(const nlohmann::json& program, const WeightFinder& weight,
                                  const std::string& location);

/// A type by its number in that schema. Throws Error(data) at `location` for others than numbers and truth values.
c10::ScalarType exported_scalar_type(const nlohmann::json& number, const std::string& location);

/// A member of an object, and values of one type. Throw Error(data) at `location`.
const nlohmann::json& json_member(const nlohmann::json& object, const char* key, const std::string& location);
const nlohmann::json& json_list(const nlohmann::json& object, const char* key, const std::string& location);
std::string json_text(const nlohmann::json& object, const char* key, const std::string& location);
std::int64_t json_whole(const nlohmann::json& value, const std::string& location);

}  // namespace recon
