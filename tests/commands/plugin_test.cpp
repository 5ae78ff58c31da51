// What is no plug-in: one line, exit code 2. Plug-ins that work are built by the installation's tests.
#include "tests/commands/program.h"

namespace recon {
namespace {

class Plugins : public ProgramTest {};

TEST_F(Plugins, WhatCannotBeLoadedIsOneError) {
  expect_error("list --plugin none.so", 2, {"none.so: plug-in: no such file"});
  expect_error("list --plugin .", 2, {"plug-in: no such file"});
  write("text.so", "no library");
  expect_error("list --plugin text.so", 2,
               {"text.so: cannot be loaded as a plug-in", "rebuild it against the headers"});
  expect_error("list --plugin /lib/x86_64-linux-gnu/libz.so.1", 2, {"is a library, but no plug-in", "RECON_PLUGIN"});
}

TEST_F(Plugins, AConfigNamesThemFromItsFolder) {
  std::filesystem::create_directories(path("deep"));
  write("deep/run.yaml", "plugins: [none.so]\ninput: a.h5\n");
  expect_error("run deep/run.yaml", 2, {"deep/none.so: plug-in: no such file"});
  write("scalar.yaml", "plugins: none.so\ninput: a.h5\n");
  expect_error("run scalar.yaml", 2, {"scalar.yaml:1", "expected a list of shared libraries"});
  write("run.yaml", "input: a.h5\n");
  expect_error("run run.yaml --set 'plugins=[none.so]'", 2, {"unknown key 'plugins'"});
}

}  // namespace
}  // namespace recon
