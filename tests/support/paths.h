#pragma once

#include <string>

// Where the checkout and the program are. Functions, so that only one file depends on the folder of the checkout and
// the compiler cache serves every clone.
namespace recon::test {

std::string source_path(const std::string& relative = "");  ///< of a file of the checkout
std::string program();                                      ///< the path of the program `recon`

}  // namespace recon::test
