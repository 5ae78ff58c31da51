#pragma once

#include <optional>
#include <string>

#include "priors/checkpoints/pickle.h"

namespace recon {

// The few Python objects that the pickle of a state dict is made of.

/// True for the globals that we know; all others are refused when they are named.
bool is_known_global(const std::string& name);

/// The storage of a persistent id ('storage', TYPE, key, location, numel). Throws Error(data) at `location`.
TorchStorage storage_of(const Pickle& pickle, const PickleValue& id, const std::string& location);

/// The result of calling a known global with a tuple of arguments. Throws Error(data) at `location` for another number
/// or kind of arguments, and for tensors that go beyond their storage or share memory with themselves.
PickleValue call_global(const Pickle& pickle, const std::string& name, const PickleSequence& arguments,
                        const std::string& location);

}  // namespace recon
