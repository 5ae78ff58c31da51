#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>

#include "priors/checkpoints/pickle.h"
#include "priors/checkpoints/torch_objects.h"
#include "recon/core/error.h"

namespace recon {
namespace {

/// Only what can be printed, and not too much of it.
std::string shown(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 100)) result += c >= ' ' && c <= '~' ? c : '?';
  return result;
}

/// The opcodes that we know, by their names in Python's pickletools.
enum Opcode : unsigned char {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kShortBinString = 'U',
  kBinString = 'T',
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kBinUnicode8 = 0x8d,
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kProto = 0x80,
  kFrame = 0x95
};

/// The stack machine.
class Unpickler {
 public:
  Unpickler(std::string_view bytes, const std::string& location) : bytes_(bytes), location_(location) {}

  Pickle run() {
    if (bytes_.size() > kMaxPickleBytes) throw fault("{} bytes, limit {}", bytes_.size(), kMaxPickleBytes);
    for (;;) {
      begin_ = at_;
      const auto opcode = static_cast<unsigned char>(take(1).front());
      if (opcode == kStop) break;
      if (!constant(opcode) && !text(opcode) && !container(opcode) && !memory(opcode) && !object(opcode)) {
        throw fault(
            "opcode 0x{:02x} is not part of a state dict; only tensors, dicts, lists, tuples, numbers and "
            "texts are read, and nothing is ever run",
            opcode);
      }
    }
    if (stack_.size() != 1 || !marks_.empty()) throw fault("ends with {} values, expected one", stack_.size());
    pickle_.root = stack_.front();
    refuse_cycles(pickle_, where());
    return std::move(pickle_);
  }

 private:
  template <class... Args>
  Error fault(fmt::format_string<Args...> format, Args&&... args) const {
    return data_error(where(), format, std::forward<Args>(args)...);
  }
  std::string where() const { return fmt::format("{} byte {}", location_, begin_); }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) {
      throw fault("{} more bytes are promised, {} are there: truncated", count, bytes_.size() - at_);
    }
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }

  /// A little-endian number of `count` bytes.
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(&value, take(count).data(), count);
    return value;
  }

  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) throw fault("a line without an end: truncated");
    const std::string_view taken = take(end - at_);
    ++at_;
    return taken;
  }

  bool push(PickleValue value) {
    if (pickle_.values.size() >= kMaxPickleValues) throw fault("more than {} values", kMaxPickleValues);
    stack_.push_back(static_cast<PickleRef>(pickle_.values.size()));
    pickle_.values.push_back(std::move(value));
    return true;
  }

  /// Values above the last mark belong to it; below it, nothing may be taken.
  std::size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  PickleRef pop() {
    if (available() == 0) throw fault("takes a value where there is none");
    const PickleRef top = stack_.back();
    stack_.pop_back();
    return top;
  }

  std::vector<PickleRef> pop_last(std::size_t count) {
    if (available() < count) throw fault("takes {} values where there are {}", count, available());
    const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<PickleRef> taken(first, stack_.end());
    stack_.erase(first, stack_.end());
    return taken;
  }

  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) throw fault("goes back to a mark that is not there");
    std::vector<PickleRef> taken = pop_last(available());
    marks_.pop_back();
    return taken;
  }

  template <class T>
  T& top_as(const char* wanted) {
    if (available() == 0) throw fault("expected {}, got nothing", wanted);
    PickleValue& top = pickle_.values[stack_.back()];
    if (!std::holds_alternative<T>(top)) throw fault("expected {}, got {}", wanted, kind_of(top));
    return std::get<T>(top);
  }

  bool constant(unsigned char opcode) {
    switch (opcode) {
      case kNone:
        return push(std::monostate{});
      case kNewTrue:
        return push(true);
      case kNewFalse:
        return push(false);
      case kBinInt:
        return push(std::int64_t{static_cast<std::int32_t>(number(4))});
      case kBinInt1:
        return push(static_cast<std::int64_t>(number(1)));
      case kBinInt2:
        return push(static_cast<std::int64_t>(number(2)));
      case kLong1:
        return push(long_number());
      case kBinFloat:  // big-endian, alone among the opcodes
        return push(std::bit_cast<double>(__builtin_bswap64(number(8))));
      default:
        return false;
    }
  }

  /// Two's complement of any length.
  std::int64_t long_number() {
    const auto length = static_cast<std::size_t>(number(1));
    if (length > 8) throw fault("a number of {} bytes, at most 8 are read", length);
    if (length == 0) return 0;
    const auto unused = static_cast<int>(64 - 8 * length);
    return static_cast<std::int64_t>(number(length) << unused) >> unused;
  }

  bool text(unsigned char opcode) {
    switch (opcode) {
      case kShortBinString:
      case kShortBinUnicode:
        return push(std::string(take(number(1))));
      case kBinString:
      case kBinUnicode:
        return push(std::string(take(number(4))));
      case kBinUnicode8:
        return push(std::string(take(number(8))));
      default:
        return false;
    }
  }

  bool container(unsigned char opcode) {
    switch (opcode) {
      case kMark:
        marks_.push_back(stack_.size());
        return true;
      case kPop:
        return pop(), true;
      case kEmptyTuple:
        return push(PickleSequence{{}, true});
      case kTuple:
        return push(PickleSequence{pop_to_mark(), true});
      case kTuple1:
      case kTuple2:
      case kTuple3:
        return push(PickleSequence{pop_last(opcode - kTuple1 + 1U), true});
      case kEmptyList:
        return push(PickleSequence{});
      case kAppend:
        return append(pop_last(1));
      case kAppends:
        return append(pop_to_mark());
      case kEmptyDict:
        return push(PickleDict{});
      case kSetItem:
        return set_items(pop_last(2));
      case kSetItems:
        return set_items(pop_to_mark());
      default:
        return false;
    }
  }

  bool append(const std::vector<PickleRef>& items) {
    auto& list = top_as<PickleSequence>("a list");
    if (list.tuple) throw fault("appends to a tuple");
    list.items.insert(list.items.end(), items.begin(), items.end());
    return true;
  }

  bool set_items(const std::vector<PickleRef>& items) {
    auto& dict = top_as<PickleDict>("a dict");
    if (items.size() % 2 != 0) throw fault("sets a key without a value");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
    return true;
  }

  bool memory(unsigned char opcode) {
    switch (opcode) {
      case kBinGet:
        return recall(number(1));
      case kLongBinGet:
        return recall(number(4));
      case kBinPut:
        return memorise(number(1));
      case kLongBinPut:
        return memorise(number(4));
      case kMemoize:
        return memorise(memo_.size());
      case kProto:
        if (const auto version = number(1); version < 2 || version > 5) throw fault("pickle protocol {}", version);
        return true;
      case kFrame:
        if (const auto length = number(8); length > bytes_.size() - at_) throw fault("a frame of {} bytes", length);
        return true;
      default:
        return false;
    }
  }

  bool memorise(std::uint64_t key) {
    if (available() == 0) throw fault("remembers a value where there is none");
    memo_[key] = stack_.back();
    return true;
  }

  bool recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) throw fault("recalls memo {}, which was never stored", key);
    stack_.push_back(found->second);
    return true;
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string module(line());
        return push_global(module, std::string(line()));
      }
      case kStackGlobal: {
        const std::string name = top_as<std::string>("the name of a global");
        pop();
        const std::string module = top_as<std::string>("the module of a global");
        pop();
        return push_global(module, name);
      }
      case kReduce:
        return call();
      case kBuild:
        return build();
      case kBinPersId: {
        const PickleRef id = pop();
        return push(storage_of(pickle_, pickle_[id], where()));
      }
      default:
        return false;
    }
  }

  bool push_global(const std::string& module, const std::string& name) {
    const std::string full = module + "." + name;
    if (!is_known_global(full)) {
      throw fault(
          "asks for '{}', which is refused: only tensors, dicts, lists, tuples, numbers and texts are read, and "
          "nothing is ever run. If you trust the file, load it in Python and save its state dict alone",
          shown(full));
    }
    return push(PickleGlobal{full});
  }

  bool call() {
    const PickleRef arguments = pop(), callee = pop();
    const auto* const global = std::get_if<PickleGlobal>(&pickle_[callee]);
    const auto* const tuple = std::get_if<PickleSequence>(&pickle_[arguments]);
    if (global == nullptr || tuple == nullptr || !tuple->tuple) {
      throw fault("calls {} with {}", kind_of(pickle_[callee]), kind_of(pickle_[arguments]));
    }
    return push(call_global(pickle_, global->name, *tuple, where()));
  }

  /// The state of an OrderedDict is what torch keeps beside the weights (_metadata): not needed. Nothing else has one.
  bool build() {
    pop();
    top_as<PickleDict>("an OrderedDict that gets attributes");
    return true;
  }

  std::string_view bytes_;
  const std::string& location_;
  std::size_t at_ = 0, begin_ = 0;
  Pickle pickle_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;  ///< heights of the stack
  std::unordered_map<std::uint64_t, PickleRef> memo_;
};

}  // namespace

Pickle unpickle(std::string_view bytes, const std::string& location) { return Unpickler(bytes, location).run(); }

}  // namespace recon
