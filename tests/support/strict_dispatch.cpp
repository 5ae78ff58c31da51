#include "tests/support/strict_dispatch.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "tests/support/strict_device.h"
#include "tests/support/strict_memory.h"

namespace recon::test {
namespace {

constexpr auto kStrict = c10::kPrivateUse1;

bool is_strict(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == kStrict; }
bool is_strict(const c10::IValue& value) { return value.isTensor() && is_strict(value.toTensor()); }

/// The storages of one call, on both sides: views of one memory stay views of one memory.
class Call {
 public:
  at::Tensor to_host(const at::Tensor& tensor) {
    auto view = c10::make_intrusive<c10::TensorImpl>(c10::Storage(host_of(tensor.storage())),
                                                     c10::DispatchKeySet(c10::DispatchKey::CPU), tensor.dtype());
    view->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
    at::Tensor result(std::move(view));
    result._set_conj(tensor.is_conj());
    result._set_neg(tensor.is_neg());
    return result;
  }

  /// A view of a device tensor that went in, or new memory on the device.
  at::Tensor to_device(const at::Tensor& tensor) const {
    const auto known = std::find_if(pairs_.begin(), pairs_.end(), [&](const Pair& pair) {
      return pair.host.unsafeGetStorageImpl() == tensor.storage().unsafeGetStorageImpl();
    });
    c10::Storage storage = known != pairs_.end() ? known->device : copy_of(tensor.storage());
    auto impl = c10::make_intrusive<c10::TensorImpl>(
        std::move(storage), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), tensor.dtype());
    impl->set_sizes_and_strides(tensor.sizes(), tensor.strides(), tensor.storage_offset());
    at::Tensor result(std::move(impl));
    result._set_conj(tensor.is_conj());
    result._set_neg(tensor.is_neg());
    return result;
  }

  static c10::Storage copy_of(const c10::Storage& host) {
    c10::Storage device(c10::Storage::use_byte_size_t{}, host.nbytes(), strict_allocator().allocate(host.nbytes()),
                        &strict_allocator(), /*resizable=*/true);
    if (host.nbytes() > 0) std::memcpy(host_address(device.data()), host.data(), host.nbytes());
    return device;
  }

 private:
  struct Pair {
    c10::Storage device, host;
  };

  c10::Storage host_of(const c10::Storage& device) {
    for (const Pair& pair : pairs_) {
      if (pair.device.unsafeGetStorageImpl() == device.unsafeGetStorageImpl()) return pair.host;
    }
    // Not resizable: an op that would grow its argument fails here, and says so.
    c10::Storage host(c10::Storage::use_byte_size_t{}, device.nbytes(),
                      c10::DataPtr(host_address(device.data()), c10::Device(c10::kCPU)));
    pairs_.push_back({device, host});
    return host;
  }

  std::vector<Pair> pairs_;
};

/// Every tensor of a value: itself, or those of a list. `change` may replace them.
template <class Change>
c10::IValue with_tensors(const c10::IValue& value, const Change& change) {
  if (value.isTensor()) return value.toTensor().defined() ? c10::IValue(change(value.toTensor())) : value;
  if (value.isTensorList()) {
    c10::List<at::Tensor> changed;
    for (const at::Tensor& tensor : value.toTensorVector()) changed.push_back(change(tensor));
    return changed;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> changed;
    for (const std::optional<at::Tensor>& tensor : value.toOptionalTensorVector()) {
      changed.push_back(tensor && tensor->defined() ? std::optional(change(*tensor)) : tensor);
    }
    return changed;
  }
  return value;
}

/// Ops that CUDA waits in, for the size of what they return.
bool waits_for_a_size(const std::string& op) {
  static const std::set<std::string> waiting = {"aten::nonzero",           "aten::masked_select",      "aten::_unique2",
                                                "aten::unique_dim",        "aten::unique_consecutive", "aten::bincount",
                                                "aten::repeat_interleave", "aten::_linalg_eigvals"};
  return waiting.contains(op);
}

bool takes_host_indices(const std::string& op) {
  return op == "aten::index" || op == "aten::index_put_" || op == "aten::_index_put_impl_" || op == "aten::index_put" ||
         op == "aten::_unsafe_index";
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

/// Refuses what CUDA refuses: tensors of the CPU, but for scalars of elementwise ops and for indices, which CUDA moves.
void check_devices(const c10::OperatorHandle& op, const std::vector<c10::IValue>& arguments) {
  const auto& schema = op.schema();
  const bool elementwise = op.hasTag(at::Tag::pointwise) || schema.name() == "aten::fill_" ||
                           schema.name() == "aten::index_fill_" || schema.name() == "aten::masked_fill_";
  const bool indexing = takes_host_indices(schema.name());
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool written = is_written(schema.arguments()[i]);
    with_tensors(arguments[i], [&](const at::Tensor& tensor) {
      const bool scalar = (elementwise || indexing) && tensor.dim() == 0 && !written;
      const bool index = indexing && arguments[i].isOptionalTensorList();
      if (index && tensor.device().is_cpu()) count_upload();
      TORCH_CHECK(is_strict(tensor) || scalar || index, "strict device: expected all tensors of ", schema.name(),
                  " on one device, but its argument '", schema.arguments()[i].name(), "' of ", tensor.dim(),
                  " axes is on ", tensor.device());
      return tensor;
    });
  }
}

/// Masks as indices become positions: CUDA waits for their number.
bool indexes_by_mask(const std::vector<c10::IValue>& arguments) {
  bool mask = false;
  for (const auto& argument : arguments) {
    if (!argument.isOptionalTensorList()) continue;
    with_tensors(argument, [&](const at::Tensor& tensor) {
      mask = mask || tensor.scalar_type() == at::kBool || tensor.scalar_type() == at::kByte;
      return tensor;
    });
  }
  return mask;
}

/// The argument that a result is by the schema: that of an in-place op, and `out`.
std::optional<std::size_t> written_argument(const c10::FunctionSchema& schema, const c10::Argument& result) {
  if (!is_written(result)) return std::nullopt;
  for (std::size_t i = 0; i < schema.arguments().size(); ++i) {
    const c10::Argument& argument = schema.arguments()[i];
    if (is_written(argument) && argument.alias_info()->beforeSet() == result.alias_info()->beforeSet()) return i;
  }
  return std::nullopt;
}

void count(const std::string& op, const std::vector<c10::IValue>& arguments, const torch::jit::Stack& results) {
  count_launch();
  const bool truth = std::any_of(results.begin(), results.end(), [](const c10::IValue& value) {
    return value.isBool() || value.isInt() || value.isDouble() || value.isScalar();
  });
  if (truth || waits_for_a_size(op) || (takes_host_indices(op) && indexes_by_mask(arguments))) count_host_read(op);
}

/// An argument as the CPU takes it.
c10::IValue inside(const c10::IValue& argument, Call& call) {
  if (argument.isDevice() && argument.toDevice().type() == kStrict) return c10::Device(c10::kCPU);
  return with_tensors(argument,
                      [&](const at::Tensor& tensor) { return is_strict(tensor) ? call.to_host(tensor) : tensor; });
}

/// What the strict device is recording; null: nothing. Backward passes run in other threads.
struct Recorder {
  std::mutex mutex;
  StrictRecording* recording = nullptr;
};

Recorder& recorder() {
  static auto* const instance = new Recorder;
  return *instance;
}

void record(std::function<void()> op) {
  const std::lock_guard lock(recorder().mutex);
  if (recorder().recording != nullptr) recorder().recording->push_back(std::move(op));
}

/// The op again on the same memory, its results into that of the first time.
void repeat(const c10::OperatorHandle& op, const std::vector<c10::IValue>& arguments,
            const torch::jit::Stack& results) {
  Call call;
  torch::jit::Stack stack;
  for (const auto& argument : arguments) stack.push_back(inside(argument, call));
  const at::AutoDispatchBelowADInplaceOrView below;
  op.callBoxed(&stack);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].isTensor() && !results[i].isTensorList()) continue;
    const auto first = results[i].isTensor() ? std::vector{results[i].toTensor()} : results[i].toTensorVector();
    const auto again = stack[i].isTensor() ? std::vector{stack[i].toTensor()} : stack[i].toTensorVector();
    for (std::size_t k = 0; k < first.size(); ++k) {
      if (!first[k].defined()) continue;
      const at::Tensor target = call.to_host(first[k]);
      if (target.data_ptr() != again[k].data_ptr()) target.copy_(again[k]);  // else a view, or written in place
    }
  }
}

/// Any op: unwraps, runs on the CPU, wraps.
void run_on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& schema = op.schema();
  const auto first = stack->end() - static_cast<std::ptrdiff_t>(schema.arguments().size());
  const std::vector<c10::IValue> arguments(first, stack->end());
  check_devices(op, arguments);
  Call call;
  std::vector<c10::IValue> taken;
  std::vector<std::pair<at::Tensor, at::Tensor>> sized;  ///< empty tensors to write to, which get their size here
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const c10::IValue& argument = arguments[i];
    if (is_strict(argument) && is_written(schema.arguments()[i]) && argument.toTensor().numel() == 0) {
      const at::Tensor& target = argument.toTensor();
      sized.emplace_back(target, at::empty(target.sizes(), target.scalar_type()));
      taken.emplace_back(sized.back().second);
    } else {
      taken.push_back(inside(argument, call));
    }
  }
  stack->erase(first, stack->end());
  torch::jit::Stack results = taken;
  {
    const at::AutoDispatchBelowADInplaceOrView below;  // the graph was recorded above
    op.callBoxed(&results);
  }
  count(schema.name(), arguments, results);
  for (const auto& [target, result] : sized) {
    auto* impl = target.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(Call::copy_of(result.storage()));
    impl->set_sizes_and_strides(result.sizes(), result.strides(), result.storage_offset());
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (const auto written = written_argument(schema, schema.returns()[i])) {
      const c10::IValue& argument = arguments[*written];
      TORCH_CHECK(!is_strict(argument) || argument.toTensor().sizes() == results[i].toTensor().sizes(),
                  "strict device: ", schema.name(), " changes the shape of its argument, which is not supported");
      stack->push_back(argument);
    } else {
      stack->push_back(with_tensors(results[i], [&](const at::Tensor& tensor) { return call.to_device(tensor); }));
    }
  }
  if (!is_recording()) return;
  const auto outputs = stack->end() - static_cast<std::ptrdiff_t>(results.size());
  record([op, arguments, kept = torch::jit::Stack(outputs, stack->end())] { repeat(op, arguments, kept); });
}

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool> pinned, std::optional<at::MemoryFormat> format) {
  TORCH_CHECK(!pinned.value_or(false), "strict device: only memory of the CPU can be pinned");
  return at::detail::empty_generic(size, &strict_allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool> pinned) {
  TORCH_CHECK(!pinned.value_or(false), "strict device: only memory of the CPU can be pinned");
  return at::detail::empty_strided_generic(size, stride, &strict_allocator(),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor& source, const at::Tensor& target, bool) {
  Call call;
  if (!is_strict(target)) {
    count_host_read("aten::copy_");
    target.copy_(call.to_host(source));
  } else if (!is_strict(source)) {
    count_upload();
    call.to_host(target).copy_(source);
  } else {
    count_launch();
    const at::Tensor to = call.to_host(target);
    to.copy_(call.to_host(source));
    if (is_recording()) record([source, target] { on_host(target).copy_(on_host(source)); });
  }
  return target;
}

at::Scalar local_scalar(const at::Tensor& value) {
  count_host_read("aten::item");
  return on_host(value).item();
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size, std::optional<at::MemoryFormat> format) {
  TORCH_CHECK(!format || *format == at::MemoryFormat::Contiguous, "strict device: resize_ is for contiguous tensors");
  auto* impl = self.unsafeGetTensorImpl();
  const c10::Storage& storage = self.storage();
  const std::size_t bytes = at::detail::computeStorageNbytesContiguous(size, self.itemsize(),
                                                                       static_cast<std::size_t>(self.storage_offset()));
  if (bytes > storage.nbytes()) {
    c10::DataPtr grown = strict_allocator().allocate(bytes);
    if (storage.nbytes() > 0) strict_allocator().copy_data(grown.get(), storage.data(), storage.nbytes());
    storage.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(grown));
    storage.unsafeGetStorageImpl()->set_nbytes(bytes);
  }
  impl->set_sizes_contiguous(size);
  return self;
}

}  // namespace

at::Tensor on_host(const at::Tensor& tensor) { return Call().to_host(tensor); }

bool is_recording() {
  const std::lock_guard lock(recorder().mutex);
  return recorder().recording != nullptr;
}

StrictRecording recorded_by(const std::function<void()>& work) {
  StrictRecording recording;
  const auto set = [](StrictRecording* to) {
    const std::lock_guard lock(recorder().mutex);
    TORCH_CHECK(to == nullptr || recorder().recording == nullptr, "strict device: it records one graph at a time");
    recorder().recording = to;
  };
  set(&recording);
  try {
    work();
  } catch (...) {
    set(nullptr);
    throw;
  }
  set(nullptr);
  return recording;
}

void register_strict_ops() {
  static torch::Library all(torch::Library::IMPL, "_", c10::DispatchKey::PrivateUse1, __FILE__, __LINE__);
  all.fallback(torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
  static torch::Library aten(torch::Library::IMPL, "aten", c10::DispatchKey::PrivateUse1, __FILE__, __LINE__);
  aten.impl("empty.memory_format", &empty);
  aten.impl("empty_strided", &empty_strided);
  aten.impl("_copy_from", &copy_from);
  aten.impl("_local_scalar_dense", &local_scalar);
  aten.impl("resize_", &resize);
  // A copy resolves lazy conjugation itself, as copy_ does: PyTorch would resolve it by a copy, which comes here again.
  for (const auto lazy : {c10::DispatchKey::Conjugate, c10::DispatchKey::Negative}) {
    static std::vector<torch::Library> lazies;
    lazies.emplace_back(torch::Library::IMPL, "aten", lazy, __FILE__, __LINE__);
    lazies.back().impl("_copy_from", torch::CppFunction::makeFallthrough());
  }
  // PyTorch would take these apart for a device that it does not know, and CUDA has one kernel for each.
  for (const char* whole : {"convolution", "convolution_backward", "native_group_norm", "native_group_norm_backward",
                            "native_layer_norm", "native_layer_norm_backward"}) {
    aten.impl(whole, torch::CppFunction::makeFromBoxedFunction<&run_on_host>());
  }
}

}  // namespace recon::test
