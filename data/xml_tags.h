#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Private to data: what image files say in XML, as far as tags and their attributes say it.
namespace recon {

/// An opening tag, or one that closes itself.
struct XmlTag {
  std::string name;  ///< without a prefix of a namespace
  std::map<std::string, std::string> attributes;
};

/// The tags of a document in their order; texts, comments and declarations are passed over. A document that breaks off
/// has the tags up to there.
std::vector<XmlTag> xml_tags(std::string_view text);

}  // namespace recon
