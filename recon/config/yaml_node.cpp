#include "recon/config/yaml_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "recon/core/error.h"

namespace recon {
namespace {

constexpr std::size_t max_depth = 32;
constexpr std::size_t max_nodes = 200000;

/// Builds our nodes from yaml-cpp's events; its own Node forgets duplicate keys.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(YamlSource source) : source_(std::move(source)) {}

  YamlNodePtr document() const { return document_; }
  std::string location(const YAML::Mark& mark) const {
    return mark.is_null() || !source_.with_lines ? source_.name : fmt::format("{}:{}", source_.name, mark.line + 1);
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_ != nullptr)
      throw usage_error(location(mark), "expected one YAML document, found a second one ('---')");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, anchor, node_at(mark, YamlNode::Kind::null));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw usage_error(location(mark), "an alias stands inside its own anchor");
    add(mark, 0, found->second);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = node_at(mark, YamlNode::Kind::scalar);
    node->text = value;
    node->quoted = tag == "!";
    add(mark, anchor, node);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, YamlNode::Kind::mapping);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    YAML::Mark mark;
    bool has_key = false;
    std::string key, key_location;
    std::set<std::string> keys;
  };

  std::shared_ptr<YamlNode> node_at(const YAML::Mark& mark, YamlNode::Kind kind) {
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->location = location(mark);
    node->folder = source_.folder;
    return node;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (stack_.size() >= max_depth) throw usage_error(location(mark), "nested deeper than {} levels", max_depth);
    if (!stack_.empty() && expects_key(stack_.back())) refuse_key(mark);
    Frame frame;
    frame.node = node_at(mark, kind);
    frame.anchor = anchor;
    frame.mark = mark;
    stack_.push_back(std::move(frame));
  }

  void close() {
    const Frame frame = std::move(stack_.back());
    stack_.pop_back();
    add(frame.mark, frame.anchor, frame.node);
  }

  static bool expects_key(const Frame& frame) { return frame.node->kind == YamlNode::Kind::mapping && !frame.has_key; }

  [[noreturn]] void refuse_key(const YAML::Mark& mark) const {
    throw usage_error(location(mark),
                      "expected a key (a word before ':'), found something else; is a bracket left open?");
  }

  void add(const YAML::Mark& mark, YAML::anchor_t anchor, const YamlNodePtr& node) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      document_ = node;
      return;
    }
    Frame& frame = stack_.back();
    if (expects_key(frame)) {
      take_key(frame, mark, *node);
      return;
    }
    frame.node->expanded_size += node->expanded_size;
    if (frame.node->expanded_size > max_nodes) {
      throw usage_error(location(mark), "more than {} values (aliases written out)", max_nodes);
    }
    if (frame.node->kind == YamlNode::Kind::sequence) {
      frame.node->items.push_back(node);
    } else {
      frame.node->entries.push_back({std::move(frame.key), std::move(frame.key_location), node});
      frame.has_key = false;
    }
  }

  void take_key(Frame& frame, const YAML::Mark& mark, const YamlNode& node) const {
    if (node.kind != YamlNode::Kind::scalar) refuse_key(mark);
    frame.key = node.text;
    frame.key_location = location(mark);
    frame.has_key = true;
    if (frame.keys.insert(node.text).second) return;
    for (const auto& entry : frame.node->entries) {
      if (entry.key == node.text) {
        throw usage_error(location(mark), "duplicate key '{}' (first given at {}); remove one", node.text,
                          entry.location);
      }
    }
  }

  YamlSource source_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, YamlNodePtr> anchors_;
  YamlNodePtr document_;
};

/// The line of the first byte that no YAML text has, 0 when there is none.
std::size_t binary_line(const std::string& text) {
  std::size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') return line;
  }
  return 0;
}

std::size_t list_index(const std::string& word, std::size_t size, const std::string& location) {
  const bool digits = !word.empty() && word.size() < 9 && word.find_first_not_of("0123456789") == std::string::npos;
  const std::size_t index = digits ? std::stoul(word) : 0;
  if (!digits || index > size) {
    throw usage_error(location, "'{}' is no index into a list of {}; expected 0 to {}", word, size, size);
  }
  return index;
}

std::size_t sum_of_sizes(const YamlNode& node) {
  std::size_t sum = 1;
  for (const auto& item : node.items) sum += item->expanded_size;
  for (const auto& entry : node.entries) sum += entry.value->expanded_size;
  return sum;
}

}  // namespace

const YamlEntry* YamlNode::find(const std::string& key) const {
  for (const auto& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

std::string YamlNode::location_of(std::string_view name) const {
  const bool said = location.starts_with("--set ") && location.ends_with(name) &&
                    std::string_view(". ").find(location[location.size() - name.size() - 1]) != std::string_view::npos;
  return said || name.empty() ? location : fmt::format("{} {}", location, name);
}

std::string YamlNode::description() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::sequence:
      return fmt::format("a list of {}", items.size());
    case Kind::mapping:
      return "a section of keys";
    case Kind::scalar:
      break;
  }
  const std::string shown = text.size() > 60 ? text.substr(0, 57) + "..." : text;
  return (quoted ? "the quoted text '" : "'") + shown + "'";
}

YamlNodePtr parse_yaml(const std::string& text, const YamlSource& source) {
  Builder builder(source);
  if (const std::size_t line = binary_line(text); line != 0) {
    YAML::Mark mark;
    mark.line = static_cast<int>(line) - 1;
    throw usage_error(builder.location(mark), "expected YAML text, found binary data");
  }
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    throw usage_error(builder.location(error.mark), "not valid YAML: {}", error.msg);
  }
  if (builder.document() != nullptr) return builder.document();
  auto empty = std::make_shared<YamlNode>();
  empty->location = source.name;
  empty->folder = source.folder;
  return empty;
}

YamlNodePtr as_section(const YamlNodePtr& node) {
  if (node->kind != YamlNode::Kind::scalar) return node;
  auto section = std::make_shared<YamlNode>(*node);
  section->kind = YamlNode::Kind::mapping;
  section->from_word = true;
  section->entries.push_back({"type", node->location, node});
  section->expanded_size = sum_of_sizes(*section);
  return section;
}

YamlNodePtr with_value(const YamlNodePtr& old_root, const std::string& path, const YamlNodePtr& value) {
  const YamlNodePtr root = as_section(old_root);
  const std::size_t dot = path.find('.');
  const std::string word = path.substr(0, dot);
  if (word.empty()) throw usage_error(value->location, "expected KEY.KEY...=VALUE, found an empty key");
  const auto child = [&](const YamlNodePtr& old) {
    if (dot == std::string::npos) return value;
    if (word == "type" && old != nullptr && old->kind == YamlNode::Kind::scalar) {
      throw usage_error(value->location, "'{}' cannot be set: its parent is {}, not a section", path.substr(dot + 1),
                        old->description());
    }
    const auto fresh = std::make_shared<YamlNode>();
    fresh->location = value->location;
    fresh->folder = value->folder;
    return with_value(old != nullptr ? old : fresh, path.substr(dot + 1), value);
  };
  auto copy = std::make_shared<YamlNode>(*root);
  if (root->kind == YamlNode::Kind::sequence) {
    const std::size_t index = list_index(word, root->items.size(), value->location);
    if (index == root->items.size()) copy->items.emplace_back();
    copy->items[index] = child(copy->items[index]);
  } else {
    copy->kind = YamlNode::Kind::mapping;
    const YamlEntry* old = root->find(word);
    if (old == nullptr) {
      copy->entries.push_back({word, value->location, child(nullptr)});
    } else {
      auto& entry = copy->entries[static_cast<std::size_t>(old - root->entries.data())];
      entry.value = child(old->value);
      entry.location = dot == std::string::npos ? value->location : entry.location;
    }
  }
  copy->expanded_size = sum_of_sizes(*copy);
  return copy;
}

}  // namespace recon
